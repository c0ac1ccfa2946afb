import { setTimeout } from 'node:timers/promises';

/**
 * The lifecycle of a service:
 *
 * connecting → migrating → ready → stopping
 * ↑ ________________|
 *
 * The service listens in every stage. Until it is ready, it reports what it waits for and serves only the operations
 * that configure it.
 */
export type StartStage = 'connecting' | 'migrating' | 'ready' | 'stopping';

/** The steps of a start. */
export interface StartSteps<Work> {
  /** Connects, migrates and starts the work. Calls back when it begins to migrate. */
  begin(migrating: () => void): Promise<Work>;
  /** Returns a short reason if a retry may succeed. Null if the start has failed for good. */
  passing(error: unknown): string | null;
  /** Called before a retry, with the delay in seconds. */
  waiting(reason: string, seconds: number, attempt: number): Promise<void>;
  /** Ends work that is no longer needed. */
  discard(work: Work): Promise<void>;
}

/** The service was stopped during its start. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';

  constructor() {
    super('The service was stopped before it was ready.');
  }
}

/** Starts a service with retries, and tracks its stage. */
export class Start<Work> {
  readonly #steps: StartSteps<Work>;
  readonly #settled = new AbortController();
  #stage: StartStage = 'connecting';
  #reason: string | null = null;
  #work: Work | null = null;

  constructor(steps: StartSteps<Work>) {
    this.#steps = steps;
  }

  get stage(): StartStage {
    return this.#stage;
  }

  /** The work in progress. Null until the service is ready. Kept while it stops, for running requests. */
  get work(): Work | null {
    return this.#work;
  }

  /** Says in a sentence why the service is not ready. Null if it is ready. */
  get trouble(): string | null {
    return sentences[this.#stage](this.#reason);
  }

  /** Retries until the service is ready. @throws {StoppedError} after a stop, and errors that a retry cannot fix. */
  async run(): Promise<Work> {
    for (let attempt = 1; !this.#settled.signal.aborted; attempt += 1) {
      const reason = await this.#try();
      if (reason !== null) await this.#wait(reason, attempt);
    }
    if (this.#work === null || this.#stage !== 'ready') throw new StoppedError();
    return this.#work;
  }

  /** Switches to other work. @returns the previous work, or null. */
  adopt(work: Work): Work | null {
    const before = this.#work;
    this.#work = work;
    if (this.#stage !== 'stopping') this.#enter('ready');
    this.#settled.abort();
    return before;
  }

  /** Stops the start or the service. @returns whether this was the first call. */
  stop(): boolean {
    const isFirst = this.#stage !== 'stopping';
    this.#enter('stopping');
    this.#settled.abort();
    return isFirst;
  }

  /** @returns the reason for a retry, or null if no retry is needed. */
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
    // meanwhile, the service may have been stopped or moved to another database
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

  #enter(stage: StartStage): void {
    if (this.#stage === 'stopping') return;
    if (this.#stage === 'ready' && stage !== 'stopping') return;
    this.#stage = stage;
  }
}

const sentences: Readonly<Record<StartStage, (reason: string | null) => string | null>> = {
  connecting: (reason) =>
    reason === null
      ? 'The service is connecting to the database.'
      : `The database cannot be reached: ${reason.toUpperCase()}.`,
  migrating: () => 'The database is being migrated.',
  ready: () => null,
  stopping: () => 'The service is stopping.',
};

/** The delay in seconds: 0.25 at first, doubling up to 5, plus up to 50 % jitter so that nodes do not retry at the same time. */
const waitAfter = (attempt: number): number => Math.min(5, 0.25 * 2 ** (attempt - 1)) * (1 + Math.random() / 2);
