// Runs the service, and restarts it after every change that compiles. If a change does not compile, the running service
// stays.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { noteUse, prepareBuild, project } from './build.js';
import { loadEnvironment, warnOfUnknown } from './environment.js';

/** Milliseconds to wait for further changes, because an editor writes several files at once. */
const pause = 150;

const names = loadEnvironment(join(project, '.env'));
let service;
let running = null;
let isStopping = false;

async function update() {
  const folder = prepareBuild();
  if (folder === null) return console.error(running ? 'It does not compile; the service keeps running.' : 'It does not compile.');
  if (folder === running && service?.exitCode === null) return;
  if (running === null) warnOfUnknown(names, (await import(pathToFileURL(join(folder, 'src', 'config.js')).href)).variables);
  await end();
  if (isStopping) return;
  running = folder;
  service = spawn(process.execPath, [join(folder, 'src', 'main.js'), 'start'], { cwd: project, stdio: ['ignore', 'inherit', 'inherit'] });
  noteUse(folder, service.pid);
  const started = service;
  service.on('exit', (code) => {
    if (started === service && !isStopping && code !== null) console.error(`The service ended with code ${code}; waiting for a change.`);
  });
}

/** Stops the running service and waits for its end, because the next one needs its port and its database. */
async function end() {
  const ending = service;
  service = undefined;
  if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
  ending.kill();
  await once(ending, 'exit');
}

let waiting;
let updating = update();
for (const folder of ['src', 'seeds', 'migrations'].flatMap(foldersIn)) {
  watch(folder, () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      updating = updating.then(update);
    }, pause);
  });
}

/**
 * Lists the folder and all folders below it. Each is watched separately, because a recursive watch loses a file that an
 * editor replaces.
 */
function foldersIn(name) {
  const top = join(project, name);
  const below = readdirSync(top, { recursive: true, withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [top, ...below.map((entry) => join(entry.parentPath, entry.name))];
}

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.on(signal, () => {
    isStopping = true;
    void end().finally(() => process.exit(0));
  });
