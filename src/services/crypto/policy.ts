import { commonPasswords } from './common.ts';
import { isHashable, maxPasswordLength } from './password.ts';

/** What a new password is held against. */
export interface PasswordPolicy {
  /** Characters it must have, counted as a reader counts: an emoji of one code point is one. */
  readonly minLength: number;
  /** The user's own names, username and address: each alone is no password. Give the full name too. */
  readonly personal: readonly string[];
}

/**
 * What is wrong with a new password, in words that go after the name of a field and never repeat it; nothing where it is
 * allowed. There are no rules of composition: length, and being nobody's first guess, is what counts.
 */
export function passwordProblems(password: string, { minLength, personal }: PasswordPolicy): string[] {
  const length = [...password].length;
  const problems: string[] = [];
  if (length < minLength) problems.push(`must have at least ${minLength} characters`);
  if (length > maxPasswordLength) problems.push(`must have at most ${maxPasswordLength} characters`);
  else if (length > 0 && !isHashable(password)) problems.push('must be well-formed text');
  if (isCommon(password)) problems.push('must not be one of the most common passwords');
  if (isPersonal(password, personal)) problems.push('must not be your own name, username or e-mail address');
  return problems;
}

let common: ReadonlySet<string> | null = null;

function isCommon(password: string): boolean {
  common ??= new Set(commonPasswords.trim().split(/\s+/));
  return common.has(password.toLowerCase());
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
