/** The process. Commands are in command/index.ts; this file only needs what an old Node.js has. */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major > 22 || (major === 22 && minor >= 17)) {
  const { runCommand } = await import('./command/index.ts');
  await runCommand(process.argv.slice(2));
} else {
  const newer = findNode();
  if (newer === null) {
    process.stderr.write(
      `Unionhall needs Node.js 22.17 or later; this is ${process.versions.node}, and npm installed no newer one. ` +
        'Run `npm ci` with optional packages included.\n',
    );
    process.exitCode = 1;
  } else handOver(newer);
}

/** Finds the Node.js that npm installed as an optional package. */
function findNode(): string | null {
  const require = createRequire(import.meta.url);
  const program = process.platform === 'win32' ? 'node.exe' : 'node';
  const name = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  for (const each of [`node-${name}`, `node-bin-${name}`]) {
    try {
      return join(dirname(require.resolve(`${each}/package.json`)), 'bin', program);
    } catch {
      // not installed
    }
  }
  return null;
}

/** Runs the same command under another Node.js, and passes signals and the exit code on. */
function handOver(node: string): void {
  const child = spawn(node, [...process.execArgv, ...process.argv.slice(1)], { stdio: 'inherit' });
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, pass);
  child.on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}
