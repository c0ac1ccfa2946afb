import { setTimeout } from 'node:timers/promises';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { batchSize, sealEvents } from '../services/audit/index.ts';
import type { Scope } from '../services/scope.ts';
import { cleanUp, type CleanupScope } from '../services/session/cleanup.ts';
import type { Trace } from './trace.ts';

/** The options of a periodic job. */
export interface PeriodicOptions {
  /** The seconds between two runs. */
  readonly every: number;
  readonly warn: (message: string) => void;
  /** Traces each run. */
  readonly trace?: Trace;
  /** Waits some milliseconds, or until the signal. */
  readonly wait?: (milliseconds: number, signal: AbortSignal) => Promise<unknown>;
}

/** A job that runs repeatedly until it is stopped. */
export interface PeriodicJob {
  /** Starts no further run, and waits for the current one, which ends after its transaction. */
  stop(): Promise<void>;
}

/**
 * Cleans up periodically. Each wait is up to a fifth shorter or longer, so that nodes do not clean up at the same time.
 */
export const startCleanup = ({
  scope,
  chance = Math.random,
  ...options
}: PeriodicOptions & {
  readonly scope: CleanupScope;
  /** A random number from 0 to 1. */
  readonly chance?: () => number;
}): PeriodicJob =>
  repeat(options, () => 0.8 + 0.4 * chance(), {
    name: 'cleanup',
    run: (signal) => cleanUp(scope, signal),
    failure: (error) => `Cleanup failed: ${error instanceof Error ? error.message : 'unknown error'}`,
  });

/** Seals audit events periodically, in batches, until none waits. */
export const startSealing = ({
  em,
  keyring,
  batch = batchSize,
  ...options
}: PeriodicOptions &
  Pick<Scope, 'keyring'> & { readonly em: SqlEntityManager; readonly batch?: number }): PeriodicJob =>
  repeat(options, () => 1, {
    name: 'seal',
    run: async (signal) => {
      let sealed: number | null = batch;
      while (sealed === batch && !signal.aborted) sealed = await sealEvents({ em: em.fork(), keyring }, batch);
    },
    failure: (error) => `Sealing of the audit log failed (${(error as Error).name})`,
  });

interface Job {
  readonly name: string;
  readonly run: (signal: AbortSignal) => Promise<unknown>;
  readonly failure: (error: unknown) => string;
}

/** Runs a job after each wait, until it is stopped. A failed run is reported, and the next one is tried. */
function repeat(
  { every, warn, wait = pause, trace = (_name, work) => work() }: PeriodicOptions,
  share: () => number,
  { name, run, failure }: Job,
): PeriodicJob {
  const ending = new AbortController();
  const { signal } = ending;
  const running = (async () => {
    for (;;) {
      await wait(Math.round(every * 1000 * share()), signal);
      if (signal.aborted) return;
      await trace(`job ${name}`, () => run(signal)).catch((error: unknown) => warn(failure(error)));
    }
  })();
  return {
    stop: async () => {
      ending.abort();
      await running;
    },
  };
}

/** Does not keep the process alive. */
const pause = (milliseconds: number, signal: AbortSignal): Promise<unknown> =>
  setTimeout(milliseconds, null, { ref: false, signal }).catch(() => null);
