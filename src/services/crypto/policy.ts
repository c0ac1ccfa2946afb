import { dictionary } from '@zxcvbn-ts/language-common';
import { composed, isHashable, maxPasswordLength } from './password.ts';

/** The requirements on a new password. */
export interface PasswordPolicy {
  /** The minimum number of characters, counted as code points. */
  readonly minLength: number;
  /** The user's own names, username and address. None of them alone is accepted. Include the full name too. */
  readonly personal: readonly string[];
  /** Whether to refuse passwords that are easy to guess but in no list: a row of keys, the name of this software. */
  readonly refusesGuessable?: boolean;
}

/**
 * Returns the problems of a new password, as texts that follow the name of a field and never repeat the password. Empty
 * if it is accepted. There are no composition rules: only length and being hard to guess count.
 */
export function passwordProblems(
  given: string,
  { minLength, personal, refusesGuessable = false }: PasswordPolicy,
): string[] {
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

/** Rows of keys, and well-known sequences. */
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

/** Public words of every installation: its name, and the passwords of seeded accounts. */
const publicWords = ['unionhall', 'testpass'];

/** The minimum number of characters besides a public word. */
const leastBeside = 6;

function isGuessable(password: string): boolean {
  const folded = fold(password);
  const beside = publicWords.map((word) => folded.replaceAll(word, '')).filter((rest) => rest.length < folded.length);
  return (
    /^(.{1,4})\1+$/su.test(password.toLowerCase()) ||
    isOfRows(folded) ||
    beside.some((rest) => rest.length < leastBeside)
  );
}

/** Whether a text consists only of parts of rows, of at least three characters each. */
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

/** "rosa-parks" also matches the name Rosa Parks. */
function isPersonal(password: string, personal: readonly string[]): boolean {
  const folded = fold(password);
  return folded !== '' && personal.flatMap((text) => [text, localPart(text)]).some((text) => fold(text) === folded);
}

const localPart = (text: string): string => text.slice(0, Math.max(text.lastIndexOf('@'), 0));

/** Keeps only letters and digits, in lower case. */
const fold = (text: string): string =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}]/gu, '');
