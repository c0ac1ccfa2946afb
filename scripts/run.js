// Builds, then runs a command of the service in this very process, so that signals reach it.
const [major = 0] = process.versions.node.split('.').map(Number);

if (major < 22) {
  console.error(
    `Node.js ${process.versions.node} is too old, and npm brought no other along: install with \`npm ci\`, optional packages included.`,
  );
  process.exitCode = 1;
} else {
  const { build } = await import('./build.js');
  if (build()) await import('../dist/src/main.js');
  else process.exitCode = 1;
}
