// Compares the generated files with the contract and the operations: `npm run client:check`, after `npm ci` in this
// folder.
import { execFileSync } from 'node:child_process';

const generated = 'src/generated';
const options = { cwd: import.meta.dirname, encoding: 'utf8' };
await import('./generate.js');
const changed = execFileSync('git', ['status', '--porcelain', '--untracked-files=all', '--', generated], options).trim();
if (changed === '') console.log('Generated files match the commit.');
else {
  console.error(`Generated files differ from the commit. Run \`npm run client:generate\` and commit the changes.\n${changed}`);
  process.exitCode = 1;
}
