import { validate as isUuid } from 'uuid';
import { BenevolenceAction, BenevolenceApplication } from '../../entities/benevolence.ts';
import type { CaseChange } from '../../entities/case.ts';
import { Grievance, GrievanceAction } from '../../entities/grievance.ts';
import { badInput, notFound } from '../../errors.ts';

const kinds = { Grievance, BenevolenceApplication } as const;

const actions: Readonly<Record<CaseChange['kind'], ReadonlySet<string>>> = {
  Grievance: new Set(Object.values(GrievanceAction)),
  BenevolenceApplication: new Set(Object.values(BenevolenceAction)),
};

interface CaseReference {
  readonly entity: (typeof kinds)[CaseChange['kind']];
  readonly id: string;
}

/** Whether the caller sees a case, or saw it until it was deleted. */
export interface CaseVisibility {
  sees(row: CaseReference): Promise<boolean>;
  saw(row: CaseReference): Promise<boolean>;
}

/** The changes of cases, for subscribers. */
export class CaseService {
  constructor(
    private readonly changes: CaseChanges,
    private readonly visibility: CaseVisibility,
  ) {}

  /**
   * Subscribes to the changes of the cases of a kind, or of one case. Whether the caller can see the case is checked at
   * each change: see {@link sees}.
   * @throws BAD_INPUT for a malformed id; NOT_FOUND for a case that is hidden from the caller.
   */
  async changesOf(entity: CaseReference['entity'], id: string | null | undefined): Promise<Backlog> {
    if (id == null) return this.changes.of(entity, null);
    if (!isUuid(id)) throw badInput({ path: 'id', message: 'must be a UUID' });
    if (!(await this.visibility.sees({ entity, id }))) throw notFound();
    return this.changes.of(entity, id.toLowerCase());
  }

  /** Whether the caller can see the case now, or could if this change had not removed it from every list. */
  sees({ kind, id, action }: CaseChange): Promise<boolean> {
    const row = { entity: kinds[kind], id };
    return kind === 'BenevolenceApplication' && action === BenevolenceAction.WITHDRAW
      ? this.visibility.saw(row)
      : this.visibility.sees(row);
  }
}

/** The changes of cases on all nodes, as this node receives them. */
export class CaseChanges {
  readonly #listening = new Set<Backlog>();

  /** @param most the maximum number of waiting changes per subscriber. */
  constructor(private readonly most: number) {}

  /** The number of subscribers. */
  get listeners(): number {
    return this.#listening.size;
  }

  /** Delivers a notification of the database. Ignores messages that are not changes of a case. */
  hear(payload: string): void {
    const change = changeOf(payload);
    if (change === null) return;
    for (const backlog of this.#listening) backlog.hear(change);
  }

  /** Subscribes until the returned iterator ends. */
  of(entity: CaseReference['entity'], id: string | null): Backlog {
    const backlog: Backlog = new Backlog({ kind: entity.name as CaseChange['kind'], id }, this.most, () =>
      this.#listening.delete(backlog),
    );
    this.#listening.add(backlog);
    return backlog;
  }
}

/** A subscriber did not read its changes fast enough. */
export class BacklogOverflow extends Error {
  override readonly name = 'BacklogOverflow';
}

type NextChange = IteratorResult<CaseChange, undefined>;

/** The waiting changes of one subscriber in order. Too many changes end it. */
export class Backlog implements AsyncGenerator<CaseChange, undefined> {
  readonly #changes: CaseChange[] = [];
  #waiting: ((next: NextChange) => void) | null = null;
  #state: 'open' | 'overrun' | 'ended' = 'open';

  constructor(
    private readonly wanted: { readonly kind: CaseChange['kind']; readonly id: string | null },
    private readonly most: number,
    private readonly leave: () => void,
  ) {}

  hear(change: CaseChange): void {
    if (change.kind !== this.wanted.kind || (this.wanted.id !== null && this.wanted.id !== change.id)) return;
    if (this.#waiting) {
      this.#waiting({ done: false, value: change });
      this.#waiting = null;
    } else if (this.#changes.length < this.most) this.#changes.push(change);
    else this.#end('overrun');
  }

  /** @throws {BacklogOverflow} if too many changes wait. */
  async next(): Promise<NextChange> {
    if (this.#state === 'overrun') throw new BacklogOverflow('The backlog of changes is full.');
    if (this.#state === 'ended') return over;
    const value = this.#changes.shift();
    if (value) return { done: false, value };
    return new Promise((resolve) => (this.#waiting = resolve));
  }

  async return(): Promise<NextChange> {
    this.#end('ended');
    return over;
  }

  async throw(error: unknown): Promise<never> {
    this.#end('ended');
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end('ended');
  }

  #end(state: 'overrun' | 'ended'): void {
    this.#state = state;
    this.#changes.length = 0;
    this.#waiting?.(over);
    this.#waiting = null;
    this.leave();
  }
}

const over = { done: true, value: undefined } as const;

/** Null for other messages, because others may use the channel too. */
function changeOf(payload: string): CaseChange | null {
  try {
    const { kind, id, action } = JSON.parse(payload) as Readonly<Record<keyof CaseChange, unknown>>;
    if ((kind !== 'Grievance' && kind !== 'BenevolenceApplication') || !isUuid(id)) return null;
    return typeof action === 'string' && actions[kind].has(action) ? { kind, id: id as string, action } : null;
  } catch {
    return null;
  }
}
