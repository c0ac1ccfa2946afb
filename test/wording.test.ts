import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse, visit, type ASTNode } from 'graphql';
import { project, sourcesOf } from './support/house.ts';
import { stringsOf } from './support/measure.ts';
import { proseOf, sentencesOf } from './support/prose.ts';

/** The maximum number of words in a sentence. */
const longestSentence = 25;

/** Words and forms that make a description hard to read. */
const refused: readonly RegExp[] = [
  /\b(anew|thereof|wherein|whoever|whom|oneself|such as were|be it|by itself|all of it)\b/i,
  /\b(who is asking|who asks|one who|somebody|to nobody|told is|is told)\b/i,
  /\b(is|are) (none|no)\b/i,
  /\b(from (which|then|now) on|left out|only those (whose|who)|may not know|the own|fresh proof)\b/i,
  /\bwhat (is|was|were|became|changes)\b/i,
  // "a Organization", "an Member"; "a user", "a UUID" and "a URL" are right
  /\b[Aa] (?=[aeioAEIO])/,
  /\b[Aa] [Uu](?!ni|s|til|UID|R[IL])/,
  /\b[Aa]n (?![aeiouAEIOU]|hour|honor|[FHLMNRSX][A-Z]|`)/,
];

interface Described {
  readonly place: string;
  readonly text: string;
}

/**
 * Returns the descriptions in a schema document, each with the names of the type, field and argument that it describes.
 */
function descriptionsOf(schema: string): Described[] {
  const found: Described[] = [];
  const names: string[] = [];
  const nameOf = (node: ASTNode): string | undefined => ('name' in node && node.kind.endsWith('Definition') ? node.name?.value : undefined);
  visit(parse(schema), {
    enter(node) {
      const name = nameOf(node);
      if (name === undefined) return;
      names.push(name);
      if ('description' in node && node.description) found.push({ place: names.join('.'), text: node.description.value });
    },
    leave(node) {
      if (nameOf(node) !== undefined) names.pop();
    },
  });
  return found;
}

/** Lists the problems in the wording of a description. */
function wordingProblems({ text }: Described): string[] {
  const sentences = text
    .replace(/\s+/g, ' ')
    .trim()
    .split(/(?<=[.!?]) +/);
  const problems = refused.flatMap((form) => form.exec(text)?.[0] ?? []).map((words) => `"${words}"`);
  if (!/^[A-Z`]/.test(text)) problems.push('does not start with a capital letter');
  if (!text.endsWith('.')) problems.push('does not end with a period');
  if (new Set(sentences).size < sentences.length) problems.push('repeats a sentence');
  for (const sentence of sentences) {
    const words = sentence.split(' ').length;
    if (words > longestSentence) problems.push(`has a sentence of ${words} words`);
  }
  return problems;
}

const found = (schema: string): string[] =>
  descriptionsOf(schema).flatMap((each) => wordingProblems(each).map((problem) => `${each.place}: ${problem}`));

describe('the wording of descriptions in the schema', () => {
  const schema = readFileSync(join(project, 'schema.graphql'), 'utf8');

  it('is plain: no archaic form, no wrong article, no long or repeated sentence', () => {
    expect(descriptionsOf(schema).length).toBeGreaterThan(1200);
    expect(found(schema)).toEqual([]);
  });

  it.each([
    ['Makes it anew.', 'Query.me: "anew"'],
    ['For whoever is signed in.', 'Query.me: "whoever"'],
    ['Conditions for a Organization.', 'Query.me: "a "'],
    ['Needs a proof. Needs a proof.', 'Query.me: repeats a sentence'],
    [`${'word '.repeat(longestSentence)}word.`, 'Query.me: does not start with a capital letter'],
    ['No period', 'Query.me: does not end with a period'],
  ])('finds what is wrong with "%s"', (description, problem) => {
    expect(found(`type Query { """${description}""" me: ID }`)).toContain(problem);
  });

  it('finds a sentence that is too long', () => {
    expect(found(`type Query { """W${'word '.repeat(longestSentence)}word.""" me: ID }`)).toEqual([
      `Query.me: has a sentence of ${longestSentence + 1} words`,
    ]);
  });
});

/** Words and forms that make any text hard to read. */
const refusedAnywhere: readonly RegExp[] = [
  /\b(anew|thereof|wherein|whoever|whom|oneself|somebody|anybody|be it|by itself|all of it|lest|befell|befalls?)\b/i,
  /\b(told|who asks|who is asking|fresh proof|the own|left out|takes note of|such as were|from (which|then|now) on)\b/i,
  /\btells? (how|of|what|whether)\b|\bof what\b|\bso (many|much)\b(?! (as|that))|\bwhere (nobody|none|one|there) /i,
  /(?<!there )\b(is|are|was|were) (none\b(?! of)|no (?!longer|more\b))/i,
];

/** Words and forms that neither a comment nor the title of a test may use. */
const refusedInCode: readonly RegExp[] = [...refusedAnywhere, /^(What|Who) /];

/** The maximum number of words in a sentence of a comment or a document. */
const longestInCode = 30;

/** Returns the refused words in a text, without those in backticks. */
const refusedWords = (text: string, forms: readonly RegExp[]): string[] => {
  const plain = text.replace(/`[^`]*`|\s+/g, ' ');
  return forms.flatMap((form) => form.exec(plain)?.[0] ?? []).map((words) => `"${words.trim()}"`);
};

const longSentences = (text: string): string[] =>
  sentencesOf(text)
    .map((sentence) => sentence.split(' ').length)
    .filter((words) => words > longestInCode)
    .map((words) => `has a sentence of ${words} words`);

/** Lists the problems in the comments and the titles of tests of a source, each with its line. */
const problemsOf = (source: string): string[] =>
  proseOf(source).flatMap(({ line, text }) =>
    [...refusedWords(text, refusedInCode), ...longSentences(text)].map((problem) => `${line}: ${problem}`),
  );

describe('the wording of comments and titles of tests', () => {
  const folders = ['bench', 'client/src', 'client/test', 'examples', 'migrations', 'scripts', 'seeds', 'src', 'test'];
  const sources = folders.flatMap((folder) =>
    readdirSync(join(project, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.[jt]sx?$/.test(path) && !/node_modules|generated/.test(path))
      .map((path) => `${folder}/${path}`),
  );

  it('is plain: no archaic form, no long sentence', () => {
    expect(sources.length).toBeGreaterThan(400);
    const problems = sources
      .filter((path) => path !== 'test/wording.test.ts') // has the refused words
      .flatMap((path) => problemsOf(readFileSync(join(project, path), 'utf8')).map((problem) => `${path}:${problem}`));
    expect(problems).toEqual([]);
  });

  it.each([
    ['/** Makes it anew. */', '1: "anew"'],
    ['/**\n * The key, for\n * whoever is signed in.\n */', '1: "whoever"'],
    ['call(); // from then on', '1: "from then on"'],
    ["\n  it('is told why', () => {", '2: "told"'],
    ["  ])('of what is deleted', () => {", '1: "of what"'],
    ["it.each(cases)('%s is none', () => {", '1: "is none"'],
    ['/** What is kept. */', '1: "What"'],
    [`// ${'word '.repeat(longestInCode)}word`, `1: has a sentence of ${longestInCode + 1} words`],
    [`// ${'word '.repeat(20)}\n// ${'word '.repeat(20)}`, '1: has a sentence of 40 words'],
  ])('finds what is wrong in %j', (source, problem) => {
    expect(problemsOf(source)).toEqual([problem]);
  });

  it.each([
    "const whoever = 'anew'; /* there is none */",
    '/** Null if there is none. */',
    `/** ${'word '.repeat(20)}. ${'word '.repeat(20)}. */`,
    `/**\n * ${'word '.repeat(20)}\n * @returns ${'word '.repeat(20)}\n */`,
    '/** The function `told`. */',
  ])('finds nothing in %j', (source) => {
    expect(problemsOf(source)).toEqual([]);
  });
});

/** Lists the problems in the paragraphs and tables of a page, without code and headings. */
const documentProblems = (text: string): string[] => {
  const blocks = text.replace(/```[^]*?```|^#.*$/gm, '').split(/\n\s*\n|\n(?=\s*(?:[-*|]|\d+\.) ?)/);
  const parts = blocks.flatMap((block) => (block.trim().startsWith('|') ? block.split('|') : [block]));
  return parts.flatMap((part) => [...refusedWords(part, refusedAnywhere), ...longSentences(part)]);
};

describe('the wording of documents', () => {
  const written = readdirSync(join(project, 'docs')).filter((file) => file.endsWith('.md') && file !== 'permissions.md');
  const root = ['README.md', 'CHANGELOG.md', 'CODE_OF_CONDUCT.md', 'CONTRIBUTING.md', 'SECURITY.md'];

  it.each([...root, 'bench/README.md', 'client/README.md', ...written.map((file) => `docs/${file}`)])('%s is plain', (file) => {
    expect(documentProblems(readFileSync(join(project, file), 'utf8'))).toEqual([]);
  });

  it('finds refused words and long sentences in paragraphs and tables', () => {
    const long = 'word '.repeat(longestInCode + 1);
    expect(documentProblems(`Users are told.\n\n| a | ${long}|\n| b | left out |`)).toEqual([
      '"told"',
      `has a sentence of ${longestInCode + 1} words`,
      '"left out"',
    ]);
    expect(documentProblems('# What is told\n\n```\nwhoever\n```\n\nThe variable `told`.')).toEqual([]);
  });
});

describe('the wording of messages', () => {
  const messages = [...sourcesOf('src')].flatMap(([file, text]) => stringsOf(text).map((message) => ({ file, message })));

  it('is plain: no archaic form', () => {
    expect(messages.length).toBeGreaterThan(1000);
    const problems = messages.flatMap(({ file, message }) =>
      refusedWords(message, refusedAnywhere).map((words) => `${file}: ${words} ${message}`),
    );
    expect(problems).toEqual([]);
  });

  it('finds a refused word in a string and in a template', () => {
    expect(stringsOf("throw new Error('You are told.'); say(`${count} left out`);")).toEqual(['You are told.', ' left out']);
  });
});
