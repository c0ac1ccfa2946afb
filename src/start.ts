import { setTimeout } from 'node:timers/promises';

/**
 * Where a service is between its start and its end:
 *
 *     connecting → migrating → ready → stopping
 *         ↑ ________________|
 *
 * It listens in all of them. Until it is ready it answers what is needed to configure it, and tells what keeps it.
 */
export type Stage = 'connecting' | 'migrating' | 'ready' | 'stopping';

/** What is done on the way. */
export interface Steps<Work> {
  /** Connects, brings the database up to date and begins the work there; says when it has come to the second. */
  begin(migrating: () => void): Promise<Work>;
  /** Why it is worth trying again, in a word or two; null where it is not, and the start has failed. */
  passing(error: unknown): string | null;
  /** Hears that it is tried again in so many seconds. */
  waiting(reason: string, seconds: number, attempt: number): Promise<void>;
  /** Ends work that is not needed after all. */
  discard(work: Work): Promise<void>;
}

/** The start was given up because the service was told to stop. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';

  constructor() {
    super('The service was stopped before it was ready.');
  }
}

/** Brings a service from its start to where it is ready, as often as it takes, and knows where it is. */
export class Start<Work> {
  readonly #steps: Steps<Work>;
  readonly #settled = new AbortController();
  #stage: Stage = 'connecting';
  #reason: string | null = null;
  #work: Work | null = null;

  constructor(steps: Steps<Work>) {
    this.#steps = steps;
  }

  get stage(): Stage {
    return this.#stage;
  }

  /** Null until it is ready; kept while it stops, for what is still to be answered. */
  get work(): Work | null {
    return this.#work;
  }

  /** What keeps it from being ready, in a sentence; null where it is. */
  get trouble(): string | null {
    return sentences[this.#stage](this.#reason);
  }

  /** @throws what cannot be mended by trying again; StoppedError. */
  async run(): Promise<Work> {
    for (let attempt = 1; !this.#settled.signal.aborted; attempt += 1) {
      const reason = await this.#try();
      if (reason !== null) await this.#wait(reason, attempt);
    }
    if (this.#work === null || this.#stage !== 'ready') throw new StoppedError();
    return this.#work;
  }

  /** Goes over to other work, also where there was none yet. @returns the work before. */
  adopt(work: Work): Work | null {
    const before = this.#work;
    this.#work = work;
    if (this.#stage !== 'stopping') this.#enter('ready');
    this.#settled.abort();
    return before;
  }

  /** @returns whether it was not stopping before. */
  stop(): boolean {
    const isFirst = this.#stage !== 'stopping';
    this.#enter('stopping');
    this.#settled.abort();
    return isFirst;
  }

  /** @returns why it has to be tried again; null where it is settled. */
  async #try(): Promise<string | null> {
    let work: Work;
    try {
      work = await this.#steps.begin(() => this.#enter('migrating'));
    } catch (error) {
      if (this.#settled.signal.aborted) return null;
      const reason = this.#steps.passing(error);
      if (reason === null) throw error;
      return reason;
    }
    // meanwhile it may have been told to stop, or to go elsewhere
    if (this.#settled.signal.aborted) await this.#steps.discard(work);
    else this.adopt(work);
    return null;
  }

  async #wait(reason: string, attempt: number): Promise<void> {
    this.#enter('connecting');
    this.#reason = reason;
    const seconds = waitAfter(attempt);
    await this.#steps.waiting(reason, seconds, attempt);
    await setTimeout(seconds * 1000, null, { signal: this.#settled.signal }).catch(() => null);
  }

  #enter(stage: Stage): void {
    if (this.#stage === 'stopping') return;
    if (this.#stage === 'ready' && stage !== 'stopping') return;
    this.#stage = stage;
  }
}

const sentences: Readonly<Record<Stage, (reason: string | null) => string | null>> = {
  connecting: (reason) =>
    reason === null ? 'The service is connecting to the database.' : `The database cannot be reached: ${reason.toUpperCase()}.`,
  migrating: () => 'The database is being migrated.',
  ready: () => null,
  stopping: () => 'The service is stopping.',
};

/** Seconds: a quarter at first, doubling up to five, and up to half as long again by chance, so that nodes do not come all at once. */
const waitAfter = (attempt: number): number => Math.min(5, 0.25 * 2 ** (attempt - 1)) * (1 + Math.random() / 2);
