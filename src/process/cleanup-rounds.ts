import { setTimeout } from 'node:timers/promises';
import { cleanUp, type CleanupScope } from '../services/session/cleanup.ts';
import type { Trace } from './trace.ts';

/** What it takes to clean up again and again. */
export interface CleanupParts {
  /** Each transaction works on a fork of its entity manager. */
  readonly scope: CleanupScope;
  /** Seconds between two rounds; each wait is up to a fifth shorter or longer, so that nodes do not come all at once. */
  readonly every: number;
  readonly warn: (message: string) => void;
  readonly trace?: Trace;
  /** Resolves after so many milliseconds, or at once where the signal says so. */
  readonly wait?: (milliseconds: number, signal: AbortSignal) => Promise<unknown>;
  /** From 0 to 1. */
  readonly chance?: () => number;
}

/** Cleaning up that goes on until it is stopped. */
export interface Cleanup {
  /** Begins no further round, and waits for the one that runs; that ends after its transaction. */
  stop(): Promise<void>;
}

/** Cleans up every so often. A round that fails is said once a round, and the next one is tried. */
export function startCleanup({ wait = pause, ...parts }: CleanupParts): Cleanup {
  const ending = new AbortController();
  const going = goOn({ wait, ...parts }, ending.signal);
  return {
    stop: async () => {
      ending.abort();
      await going;
    },
  };
}

async function goOn(
  { scope, every, warn, wait, trace = (_name, work) => work(), chance = Math.random }: CleanupParts & { wait: typeof pause },
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await wait(Math.round(every * 1000 * (0.8 + 0.4 * chance())), signal);
    if (signal.aborted) return;
    await trace('job cleanup', () => cleanUp(scope, signal)).catch((error: unknown) =>
      warn(`Cleanup failed: ${error instanceof Error ? error.message : 'unknown error'}`),
    );
  }
}

/** Does not keep the process alive. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<unknown> {
  return setTimeout(milliseconds, null, { ref: false, signal }).catch(() => null);
}
