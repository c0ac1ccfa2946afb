/** A comment or the title of a test. */
export interface Prose {
  /** The number of its first line, from 1. */
  readonly line: number;
  readonly text: string;
}

const comments = /^[ \t]*\/\*\*?([^]*?)\*\/|^((?:[ \t]*\/\/.*(?:\n|$))+)|(?<=[\w)\]};,'`]) \/\/ (.*)$/gm;

/** Matches `it('…'`, `describe.each(…)('…'` on one line, and the end of a table of cases. */
const titles =
  /(?:(?<![\w.])(?:it|test|describe)(?:\.\w+)*(?:\([\w.]+\))?|^\s*\]\))\(\s*(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"|`((?:\\.|[^`\\])*)`)/gm;

const withoutMarks = (text: string): string => text.replace(/^[ \t]*(?:\/\/|\*)[ \t]?/gm, '').trim();

/** Finds the comments and the titles of tests in a source, without the directives of tools. */
export function proseOf(source: string): Prose[] {
  const found = [...source.matchAll(comments), ...source.matchAll(titles)].map((match) => ({
    line: source.slice(0, match.index).split('\n').length + (/^\s*\n/.test(match[0]) ? 1 : 0),
    text: withoutMarks(match.slice(1).find((text) => text !== undefined) ?? ''),
  }));
  return found.filter(({ text }) => !/^(?:oxlint|prettier|@ts)-/.test(text)).sort((one, other) => one.line - other.line);
}

/** Splits prose into sentences. A tag such as `@throws`, a blank line and a list item begin a new one. */
export const sentencesOf = (text: string): string[] =>
  text
    .split(/\n\s*\n|\n(?=\s*(?:[-*]|\d\.|@\w+) )|\n {2,}/)
    .flatMap((part) => part.replace(/\s+/g, ' ').split(/(?<=[.!?:;]\**)\s|(?= @\w+ )/))
    .map((sentence) => sentence.replace(/^@\w+ (?:\{.*\} )?/, '').trim())
    .filter((sentence) => sentence !== '');
