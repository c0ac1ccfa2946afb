import type { Teardown } from './setup.ts';

/** Runs once after all tests, and removes everything that the run created. */
export default async function teardown(): Promise<void> {
  await (globalThis as Teardown).endTestRun?.();
}
