import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import vm from 'node:vm';
import type { EnvironmentContext, JestEnvironmentConfig } from '@jest/environment';
import type { Circus } from '@jest/types';
import { TestEnvironment } from 'jest-environment-node';

/** The milliseconds for handles that the file closed in its last hook to disappear. */
const patience = 5_000;

/**
 * The milliseconds after which a test or hook counts as hanging. The shorter time-outs in the files are for a quiet
 * machine and are raised to this.
 */
const hanging = 600_000;

/**
 * Jest's environment for Node. Records the cost of each file, and the handles and processes that it leaves behind. A
 * file whose first comment contains `@allows-rejections` may leave rejected promises unhandled.
 */
export default class extends TestEnvironment {
  readonly #file: string;
  readonly #cpu = process.cpuUsage();
  readonly #childrenCpu = childrenCpu();
  readonly #begun = performance.now();
  readonly #open = counted();
  readonly #allowsRejections: boolean;

  constructor(config: JestEnvironmentConfig, context: EnvironmentContext) {
    // In Jest's own context, each use of a global such as `Array` leaves V8 and costs half a microsecond.
    const { createContext } = vm;
    vm.createContext = () => createContext(vm.constants.DONT_CONTEXTIFY);
    super(config, context);
    vm.createContext = createContext;
    this.#file = context.testPath;
    this.#allowsRejections = 'allows-rejections' in context.docblockPragmas;
    process.off('unhandledRejection', handle);
  }

  handleTestEvent(event: Circus.Event): void {
    if (event.name === 'run_start' && this.#allowsRejections) process.on('unhandledRejection', handle);
    if (event.name === 'test_start') event.test.timeout = Math.max(event.test.timeout ?? 0, hanging);
    if (event.name === 'hook_start') event.hook.timeout = Math.max(event.hook.timeout ?? 0, hanging);
  }

  override async teardown(): Promise<void> {
    const { user, system } = process.cpuUsage(this.#cpu);
    const wall = performance.now() - this.#begun;
    await renewDispatcher();
    const latest = performance.now() + patience;
    while (this.#left().length > 0 && performance.now() < latest) await setTimeout(10);
    const left = this.#left();
    await super.teardown();
    const folder = process.env['UNIONHALL_TEST_NOTES'];
    if (folder === undefined) return;
    const note = { file: this.#file, cpu: (user + system) / 1e6, children: childrenCpu() - this.#childrenCpu, wall: wall / 1000, left };
    appendFileSync(join(folder, 'notes'), `${JSON.stringify(note)}\n`);
  }

  /** Lists what keeps the process alive and did not before the file. */
  #left(): string[] {
    return [...counted()].flatMap(([kind, count]) => Array<string>(Math.max(0, count - (this.#open.get(kind) ?? 0))).fill(kind));
  }
}

/** Handles an unhandled rejection, so that Jest ignores it. */
const handle = (_error: unknown, promise: Promise<unknown>): void => void promise.catch(() => {});

/** Closes connections of `fetch` whose response the file did not read. The next file gets a new dispatcher. */
async function renewDispatcher(): Promise<void> {
  const holder = globalThis as unknown as Record<symbol, Dispatcher | undefined>;
  const key = Symbol.for('undici.globalDispatcher.1');
  const dispatcher = holder[key];
  if (dispatcher === undefined) return;
  holder[key] = new dispatcher.constructor();
  await dispatcher.destroy();
}

interface Dispatcher {
  readonly constructor: new () => Dispatcher;
  destroy(): Promise<void>;
}

/** Returns the CPU seconds of ended child processes, on Linux. */
function childrenCpu(): number {
  if (!existsSync('/proc/self/stat')) return 0;
  const [, fields = ''] = readFileSync('/proc/self/stat', 'utf8').split(') ');
  const [user, system] = fields.split(' ').slice(13, 15).map(Number);
  return ((user ?? 0) + (system ?? 0)) / 100;
}

function counted(): Map<string, number> {
  const counts = new Map<string, number>();
  // PipeWrap is standard input after a test has used it; a remaining process is a ProcessWrap
  for (const kind of process.getActiveResourcesInfo().filter((each) => each !== 'PipeWrap')) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}
