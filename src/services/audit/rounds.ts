import { setTimeout } from 'node:timers/promises';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Keyring } from '../crypto/keyring.ts';
import { batchSize, sealEvents } from './seal.ts';

/** What it takes to seal again and again. */
export interface SealingParts {
  /** Not of a request: each batch works on a fork of its own. */
  readonly em: SqlEntityManager;
  readonly keyring: Keyring;
  /** Seconds between two looks at what waits. */
  readonly every: number;
  readonly warn: (message: string) => void;
  /** Resolves after so many milliseconds, or at once where the signal says so. */
  readonly wait?: (milliseconds: number, signal: AbortSignal) => Promise<unknown>;
  /** Events that are sealed by one transaction. */
  readonly batch?: number;
  /** Traces jobs. Left out if tracing is off. */
  readonly trace?: <Result>(name: string, work: () => Promise<Result>) => Promise<Result>;
}

/** Sealing that goes on until it is stopped. */
export interface Sealing {
  /** Begins no further batch, and waits for the one that runs. What still waits is sealed after the next start. */
  stop(): Promise<void>;
}

/** Seals what waits every so often, batch after batch until nothing does. What fails is said, and tried again the next time. */
export function startSealing({ wait = pause, batch = batchSize, trace = (_name, work) => work(), ...parts }: SealingParts): Sealing {
  const ending = new AbortController();
  const going = goOn({ wait, batch, trace, ...parts }, ending.signal);
  return {
    stop: async () => {
      ending.abort();
      await going;
    },
  };
}

async function goOn({ wait, every, warn, trace, ...parts }: Required<SealingParts>, signal: AbortSignal): Promise<void> {
  for (;;) {
    await wait(every * 1000, signal);
    if (signal.aborted) return;
    await trace('job seal', () => sealAll(parts, signal)).catch((error: unknown) =>
      warn(`Sealing of the audit log failed (${(error as Error).name})`),
    );
  }
}

async function sealAll(
  { em, keyring, batch }: Pick<Required<SealingParts>, 'em' | 'keyring' | 'batch'>,
  signal: AbortSignal,
): Promise<void> {
  let sealed: number | null = batch;
  while (sealed === batch && !signal.aborted) sealed = await sealEvents({ em: em.fork(), keyring }, batch);
}

/** Does not keep the process alive. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<unknown> {
  return setTimeout(milliseconds, null, { ref: false, signal }).catch(() => null);
}
