import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const project = join(import.meta.dirname, '..', '..');

/** The built service in its own process, as an operator runs it. */
export interface Process {
  readonly url: string;
  readonly id: number;
  /** Returns all output on stdout and stderr. */
  said(): string;
  /** Stops it, and waits for its end. */
  stop(): Promise<void>;
  /** Sends it a signal. */
  signal(name: NodeJS.Signals): void;
  /** Resolves with its exit code. */
  readonly ended: Promise<number | null>;
}

/** Returns the folder of the run's build, which `setup.ts` removes. */
export const buildFolder = (): string => join(project, '.unionhall', `built-${process.env['UNIONHALL_TEST_RUN']}`);

/** Builds the service once per run: the first file compiles, the others wait. @returns the program. */
export function buildProgram(): { readonly folder: string; readonly program: string } {
  const folder = buildFolder();
  const end = join(folder, 'end');
  if (isFirst(folder)) {
    const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
    const given = [tsc, '-p', join(project, 'tsconfig.build.json'), '--outDir', folder];
    const { status, stdout } = spawnSync(process.execPath, given, { cwd: project, encoding: 'utf8' });
    writeFileSync(`${end}.new`, status === 0 ? '' : `The service does not build: ${stdout}`);
    renameSync(`${end}.new`, end);
  }
  while (!existsSync(end)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  const problem = readFileSync(end, 'utf8');
  if (problem !== '') throw new Error(problem);
  return { folder, program: join(folder, 'src', 'main.js') };
}

function isFirst(folder: string): boolean {
  mkdirSync(dirname(folder), { recursive: true });
  try {
    mkdirSync(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Starts the program with this environment only, and waits until it responds. */
export async function startProcess(program: string, environment: Readonly<Record<string, string>>): Promise<Process> {
  const { said: url, process } = await begun(program, 'start', environment, /answers at \S*?(http:\/\/[\w.:]+)\/graphql/);
  return { ...process, url };
}

/** Starts the worker in the same way, and waits for its start message. */
export async function startWorker(program: string, environment: Readonly<Record<string, string>>): Promise<Omit<Process, 'url'>> {
  return (await begun(program, 'worker', environment, /(Worker ready)/)).process;
}

async function begun(
  program: string,
  command: string,
  environment: Readonly<Record<string, string>>,
  sign: RegExp,
): Promise<{ said: string; process: Omit<Process, 'url'> }> {
  const child = launch(program, [command], environment);
  const said = collected(child);
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  const stop = async (): Promise<void> => {
    child.kill();
    await ended;
  };
  try {
    const heard = await announced(child, said, sign);
    return { said: heard, process: { id: child.pid ?? 0, said, stop, ended, signal: (name) => void child.kill(name) } };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Runs a command of the program to its end, with input on stdin. @returns its output, and whether it succeeded. */
export async function runProcess(
  program: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  input = '',
): Promise<{ said: string; hasSucceeded: boolean }> {
  const child = launch(program, words, environment, 'pipe');
  child.stdin?.on('error', () => undefined).end(input); // it may end without reading
  const said = collected(child);
  const code = await new Promise((resolve) => child.once('close', resolve));
  return { said: said(), hasSucceeded: code === 0 };
}

function launch(
  program: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  stdin: 'ignore' | 'pipe' = 'ignore',
): ChildProcess {
  const env = { PATH: process.env['PATH'], NODE_COMPILE_CACHE: join(project, 'node_modules', '.cache', 'compiled'), ...environment };
  return spawn(process.execPath, [program, ...words], { cwd: project, env, stdio: [stdin, 'pipe', 'pipe'] });
}

function collected(child: ChildProcess): () => string {
  const parts: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (part: Buffer) => parts.push(part));
  return () => Buffer.concat(parts).toString();
}

/** Waits for its start message. */
function announced(child: ChildProcess, said: () => string, sign: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout?.on('data', () => {
      const [, found] = sign.exec(said()) ?? [];
      if (found) resolve(found);
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`The service ended with ${code} before it answered: ${said()}`)));
  });
}
