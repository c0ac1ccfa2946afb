import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { lowerWorkers } from '../src/process/priority.ts';

const onLinux = process.platform === 'linux';
const names = () => readdirSync('/proc/self/task').map((thread) => readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').trim());

/** Field 19 of a thread's stat file: its nice value. */
const yields = (thread: string): number => {
  const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
};

describe('the hashing threads', () => {
  it('get a lower priority, and the main thread does not', async () => {
    const before = onLinux ? yields(String(process.pid)) : 0;
    const lowered = await lowerWorkers();
    expect(lowered).toBe(onLinux ? names().filter((name) => name === 'libuv-worker').length : 0);
    if (!onLinux) return;
    expect(lowered).toBeGreaterThan(0);
    expect(yields(String(process.pid))).toBe(before);
    for (const thread of readdirSync('/proc/self/task')) {
      const isWorker = readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').trim() === 'libuv-worker';
      if (isWorker) expect(yields(thread)).toBeGreaterThan(before);
    }
    expect(await lowerWorkers()).toBe(lowered);
  });

  it('are not changed if they cannot be identified or changed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'threads-'));
    try {
      expect(await lowerWorkers(join(folder, 'none'))).toBe(0);
      for (const [thread, name] of Object.entries({ '4294967': 'libuv-worker\n', '4294966': 'node\n' })) {
        mkdirSync(join(folder, thread));
        writeFileSync(join(folder, thread, 'comm'), name);
      }
      mkdirSync(join(folder, '4294965'));
      expect(await lowerWorkers(folder)).toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('have the expected names in this runtime', () => {
    if (!onLinux) return;
    const script = `await (await import('node:fs/promises')).readFile('/etc/hostname').catch(() => 0);
      const fs = await import('node:fs');
      process.stdout.write(fs.readdirSync('/proc/self/task').map((thread) => fs.readFileSync('/proc/self/task/' + thread + '/comm', 'utf8')).join(''));`;
    expect(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })).toContain('libuv-worker');
  });
});
