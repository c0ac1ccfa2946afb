import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Start, StoppedError, type Steps } from '../src/start.ts';

// A start without a service: what is asked of its steps, and what comes of it.

interface Told {
  readonly start: Start<string>;
  readonly begun: number;
  readonly discarded: readonly string[];
  /** Resolves when it waits to try again. */
  readonly waits: Promise<void>;
}

function starting(begin: Steps<string>['begin']): Told {
  const discarded: string[] = [];
  let begun = 0;
  let wait = (): void => undefined;
  const waits = new Promise<void>((resolve) => (wait = resolve));
  const start = new Start<string>({
    begin: (migrating) => {
      begun += 1;
      return begin(migrating);
    },
    passing: (error) => (error as Error).message,
    waiting: () => Promise.resolve(wait()),
    discard: (work) => Promise.resolve(void discarded.push(work)),
  });
  return {
    start,
    discarded,
    waits,
    get begun() {
      return begun;
    },
  };
}

const away = () => Promise.reject(new Error('refused'));

describe('a start', () => {
  it('tries again until it succeeds', async () => {
    const told = starting(() => (told.begun < 2 ? away() : Promise.resolve('work')));
    expect(await told.start.run()).toBe('work');
    expect([told.begun, told.start.stage, told.discarded]).toEqual([2, 'ready', []]);
  });

  it('that is told to stop while it waits does not try again', async () => {
    const told = starting(away);
    const run = told.start.run();
    await told.waits;
    await setImmediate();
    told.start.stop();
    await expect(run).rejects.toThrow(StoppedError);
    expect(told.begun).toBe(1);
  });

  it('that goes elsewhere while it waits does not try again, and is ready there', async () => {
    const told = starting(away);
    const run = told.start.run();
    await told.waits;
    await setImmediate();
    expect(told.start.adopt('elsewhere')).toBeNull();
    expect(await run).toBe('elsewhere');
    expect([told.begun, told.start.stage, told.discarded]).toEqual([1, 'ready', []]);
  });

  it.each(['stop', 'adopt'] as const)('discards what it comes to after %s', async (how) => {
    let finish = (_work: string): void => undefined;
    const told = starting(() => new Promise((resolve) => (finish = resolve)));
    const run = told.start.run();
    if (how === 'stop') told.start.stop();
    else told.start.adopt('elsewhere');
    finish('too late');
    expect(await run.catch((error: Error) => error.name)).toBe(how === 'stop' ? 'StoppedError' : 'elsewhere');
    expect([told.begun, told.discarded]).toEqual([1, ['too late']]);
  });

  it('ends with what cannot be mended', async () => {
    const start = new Start<string>({
      begin: away,
      passing: () => null,
      waiting: () => Promise.resolve(),
      discard: () => Promise.resolve(),
    });
    await expect(start.run()).rejects.toThrow('refused');
  });
});
