import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { AuditOutcome } from '../../entities/audit.ts';
import type { Viewer } from '../../entities/viewer.ts';
import {
  countDenials,
  keyOfDenial,
  recordSingle,
  summaryOf,
  type CountedDenial,
  type RequestOrigin,
  type RefusalScope,
} from './denial.ts';
import type { EntityScope } from '../scope.ts';

/** An operation that the caller may not call. */
export interface RefusedOperation {
  /** The name of the root field in the schema: never the client's own text. */
  readonly operation: string;
  /** The error code. */
  readonly code: string;
  /** Whether a signed-in caller's refusal gets a single event, within the limits. All others are counted. */
  readonly isSingle: boolean;
}

/** The parts that recording refusals needs. */
export interface RefusalParts {
  /** Not the request's entity manager: the records stay, whatever the outcome of the request. */
  readonly em: SqlEntityManager;
  readonly tools: Omit<RefusalScope, 'em'>;
  readonly warn: (message: string) => void;
}

/**
 * The maximum number of distinct refusals per minute, for anonymous and for signed-in callers each. Further ones are
 * summarized.
 */
const mostPerMinute = 1000;

/** The maximum number of refusals that wait for a single event. Further ones are counted. */
const mostSingles = 1000;

/** The number of refusals per statement. */
const mostAtOnce = 500;

/**
 * Records refused operations in the background, so that no request waits. Uses at most one connection. Refusals that
 * arrive during a write are written together afterwards, identical ones as one row.
 */
export class Refusals {
  #counted = new Map<string, CountedDenial>();
  #singles: CountedDenial[] = [];
  #keysOfMinute = { minute: 0, anonymous: new Set<string>(), signedIn: new Set<string>() };
  #writing: Promise<void> | null = null;

  constructor(private readonly parts: RefusalParts) {}

  /** Adds a refusal to the queue and returns at once. */
  note({ operation, code, isSingle }: RefusedOperation, { userId, sessionId }: Viewer, client: RequestOrigin): void {
    const facts = {
      action: operation,
      reason: code.toLowerCase(),
      outcome: AuditOutcome.DENIED,
      actorId: userId,
      sessionId,
    } as const;
    const denial = { facts, at: this.parts.tools.now(), client, count: 1 };
    if (isSingle && userId !== null && this.#singles.length < mostSingles) this.#singles.push(denial);
    else this.#count(denial);
    this.#writing ??= this.#write();
  }

  /** Waits until all queued refusals are written. */
  async settle(): Promise<void> {
    await this.#writing;
  }

  #count(denial: CountedDenial): void {
    const own = JSON.stringify(keyOfDenial(denial));
    const counted = this.#isAmongMost(own, denial) ? denial : summaryOf(denial);
    const key = counted === denial ? own : JSON.stringify(keyOfDenial(counted));
    this.#counted.set(key, { ...counted, count: denial.count + (this.#counted.get(key)?.count ?? 0) });
  }

  #isAmongMost(key: string, { facts, at }: CountedDenial): boolean {
    const minute = Math.floor(at.valueOf() / 60_000);
    if (this.#keysOfMinute.minute !== minute)
      this.#keysOfMinute = { minute, anonymous: new Set(), signedIn: new Set() };
    const keys = facts.actorId ? this.#keysOfMinute.signedIn : this.#keysOfMinute.anonymous;
    if (keys.size < mostPerMinute) keys.add(key);
    return keys.has(key);
  }

  async #write(): Promise<void> {
    // collects the refusals of one request
    await new Promise(setImmediate);
    while (this.#counted.size + this.#singles.length > 0) {
      for (const single of this.#singles.splice(0)) await this.#try([single], (scope) => this.#list(scope, single));
      const counted = [...this.#counted.values()];
      this.#counted = new Map();
      for (const some of inParts(counted)) await this.#try(some, (scope) => countDenials(scope, some));
    }
    this.#writing = null;
  }

  async #try(denials: readonly CountedDenial[], write: (scope: EntityScope) => Promise<void>): Promise<void> {
    await write({ em: this.parts.em.fork() }).catch((error: unknown) => {
      const count = denials.reduce((sum, denial) => sum + denial.count, 0);
      this.parts.warn(`Audit events for ${count} refusals could not be written (${(error as Error).name})`);
    });
  }

  async #list(scope: EntityScope, denial: CountedDenial): Promise<void> {
    if (!(await recordSingle({ ...this.parts.tools, ...scope }, denial))) this.#count(denial);
  }
}

function* inParts<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let begin = 0; begin < all.length; begin += mostAtOnce) yield all.slice(begin, begin + mostAtOnce);
}
