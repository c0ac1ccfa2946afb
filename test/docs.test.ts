import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { buildSchema, NoDeprecatedCustomRule, parse, validate } from 'graphql';
import { pages } from '../scripts/docs.ts';
import { variables } from '../src/config.ts';
import { refusals } from '../src/errors.ts';
import { filesOf, project } from './support/house.ts';
import { aLocal } from './support/local.ts';

const read = (file: string): string => readFileSync(join(project, file), 'utf8');
const documents = ['README.md', 'CHANGELOG.md', ...filesOf('docs').flatMap((file) => (file.endsWith('.md') ? [`docs/${file}`] : []))];
const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts: object }).scripts);
/** What the other commands run by themselves. */
const byOthers: ReadonlySet<string> = new Set(['build']);
const local = await aLocal();

describe('the documents', () => {
  it('are as the code has it, where they come from it', async () => {
    for (const [file, text] of Object.entries(await pages({ variables, refusals })))
      expect({ file, text: read(file) }).toEqual({ file, text });
  });

  it.each(documents)('%s names files and commands that there are', (document) => {
    const text = read(document);
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[\w-]+)?\)/g)].map(([, path = '']) => path);
    expect(links.filter((path) => !existsSync(join(project, dirname(document), path)))).toEqual([]);
    const commands = [...text.matchAll(/npm run (\w[\w:-]*)/g)].map(([, name = '']) => name);
    const known = new Set([...scripts, 'build', 'dev']);
    expect(commands.filter((name) => !known.has(name))).toEqual([]);
  });

  it('say what holds where a variable is not set, as .env.example does', () => {
    const rows = [...read('docs/configuration.md').matchAll(/^\| `(\w+)` \| (?:`(.*?)`)? ?\|/gm)];
    const examples = [...read('.env.example').matchAll(/^# ?([A-Z][A-Z0-9_]*)=(.*)$/gm)];
    const pairs = (found: readonly RegExpExecArray[]) => found.map(([, name, value = '']) => [name, value]);
    expect(pairs(rows)).toEqual(pairs(examples));
  });

  it('name every command, and the README has each in a table', () => {
    const rows = read('README.md')
      .split('\n')
      .filter((line) => line.startsWith('| `npm '));
    const named = rows.flatMap((row) => [...row.matchAll(/`(?:npm (?:run )?)?([\w:-]+)[^`]*`/g)].map(([, name = '']) => name));
    expect(scripts.filter((name) => !named.includes(name) && !byOthers.has(name))).toEqual([]);
  });

  it('answer the first question as the README says', async () => {
    const [, query = ''] = /-d '\{"query":\s*"(\{ grievances.*?)"\}'/s.exec(read('README.md')) ?? [];
    const [, answer = ''] = /```json\n(\{\s*"data".*?)```/s.exec(read('README.md')) ?? [];
    expect(query).toContain('grievances');
    expect({ data: await local.officer.see(query) }).toEqual(JSON.parse(answer));
  });
});

describe('the typed client', () => {
  it('knows the codes that the service has, and one of its own', () => {
    const codes = [...read('client/src/failure.ts').matchAll(/readonly code: '(\w+)'/g)].map(([, code]) => code);
    expect(codes).toEqual([...Object.keys(refusals), 'UNREACHABLE']);
  });

  it('asks what the contract has, and nothing that is deprecated', () => {
    const schema = buildSchema(read('schema.graphql'));
    const operations = filesOf('client/operations').map((file) => parse(read(`client/operations/${file}`)));
    const document = { ...operations[0]!, definitions: operations.flatMap(({ definitions }) => definitions) };
    expect(validate(schema, document)).toEqual([]);
    expect(validate(schema, document, [NoDeprecatedCustomRule])).toEqual([]);
  });

  it('gives a deprecation a date and what stands in its place', () => {
    const reasons = [...read('schema.graphql').matchAll(/@deprecated(?:\(reason: "([^"]*)"\))?/g)].map(([, reason = '']) => reason);
    expect(reasons.filter((reason) => !/^\d{4}-\d{2}-\d{2}: \S/.test(reason))).toEqual([]);
  });
});
