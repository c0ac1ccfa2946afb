// Builds, then runs a command of the service in this very process, so that signals reach it.
const [major = 0] = process.versions.node.split('.').map(Number);

if (major < 22) {
  console.error(
    `Node.js ${process.versions.node} is too old, and npm installed no newer one. Run \`npm ci\` with optional packages included.`,
  );
  process.exitCode = 1;
} else {
  const { loadEnvironment, warnOfUnknown } = await import('./environment.js');
  const names = loadEnvironment();
  const { build } = await import('./build.js');
  // npm runs this in a shell, which ends at a SIGTERM without passing it on: an orphaned child ends too
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch); // a second signal would stop it at once
    process.kill(process.pid, 'SIGTERM');
  }, 500).unref();
  if (build()) {
    warnOfUnknown(names, (await import('../dist/src/config.js')).variables);
    await import('../dist/src/main.js');
  } else process.exitCode = 1;
}
