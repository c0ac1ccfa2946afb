import { availableParallelism } from 'node:os';
import { rateLimited } from '../../errors.ts';
import { findBackupCode, mintBackupCodes, type NewBackupCodes } from './code.ts';
import type { Keyring } from './keyring.ts';
import { checkCost, dummyHash, hashPassword, verifyPassword, type PasswordCost } from './password.ts';
import { stretch, type Stretching } from './stretch.ts';

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
  /** A new hash of the same password, if it was right and its stored hash is old. */
  readonly renewed: string | null;
}

/** Seconds after which the queue has had time to empty. */
const retryAfter = 2;

/**
 * Hashes and verifies passwords and backup codes, a few at a time. Each takes a core and its memory for tens of
 * milliseconds, so many at once would starve every other request: beyond the queue they are refused.
 */
export class PasswordHasher {
  readonly #keyring: Keyring;
  readonly #cost: PasswordCost;
  readonly #limits: HasherLimits;
  /** Those that hash, and as many behind them that are about to: they choose meanwhile, so that no core waits for it. */
  readonly #hashing: ConcurrencyLimiter;
  readonly #choosing: ConcurrencyLimiter;
  #inside = 0;

  /** @throws {RangeError} where the cost is out of bounds. */
  constructor(keyring: Keyring, cost: PasswordCost, limits: HasherLimits = defaultLimits()) {
    checkCost(cost);
    this.#keyring = keyring;
    this.#cost = cost;
    this.#limits = limits;
    this.#hashing = new ConcurrencyLimiter(limits.concurrent);
    this.#choosing = new ConcurrencyLimiter(limits.concurrent);
  }

  async hash(password: string): Promise<string> {
    return this.#inTurn(nothingToChoose, () => hashPassword(password, this.#cost, this.#keyring));
  }

  /**
   * Holds a password against the hash that `choose` gives once its turn is next: so an attempt is counted only when it
   * is made, and a full queue costs nobody an attempt. Null stands for no user: the same work, and never right.
   */
  async verify(password: string, choose: () => Promise<string | null>): Promise<PasswordProof> {
    return this.#inTurn(choose, async (stored) => {
      const target = stored ?? dummyHash(this.#cost, this.#keyring);
      const { isRight, needsRehash } = await verifyPassword(target, password, this.#cost, this.#keyring);
      const renewed = isRight && needsRehash ? await hashPassword(password, this.#cost, this.#keyring) : null;
      return { isRight: isRight && stored !== null, stored, renewed };
    });
  }

  /** Ten backup codes; in one turn, though it is the work of ten. */
  async mintCodes(): Promise<NewBackupCodes> {
    return this.#inTurn(nothingToChoose, () => mintBackupCodes(this.#cost, this.#keyring));
  }

  /**
   * Which of the hashes that `choose` gives once its turn is next is this code's, or null. The same work whatever they
   * are: none stand for no user, or for a user who may not try.
   */
  async findCode(code: string, choose: () => Promise<readonly string[]>): Promise<number | null> {
    return this.#inTurn(choose, (hashes) => findBackupCode(code, hashes, this.#cost, this.#keyring));
  }

  /**
   * The 32 bytes that PBKDF2 gives of a password, in a turn of their own: it takes a core for as long as a hash does, or
   * longer. They belong to the caller, who zeroes them. `choose` runs once the turn is next.
   */
  async stretch(password: string, stretching: Stretching, choose: () => Promise<unknown> = nothingToChoose): Promise<Buffer> {
    return this.#inTurn(choose, () => stretch(password, stretching));
  }

  async #inTurn<Chosen, Done>(choose: () => Promise<Chosen>, work: (chosen: Chosen) => Promise<Done>): Promise<Done> {
    if (this.#inside >= this.#limits.concurrent + this.#limits.waiting) throw rateLimited(retryAfter, 'busy');
    this.#inside += 1;
    try {
      const chosen = await this.#next(choose);
      return await work(chosen).finally(() => this.#hashing.pass());
    } finally {
      this.#inside -= 1;
    }
  }

  /** Resolves with what was chosen when its turn to hash has come. */
  async #next<Chosen>(choose: () => Promise<Chosen>): Promise<Chosen> {
    await this.#choosing.take();
    try {
      const chosen = await choose();
      await this.#hashing.take();
      return chosen;
    } finally {
      this.#choosing.pass();
    }
  }
}

/** So many at once; the others wait, in their order. */
class ConcurrencyLimiter {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(most: number) {
    this.#free = most;
  }

  async take(): Promise<void> {
    if (this.#free === 0) return new Promise((start) => this.#waiting.push(start));
    this.#free -= 1;
  }

  /** The turn passes to the longest-waiting caller, so the number of running hashes stays. */
  pass(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free += 1;
  }
}

const nothingToChoose = (): Promise<null> => Promise.resolve(null);

/** libuv has four threads for hashing, files and name look-ups together: one of them stays free of hashing. */
function defaultLimits(): HasherLimits {
  return { concurrent: Math.min(availableParallelism(), 3), waiting: 64 };
}
