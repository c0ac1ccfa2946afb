import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse, visit, type ASTNode } from 'graphql';
import { project } from './support/house.ts';

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

const sentencesOf = (text: string): string[] => text.split(/(?<=[.!?]) +/);

/** Lists the problems in the wording of a description. */
function wordingProblems({ text }: Described): string[] {
  const sentences = sentencesOf(text.replace(/\s+/g, ' ').trim());
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

/** Words that neither a comment nor the title of a test may use. */
const refusedInCode =
  /\b(anew|thereof|wherein|whoever|oneself|told is|who is asking|fresh proof|the own|by itself|from (which|then|now) on)\b/i;

/** The text of a line that is a comment, ends in one, or holds the title of a test. */
const proseOf = (line: string): string | undefined =>
  [/^\s*(?:\/\*\*?|\*|\/\/)(.*)$/, /\s\/\/ (.*)$/, /\b(?:it|test|describe)(?:\.\w+)*\((['"`].*)$/]
    .map((form) => form.exec(line)?.[1])
    .find((text) => text !== undefined);

const refusedLines = (source: string): string[] => source.split('\n').filter((line) => refusedInCode.test(proseOf(line) ?? ''));

describe('the wording of comments and titles of tests', () => {
  const itself = 'test/wording.test.ts';
  const sources = ['src', 'test', 'bench', 'scripts', 'seeds', 'client/src', 'client/test', 'examples'].flatMap((folder) =>
    readdirSync(join(project, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.[jt]sx?$/.test(path) && !path.includes('node_modules'))
      .map((path) => `${folder}/${path}`),
  );

  it('has no archaic form', () => {
    expect(sources.length).toBeGreaterThan(400);
    const problems = sources
      .filter((path) => path !== itself)
      .flatMap((path) => refusedLines(readFileSync(join(project, path), 'utf8')).map((line) => `${path}: ${line.trim()}`));
    expect(problems).toEqual([]);
  });

  it.each(['/** Makes it anew. */', ' * For whoever is signed in.', 'call(); // from then on', "  it('asks for a fresh proof', () => {"])(
    'finds an archaic form in %p',
    (line) => {
      expect(refusedLines(line)).toEqual([line]);
    },
  );

  it('ignores code and strings', () => {
    expect(refusedLines("const whoever = 'anew';")).toEqual([]);
  });
});
