/** The process. What it does is in command/index.ts; here only what must be said before anything is loaded. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 17)) {
  process.stderr.write(
    `Unionhall needs Node.js 22.17 or later; this is ${process.versions.node}. \`npm start\` brings a current one along, a bare \`node\` does not.\n`,
  );
  process.exitCode = 1;
} else {
  const { runCommand } = await import('./command/index.ts');
  await runCommand(process.argv.slice(2));
}
