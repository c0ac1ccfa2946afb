import { availableParallelism } from 'node:os';
import { rateLimited } from '../../errors.ts';
import { findBackupCode, mintBackupCodes, type NewBackupCodes } from './code.ts';
import type { Keyring } from './keyring.ts';
import { checkCost, dummyHash, hashPassword, verifyPassword, type PasswordCost } from './password.ts';
import { stretch, type Stretching } from './stretch.ts';

/** The number of hashes that run at once, and the number of callers that may wait. */
export interface HasherLimits {
  readonly concurrent: number;
  readonly waiting: number;
}

/** The result of a verification. */
export interface PasswordProof {
  readonly isRight: boolean;
  /** The stored hash that the password was compared with. Null if there was none. */
  readonly stored: string | null;
  /** A new hash of the same password if it was right and its stored hash is outdated. */
  readonly renewed: string | null;
}

/** The seconds after which the queue has probably emptied. */
const retryAfter = 2;

/**
 * Hashes and verifies passwords and backup codes, a few at a time. Each hash takes a core and its memory for tens of
 * milliseconds, so too many at once would starve every other request. Beyond the queue, calls are refused.
 */
export class PasswordHasher {
  readonly #keyring: Keyring;
  readonly #cost: PasswordCost;
  readonly #limits: HasherLimits;
  /**
   * The running hashes, and as many that are about to run: those run `choose` meanwhile, so that no core waits for it.
   */
  readonly #hashing: ConcurrencyLimiter;
  readonly #choosing: ConcurrencyLimiter;
  #inside = 0;

  /** @throws {RangeError} if the cost is out of bounds. */
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
   * Compares a password with the hash that `choose` returns when its turn is next. So only attempts that are made are
   * counted, and a full queue uses up no attempt. Null stands for no user: the work is the same, and the result is
   * never a match.
   */
  async verify(password: string, choose: () => Promise<string | null>): Promise<PasswordProof> {
    return this.#inTurn(choose, async (stored) => {
      const target = stored ?? dummyHash(this.#cost, this.#keyring);
      const { isRight, needsRehash } = await verifyPassword(target, password, this.#cost, this.#keyring);
      const renewed = isRight && needsRehash ? await hashPassword(password, this.#cost, this.#keyring) : null;
      return { isRight: isRight && stored !== null, stored, renewed };
    });
  }

  /** Creates ten backup codes. Takes one turn, although the work is that of ten. */
  async mintCodes(): Promise<NewBackupCodes> {
    return this.#inTurn(nothingToChoose, () => mintBackupCodes(this.#cost, this.#keyring));
  }

  /**
   * Finds the hash that matches the code, or null. `choose` returns the hashes when its turn is next. The work does not
   * depend on the hashes: an empty list stands for no user, or for a user who may not try.
   */
  async findCode(code: string, choose: () => Promise<readonly string[]>): Promise<number | null> {
    return this.#inTurn(choose, (hashes) => findBackupCode(code, hashes, this.#cost, this.#keyring));
  }

  /**
   * Derives 32 bytes from a password with PBKDF2. Takes a turn of its own, because it uses a core for at least as long
   * as a hash. The caller must zero the bytes. `choose` runs when the turn is next.
   */
  async stretch(
    password: string,
    stretching: Stretching,
    choose: () => Promise<unknown> = nothingToChoose,
  ): Promise<Buffer> {
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

  /** Resolves with the chosen value when its turn to hash has come. */
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

/** Runs a limited number at once. The others wait in order. */
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

/** libuv has four threads for hashing, files and name lookups. This keeps one of them free of hashing. */
function defaultLimits(): HasherLimits {
  return { concurrent: Math.min(availableParallelism(), 3), waiting: 64 };
}
