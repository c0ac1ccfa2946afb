import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { AuditOutcome } from '../../entities/audit.ts';
import { User } from '../../entities/user.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { countDenials, keyOfDenial, recordAudit, type CountedDenial, type Requester } from './event.ts';
import type { Keyring } from '../crypto/keyring.ts';

/** An operation that somebody may not ask. */
export interface RefusedOperation {
  /** The name of the root field, as the schema has it: never a client's own text. */
  readonly operation: string;
  /** The code of the refusal. */
  readonly code: string;
  /** Whether each time is an event of its own; otherwise they are counted by the minute. */
  readonly isSingle: boolean;
}

/** What it takes to record refusals. */
export interface RefusalParts {
  /** Not of a request: what is recorded stays, whatever becomes of the request. */
  readonly em: SqlEntityManager;
  readonly keyring: Keyring;
  readonly now: () => Date;
  readonly warn: (message: string) => void;
}

/** Different refusals that wait to be written at most. Whoever could bring more of them is too much for one log. */
const mostWaiting = 10_000;

/** Refusals that one statement writes. */
const mostAtOnce = 500;

/**
 * Records operations that were refused, behind the back of whoever was refused: nobody waits for it, and one connection at
 * most is taken by it. What comes while it writes is written together afterwards, the same refusals as one row.
 */
export class Refusals {
  #counted = new Map<string, CountedDenial>();
  #singles: CountedDenial[] = [];
  #lost = 0;
  #writing: Promise<void> | null = null;

  constructor(private readonly parts: RefusalParts) {}

  /** Takes note, and returns at once. */
  note({ operation, code, isSingle }: RefusedOperation, { userId, sessionId }: Viewer, { ipAddress, requestId }: Requester): void {
    const facts = { action: operation, reason: code.toLowerCase(), outcome: AuditOutcome.DENIED, actorId: userId, sessionId } as const;
    this.#add({ facts, at: this.parts.now(), requester: { ipAddress, requestId }, count: 1 }, isSingle);
    this.#writing ??= this.#write();
  }

  /** Waits until all that was noted is written. */
  async settle(): Promise<void> {
    await this.#writing;
  }

  #add(denial: CountedDenial, isSingle: boolean): void {
    const key = JSON.stringify(keyOfDenial(denial));
    const known = isSingle ? undefined : this.#counted.get(key);
    if (known === undefined && this.#counted.size + this.#singles.length >= mostWaiting) this.#lost += 1;
    else if (isSingle) this.#singles.push(denial);
    else this.#counted.set(key, { ...denial, count: (known?.count ?? 0) + 1 });
  }

  async #write(): Promise<void> {
    // those of one request go together
    await new Promise(setImmediate);
    while (this.#counted.size + this.#singles.length > 0) {
      const [counted, singles] = [[...this.#counted.values()], this.#singles];
      [this.#counted, this.#singles] = [new Map(), []];
      for (const some of inParts(counted)) await this.#try(some, (em) => countDenials(em, some));
      for (const some of inParts(singles)) await this.#try(some, (em) => this.#list(em, some));
      this.#tellLost();
    }
    this.#writing = null;
  }

  async #try(denials: readonly CountedDenial[], write: (em: SqlEntityManager) => Promise<void>): Promise<void> {
    await write(this.parts.em.fork()).catch((error: unknown) => {
      const count = denials.reduce((sum, denial) => sum + denial.count, 0);
      this.parts.warn(`${count} refusals could not be recorded (${(error as Error).name})`);
    });
  }

  async #list(em: SqlEntityManager, denials: readonly CountedDenial[]): Promise<void> {
    for (const { facts, at, requester } of denials) {
      const { action, reason, outcome, actorId, sessionId = null } = facts;
      const actor = actorId ? em.getReference(User, actorId, { wrapped: true }) : null;
      const target = { targetType: null, targetId: null } as const;
      recordAudit(em, this.parts.keyring, { at, actor, sessionId, ...requester, action, reason, outcome, ...target, count: 1 });
    }
    await em.flush();
  }

  #tellLost(): void {
    if (this.#lost > 0) this.parts.warn(`${this.#lost} refusals were not recorded: too many different ones came at once`);
    this.#lost = 0;
  }
}

function* inParts<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let begin = 0; begin < all.length; begin += mostAtOnce) yield all.slice(begin, begin + mostAtOnce);
}
