// Compiles at every change, and starts the service again with what came out.
import { spawn } from 'node:child_process';
import { readdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import { build, project } from './build.js';
import { loadEnvironment, warnOfUnknown } from './environment.js';

/** Milliseconds to wait for further changes: an editor writes several files at once. */
const pause = 150;

const names = loadEnvironment(join(project, '.env'));
if (build()) warnOfUnknown(names, (await import('../dist/src/config.js')).variables);
const service = spawn(process.execPath, ['--watch', '--watch-preserve-output', 'dist/src/main.js', 'start'], {
  cwd: project,
  stdio: ['ignore', 'inherit', 'inherit'],
});

let waiting;
for (const folder of ['src', 'seeds', 'migrations'].flatMap(foldersIn)) {
  watch(folder, () => {
    clearTimeout(waiting);
    waiting = setTimeout(build, pause);
  });
}

/** The folder and all below it, to be watched one by one: a recursive watch loses a file that an editor replaces. */
function foldersIn(name) {
  const top = join(project, name);
  const below = readdirSync(top, { recursive: true, withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [top, ...below.map((entry) => join(entry.parentPath, entry.name))];
}

const end = () => service.kill();
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) process.on(signal, end);
service.on('exit', (code) => process.exit(code ?? 0));
