import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { project } from './support/house.ts';

// Tests the build scripts with a minimal service.

let folder: string;
const children: ChildProcess[] = [];
const main = join('src', 'main.ts');

const program = (word: string): string =>
  `process.stdout.write(\`${word} \${process.argv[2]}\\n\`);\nif (process.argv[2] === 'start') setInterval(() => undefined, 1000);\n`;

function write(file: string, text: string): void {
  writeFileSync(join(folder, file), text);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unionhall-build-'));
  cpSync(join(project, 'scripts'), join(folder, 'scripts'), { recursive: true });
  for (const each of ['src', 'seeds', 'migrations']) mkdirSync(join(folder, each));
  for (const each of ['tsconfig.json', 'tsconfig.build.json', 'package.json']) cpSync(join(project, each), join(folder, each));
  symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'));
  write('mikro-orm.config.ts', 'export {};\n');
  write(join('src', 'config.ts'), 'export const variables = {};\n');
  write(main, program('first'));
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    const ended = once(child, 'close');
    child.kill();
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
});

const run = (...words: string[]) => {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['scripts/run.js', ...words], { cwd: folder, encoding: 'utf8' });
  return { stdout, stderr, status };
};

/** Starts a script that keeps running, and collects its output. */
function start(script: string, ...words: string[]): { said: () => string; until: (text: string) => Promise<void>; child: ChildProcess } {
  const child = spawn(process.execPath, [join('scripts', script), ...words], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => void (text += String(part)));
  const until = async (expected: string): Promise<void> => {
    while (!text.includes(expected)) await pause(50);
  };
  return { said: () => text, until, child };
}

const emitted = (): string => join(folder, 'dist', 'src', 'main.js');

describe('a command', () => {
  it('compiles nothing if the build is up to date', () => {
    expect(run('doctor').stdout).toBe('first doctor\n');
    const { mtimeMs } = statSync(emitted());
    expect(run('doctor').stdout).toBe('first doctor\n');
    expect(statSync(emitted()).mtimeMs).toBe(mtimeMs);
    write(main, program('second'));
    expect(run('doctor').stdout).toBe('second doctor\n');
  }, 120_000);

  it('does not change a build that a service runs from', async () => {
    const service = start('run.js', 'start');
    await service.until('first start');
    const before = readFileSync(emitted(), 'utf8');
    write(main, program('second'));
    expect(run('doctor').stdout).toBe('second doctor\n');
    expect(readFileSync(emitted(), 'utf8')).toBe(before);
  }, 120_000);

  it('shows compiler errors and runs nothing', () => {
    run('doctor');
    const before = readFileSync(emitted(), 'utf8');
    write(main, 'const count: number = "none";\n');
    expect(run('doctor')).toEqual({ stdout: '', stderr: expect.stringContaining('src/main.ts'), status: 1 });
    expect(readFileSync(emitted(), 'utf8')).toBe(before);
  }, 120_000);

  it('runs the build if no compiler is installed', () => {
    const withoutCompiler = (): void => {
      rmSync(join(folder, 'node_modules'));
      mkdirSync(join(folder, 'node_modules'));
    };
    run('doctor');
    withoutCompiler();
    expect(run('doctor')).toEqual({ stdout: 'first doctor\n', stderr: '', status: 0 });
    rmSync(join(folder, 'dist'), { recursive: true });
    expect(run('doctor')).toEqual({ stdout: '', stderr: expect.stringContaining('npm ci && npm run build'), status: 1 });
    rmSync(join(folder, 'node_modules'), { recursive: true });
  }, 120_000);
});

describe('npm run dev', () => {
  it('keeps the service while the sources do not compile, and restarts it when they do', async () => {
    const dev = start('dev.js');
    await dev.until('first start');
    write(main, 'const count: number = "none";\n');
    await dev.until('It does not compile; the service keeps running.');
    expect(dev.said()).toContain('src/main.ts');
    expect(dev.said()).not.toContain('ended');
    write(main, program('second'));
    await dev.until('second start');
    expect(existsSync(emitted())).toBe(true);
  }, 120_000);
});
