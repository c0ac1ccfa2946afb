import type { Teardown } from './setup.ts';

/** Once after all tests: nothing of the run stays behind. */
export default async function teardown(): Promise<void> {
  await (globalThis as Teardown).endTestRun?.();
}
