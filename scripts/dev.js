// Compiles at every change, and starts the service again with what came out.
import { spawn } from 'node:child_process';
import { build, project, tsc } from './build.js';

build();
const options = /** @type {const} */ ({ cwd: project, stdio: ['ignore', 'inherit', 'inherit'] });
const compiler = spawn(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--watch', '--preserveWatchOutput'], options);
const service = spawn(
  process.execPath,
  ['--watch', '--watch-preserve-output', '--env-file-if-exists=.env', 'dist/src/main.js', 'start'],
  options,
);

const end = () => {
  compiler.kill();
  service.kill();
};
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) process.on(signal, end);
service.on('exit', end);
compiler.on('exit', end);
