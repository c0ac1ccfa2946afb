import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { buildSchema, NoDeprecatedCustomRule, parse, validate } from 'graphql';
import { pages } from '../scripts/docs.ts';
import { filesOf as domainFiles } from '../scripts/new-domain.ts';
import { variables } from '../src/config.ts';
import { refusals } from '../src/errors.ts';
import { filesOf, project } from './support/house.ts';
import { aLocal } from './support/local.ts';

const read = (file: string): string => readFileSync(join(project, file), 'utf8');
const documents = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CODE_OF_CONDUCT.md',
  ...filesOf('docs').flatMap((file) => (file.endsWith('.md') ? [`docs/${file}`] : [])),
];
const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts: object }).scripts);
/** Returns the anchors of a page, as GitHub creates them from its headings. */
const headingsOf = (file: string): string[] =>
  [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
const local = await aLocal();

describe('the documents', () => {
  it('match the code that generates them', async () => {
    const entities = local.database.orm.getMetadata().getAll().values();
    for (const [file, text] of Object.entries(await pages({ variables, refusals, entities })))
      expect({ file, text: read(file) }).toEqual({ file, text });
  });

  it('have a guide to a new domain that fits the sources', () => {
    const files = domainFiles(project, 'apprenticeship');
    expect(files.get('src/context.ts')).toContain('get apprenticeships()');
    expect(files.get('src/permissions/index.ts')).toContain('const domains = [apprenticeship, ');
  });

  it.each(documents)('%s refers to existing files and commands', (document) => {
    const text = read(document);
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([\w-]+))?\)/g)].map(([, path = '', heading]) => ({
      file: path === '' ? document : join(dirname(document), path),
      heading,
    }));
    expect(links.filter(({ file }) => !existsSync(join(project, file)))).toEqual([]);
    expect(links.filter(({ file, heading }) => heading !== undefined && !headingsOf(file).includes(heading))).toEqual([]);
    const commands = [...text.matchAll(/npm run (\w[\w:-]*)/g)].map(([, name = '']) => name);
    const known = new Set(scripts);
    expect(commands.filter((name) => !known.has(name))).toEqual([]);
  });

  it.each([...documents, 'bench/README.md', 'client/README.md'])('%s runs tests that exist', (document) => {
    const tests = filesOf('test')
      .filter((file) => file.endsWith('.test.ts'))
      .concat('examples', 'apprenticeship.test.ts'); // the last one is written by the guide
    const fast = tests.filter((file) => !/\.(race|slow)\.test\.ts$/.test(file));
    const commands = [...read(document).matchAll(/npm (?:run )?(test|test:full) -- ([\w./ ]+)/g)];
    const wrong = commands.filter(([, script, words = '']) =>
      words
        .trim()
        .split(/ +/)
        .some((word) => !(script === 'test' ? fast : tests).some((file) => file.includes(word.replace(/^test\//, '')))),
    );
    expect(wrong.map(([command]) => command)).toEqual([]);
  });

  it('have the same defaults as .env.example', () => {
    const rows = [...read('docs/configuration.md').matchAll(/^\| `(\w+)` \| (?:`(.*?)`)? ?\|/gm)];
    const examples = [...read('.env.example').matchAll(/^# ?([A-Z][A-Z0-9_]*)=(.*)$/gm)];
    const pairs = (found: readonly RegExpExecArray[]) => found.map(([, name = '', value = '']) => `${name}=${value}`).toSorted();
    expect(pairs(rows)).toEqual(pairs(examples));
  });

  it('list every page in the table of contents', () => {
    const listed = [...read('docs/README.md').matchAll(/\]\(([\w-]+\.md)\)/g)].map(([, file]) => file);
    expect(listed.toSorted()).toEqual(filesOf('docs').filter((file) => file.endsWith('.md') && file !== 'README.md'));
  });

  it('keep the README short', () => {
    expect(read('README.md').split('\n').length).toBeLessThanOrEqual(200);
  });

  it('are named correctly in the sources', () => {
    const sources = ['src', 'scripts'].flatMap((folder) => filesOf(folder).map((file) => read(`${folder}/${file}`)));
    const named = sources.flatMap((text) => [...text.matchAll(/\bdocs\/[\w-]+\.md\b/g)].map(([file]) => file));
    expect(named.filter((file) => !existsSync(join(project, file)))).toEqual([]);
  });

  it('list every command in a table', () => {
    const rows = read('docs/commands.md')
      .split('\n')
      .filter((line) => line.startsWith('| `npm '));
    const named = rows.flatMap((row) => [...row.matchAll(/`(?:npm (?:run )?)?([\w:-]+)[^`]*`/g)].map(([, name = '']) => name));
    expect(scripts.filter((name) => !named.includes(name))).toEqual([]);
  });

  it('return the answer of the README for its first query', async () => {
    const [, query = ''] = /-d '\{"query":\s*"(\{ grievances.*?)"\}'/s.exec(read('README.md')) ?? [];
    const [, answer = ''] = /```json\n(\{\s*"data".*?)```/s.exec(read('README.md')) ?? [];
    expect(query).toContain('grievances');
    expect({ data: await local.officer.see(query) }).toEqual(JSON.parse(answer));
  });
});

describe('the typed client', () => {
  it('has all error codes of the service, and one of its own', () => {
    const codes = [...read('client/src/failure.ts').matchAll(/readonly code: '(\w+)'/g)].map(([, code]) => code);
    expect(codes).toEqual([...Object.keys(refusals), 'UNREACHABLE']);
  });

  it('uses existing parts of the contract that are not deprecated', () => {
    const schema = buildSchema(read('schema.graphql'));
    const operations = filesOf('client/operations').map((file) => parse(read(`client/operations/${file}`)));
    const document = { ...operations[0]!, definitions: operations.flatMap(({ definitions }) => definitions) };
    expect(validate(schema, document)).toEqual([]);
    expect(validate(schema, document, [NoDeprecatedCustomRule])).toEqual([]);
  });

  it('gives each deprecation a date and a replacement', () => {
    const reasons = [...read('schema.graphql').matchAll(/@deprecated(?:\(reason: "([^"]*)"\))?/g)].map(([, reason = '']) => reason);
    expect(reasons.filter((reason) => !/^\d{4}-\d{2}-\d{2}: \S/.test(reason))).toEqual([]);
  });
});
