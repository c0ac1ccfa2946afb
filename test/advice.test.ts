import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';

// Checks the commands that messages and documents suggest.

const project = join(import.meta.dirname, '..');

/** Commands that need an argument after `--`; `settings` alone only shows the database. */
const incomplete = [
  'keys:retire',
  'users:import',
  'users:recover',
  'members:import',
  'organizations:import',
  'vault:recover',
  'vault:import',
];

/** Returns the string literals of the sources that name a command. */
function messages(): string[] {
  const files = readdirSync(join(project, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return files.flatMap(
    (name) => readFileSync(join(project, 'src', name), 'utf8').match(/(['"`])(?:(?!\1|\n).)*npm run (?:(?!\1|\n).)*\1/g) ?? [],
  );
}

it('scripts in messages exist', () => {
  const { scripts } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  const named = messages().flatMap((text) => [...text.matchAll(/npm run ([a-z][\w:-]*)/g)].map(([, script]) => script ?? ''));
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((script) => !(script in scripts))).toEqual([]);
});

it('messages name the required arguments of a command', () => {
  const bare = new RegExp(`npm run (settings|${incomplete.join('|')})(?! -- )(?![\\w:-])`);
  const counting = /npm run \$\{/; // a usage text that is assembled from parts
  expect(messages().filter((text) => bare.test(text) && !counting.test(text))).toEqual([]);
});
