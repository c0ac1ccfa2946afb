import { availableParallelism } from 'node:os';
import { rateLimited } from '../../errors.ts';
import type { Keyring } from './keyring.ts';
import { checkCost, dummyHash, hashPassword, verifyPassword, type PasswordCost } from './password.ts';

/** How many hashes run at once, and how many more may wait for a turn. */
export interface HasherLimits {
  readonly concurrent: number;
  readonly waiting: number;
}

/** What a verification found. */
export interface PasswordProof {
  readonly isRight: boolean;
  /** The stored hash the password was held against; null where there was none. */
  readonly stored: string | null;
  /** The same password hashed anew, where it was right and its stored hash is old. */
  readonly renewed: string | null;
}

/** Seconds after which the queue has had time to empty. */
const retryAfter = 2;

/**
 * Hashes and verifies passwords, a few at a time. Each takes a core and its memory for tens of milliseconds, so many at
 * once would starve every other request: beyond the queue they are refused.
 */
export class PasswordHasher {
  readonly #keyring: Keyring;
  readonly #cost: PasswordCost;
  readonly #limits: HasherLimits;
  readonly #queue: (() => void)[] = [];
  #running = 0;

  /** @throws {RangeError} where the cost is out of bounds. */
  constructor(keyring: Keyring, cost: PasswordCost, limits: HasherLimits = defaultLimits()) {
    checkCost(cost);
    this.#keyring = keyring;
    this.#cost = cost;
    this.#limits = limits;
  }

  async hash(password: string): Promise<string> {
    return this.#inTurn(() => hashPassword(password, this.#cost, this.#keyring));
  }

  /**
   * Holds a password against the hash that `choose` gives once its turn has come: so an attempt is counted only when it
   * is made, and a full queue costs nobody an attempt. Null stands for no user: the same work, and never right.
   */
  async verify(password: string, choose: () => Promise<string | null>): Promise<PasswordProof> {
    return this.#inTurn(async () => {
      const stored = await choose();
      const target = stored ?? dummyHash(this.#cost, this.#keyring);
      const { isRight, needsRehash } = await verifyPassword(target, password, this.#cost, this.#keyring);
      const renewed = isRight && needsRehash ? await hashPassword(password, this.#cost, this.#keyring) : null;
      return { isRight: isRight && stored !== null, stored, renewed };
    });
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    await this.#turn();
    try {
      return await work();
    } finally {
      this.#yield();
    }
  }

  async #turn(): Promise<void> {
    if (this.#running < this.#limits.concurrent) {
      this.#running += 1;
      return;
    }
    if (this.#queue.length >= this.#limits.waiting) throw rateLimited(retryAfter);
    await new Promise<void>((start) => this.#queue.push(start));
  }

  /** The turn passes to whoever waits longest, so the number that runs stays. */
  #yield(): void {
    const next = this.#queue.shift();
    if (next) next();
    else this.#running -= 1;
  }
}

/** libuv has four threads for hashing, files and name look-ups together: one of them stays free of hashing. */
function defaultLimits(): HasherLimits {
  return { concurrent: Math.min(availableParallelism(), 3), waiting: 64 };
}
