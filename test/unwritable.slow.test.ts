import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { buildProgram, startProcess } from './support/process.ts';

let built: ReturnType<typeof buildProgram>;
let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  built = buildProgram();
  folder = await mkdtemp(join(tmpdir(), 'unionhall-unwritable-'));
}, 120_000);
afterAll(async () => {
  if (folder) await rm(folder, { recursive: true, force: true });
});

const base = { NODE_ENV: 'development', PORT: '0', LOG_LEVEL: 'silent' };

/**
 * Starts the service with a file system at `mounted` with these options, which ends with the process. @returns the
 * output.
 */
function startOn(options: string, environment: Record<string, string>): string {
  const script = 'mkdir -p "$1" && mount -t tmpfs -o "$2" none "$1" && shift 2 && exec "$@"';
  const command = [process.execPath, join(built.folder, 'src', 'main.js'), 'start'];
  const { stdout, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', script, 'sh', at('mounted'), options, ...command], {
    encoding: 'utf8',
    timeout: 100_000,
    env: { PATH: process.env['PATH'], ...base, ...environment },
  });
  return stdout + stderr;
}

const probe = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt'], { encoding: 'utf8' });
const canMount = probe.status === 0;

describe('a start that cannot write its files', () => {
  it.each([
    [
      'a read-only config directory',
      'ro,size=64k',
      'config',
      /^The keyring \S+keys cannot be created: the file system is read-only \(EROFS\)/,
    ],
    ['a full config directory', 'size=4k,nr_inodes=2', 'config', /^The keyring \S+keys cannot be created: the disk is full \(ENOSPC\)/],
    ['a read-only data directory', 'ro,size=64k', 'data', /^The database in \S+ cannot be opened: the file system is read-only \(EROFS\)/],
    ['a full data directory', 'size=64k,nr_inodes=2', 'data', /^The database in \S+ cannot be opened: the disk is full \(ENOSPC\)/],
    ['a disk that is full half-way', 'size=20m', 'data', /^The database in \S+ cannot be opened: the disk is full \(ENOSPC\)/],
  ])(
    canMount ? 'says so in one sentence: %s' : `is not tried on %s: ${probe.error?.message ?? probe.stderr}`,
    (_, options, kind, sentence) => {
      if (!canMount) return;
      const directories = { UNIONHALL_CONFIG_DIR: at('config'), UNIONHALL_DATA_DIR: at('data') };
      const mounted = kind === 'config' ? { UNIONHALL_CONFIG_DIR: at('mounted') } : { UNIONHALL_DATA_DIR: at('mounted/data') };
      const said = startOn(options, { ...directories, ...mounted });
      expect(said).toMatch(sentence);
      expect(said.trim().split('\n')).toHaveLength(1);
    },
    120_000,
  );

  it.each(['UNIONHALL_CONFIG_DIR', 'UNIONHALL_DATA_DIR'])(
    'reports that a file blocks the folder that %s names',
    async (name) => {
      await writeFile(at('file'), '');
      const directories = { UNIONHALL_CONFIG_DIR: at('config'), UNIONHALL_DATA_DIR: at('data') };
      for (const path of [at('file'), at('file/folder')]) {
        const { stderr } = spawnSync(process.execPath, [built.program, 'start'], {
          encoding: 'utf8',
          env: { ...base, ...directories, [name]: path },
        });
        expect(stderr).toMatch(/file is where a folder is expected|ENOTDIR/);
        expect(stderr.trim().split('\n')).toHaveLength(1);
      }
    },
    60_000,
  );
});

describe('SIGUSR1 in production', () => {
  it('opens no debugger', async () => {
    const environment = { ...base, NODE_ENV: 'production', HIBP_URL: 'off', UNIONHALL_KEYS: Keyring.generate() };
    const directories = { UNIONHALL_CONFIG_DIR: at('quiet/config'), UNIONHALL_DATA_DIR: at('quiet/data') };
    const service = await startProcess(built.program, { ...environment, ...directories });
    try {
      service.signal('SIGUSR1');
      await setTimeout(500);
      expect((await fetch(`${service.url}/livez`)).status).toBe(200);
      expect(service.said()).not.toContain('Debugger');
    } finally {
      await service.stop();
    }
  }, 60_000);
});
