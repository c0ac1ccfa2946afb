#!/usr/bin/env node
// The command `unionhall`: builds what changed, then runs a command of the service in the same process, so that it
// receives signals.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepareBuild } from './build.js';
import { loadEnvironment, warnOfUnknown } from './environment.js';

const names = loadEnvironment();
// npm runs this in a shell, which ends at SIGTERM without forwarding it, so an orphaned process must end too
if (process.env.npm_lifecycle_event !== undefined) {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch); // a second signal would stop the process at once
    process.kill(process.pid, 'SIGTERM');
  }, 500).unref();
}
const folder = prepareBuild();
if (folder === null) process.exitCode = 1;
else {
  const load = async (file) => await import(pathToFileURL(join(folder, 'src', file)).href);
  warnOfUnknown(names, (await load('config.js')).variables);
  await load('main.js');
}
