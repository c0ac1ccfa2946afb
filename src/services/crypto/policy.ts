import { dictionary } from '@zxcvbn-ts/language-common';
import { composed, isHashable, maxPasswordLength } from './password.ts';

/** What a new password is held against. */
export interface PasswordPolicy {
  /** Characters it must have, counted as a reader counts: an emoji of one code point is one. */
  readonly minLength: number;
  /** The user's own names, username and address: each alone is no password. Give the full name too. */
  readonly personal: readonly string[];
  /** Whether to refuse what a stranger tries early, though it is in no list: a row of keys, the name of this software. */
  readonly refusesGuessable?: boolean;
}

/**
 * What is wrong with a new password, in words that go after the name of a field and never repeat it; nothing where it is
 * allowed. There are no rules of composition: only length counts, and that it is hard to guess.
 */
export function passwordProblems(given: string, { minLength, personal, refusesGuessable = false }: PasswordPolicy): string[] {
  const password = composed(given);
  const length = [...password].length;
  const problems: string[] = [];
  if (length < minLength) problems.push(`must have at least ${minLength} characters`);
  if (length > maxPasswordLength) return [...problems, `must have at most ${maxPasswordLength} characters`];
  if (length > 0 && !isHashable(given)) problems.push('must be valid Unicode text');
  if (isCommon(password)) problems.push('must not be one of the most common passwords');
  if (isPersonal(password, personal)) problems.push('must not be your own name, username or e-mail address');
  if (refusesGuessable && isGuessable(password))
    problems.push('must not be a repeated pattern, a keyboard row, or the name of this software');
  return problems;
}

const byFrequency = dictionary['passwords-common'];

/** The 3,000 most common passwords, and the 3,000 most common of at least 8 characters, in small letters. */
export const commonPasswords: ReadonlySet<string> = new Set([
  ...byFrequency.slice(0, 3000),
  ...byFrequency.filter((text) => text.length >= 8).slice(0, 3000),
]);

const isCommon = (password: string): boolean => commonPasswords.has(password.toLowerCase());

/** Rows of keys, and orders that everybody knows. */
const rows = [
  '12345678901234567890',
  'abcdefghijklmnopqrstuvwxyz',
  'qwertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  'qwertzuiop',
  'yxcvbnm',
  'azertyuiop',
  'qsdfghjklm',
  'wxcvbn',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p',
].flatMap((row) => [row, [...row].reverse().join('')]);

/** What is public of every installation: its name, and the passwords of seeded accounts. */
const publicWords = ['unionhall', 'testpass'];

/** Characters beside a public word that make a password of it. */
const leastBeside = 6;

function isGuessable(password: string): boolean {
  const folded = fold(password);
  const beside = publicWords.map((word) => folded.replaceAll(word, '')).filter((rest) => rest.length < folded.length);
  return /^(.{1,4})\1+$/su.test(password.toLowerCase()) || isOfRows(folded) || beside.some((rest) => rest.length < leastBeside);
}

/** Whether a text is nothing but parts of rows, of three characters at least. */
function isOfRows(text: string): boolean {
  let rest = text;
  while (rest !== '') {
    let length = Math.min(rest.length, 40);
    while (length > 2 && !rows.some((row) => row.includes(rest.slice(0, length)))) length -= 1;
    if (length < 3) return false;
    rest = rest.slice(length);
  }
  return text !== '';
}

/** "rosa-parks" is the name Rosa Parks as well. */
function isPersonal(password: string, personal: readonly string[]): boolean {
  const folded = fold(password);
  return folded !== '' && personal.flatMap((text) => [text, localPart(text)]).some((text) => fold(text) === folded);
}

const localPart = (text: string): string => text.slice(0, Math.max(text.lastIndexOf('@'), 0));

/** Letters and digits only, in small letters. */
const fold = (text: string): string =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}]/gu, '');
