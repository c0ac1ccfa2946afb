import { normalizeEmail } from '../../../entities/identifier.ts';
import { cleaned } from '../../../entities/text.ts';
import { userProblems, type UserFacts } from '../../../entities/user.ts';
import { isImportable } from '../../crypto/imported.ts';
import { mostRoles } from '../user-facts.ts';

/** A user as another system exports them. */
export interface ImportedUser extends UserFacts {
  readonly roles: readonly string[];
  /** The hash of the password in that system. */
  readonly hash: string;
  /** The number of the linked member record. Null for none. */
  readonly memberNumber: string | null;
  /** Null if the line does not say. Such a user may sign in. */
  readonly isActive: boolean | null;
}

/**
 * The problem of a line, as a text that follows the name of a key. An empty path means the line itself. Never contains
 * a value.
 */
export interface LineProblem {
  readonly path: string;
  readonly message: string;
}

/** The valid values of a line, and the problems of all others. */
export interface ReadLine {
  readonly draft: Partial<ImportedUser>;
  readonly problems: readonly LineProblem[];
}

/** Parses and validates a line. Does not compare it with existing users. */
export function parseUser(text: string): ReadLine {
  const given = parsed(text);
  if (given === null) return { draft: {}, problems: [{ path: '', message: 'must be a JSON object' }] };
  const unknown = Object.keys(given).filter((key) => !Object.hasOwn(keys, key));
  const read = Object.entries(keys).map(([path, readKey]) => [path, readKey(own(given, path))] as const);
  const wrong = read.flatMap(([path, value]) => (value instanceof Wrong ? [{ path, message: value.message }] : []));
  const right = read.filter(([, value]) => !(value instanceof Wrong));
  const strangers = unknown.map((key) => ({ path: '', message: `has ${named(key, 'an unknown key')}` }));
  return { draft: Object.fromEntries(right), problems: [...strangers, ...wrong] };
}

/** Why a value cannot be used. */
class Wrong {
  constructor(readonly message: string) {}
}

type ReadKey = (value: unknown) => unknown;

/** All keys that a line may have, and how each value is parsed. */
const keys: Readonly<Record<keyof ImportedUser, ReadKey>> = {
  username: (value) => fact('username', value),
  email: (value) => fact('email', value),
  firstName: (value) => fact('firstName', value),
  lastName: (value) => fact('lastName', value),
  roles: readRoles,
  hash: readHash,
  memberNumber: readMemberNumber,
  isActive: (value) =>
    value === undefined ? null : typeof value === 'boolean' ? value : new Wrong('must be true or false'),
};

function fact(name: keyof UserFacts, value: unknown): unknown {
  if (value === undefined) return new Wrong('is missing');
  if (typeof value !== 'string') return new Wrong('must be a string');
  const text = name === 'email' ? normalizeEmail(cleaned(value)) : cleaned(value).trim();
  const [problem] = userProblems({ [name]: text });
  return problem ? new Wrong(problem.message) : text;
}

function readHash(value: unknown): unknown {
  if (value === undefined) return new Wrong('is missing');
  return typeof value === 'string' && isImportable(value)
    ? value
    : new Wrong('must be a supported bcrypt or Argon2 hash');
}

function readRoles(value: unknown): unknown {
  if (value === undefined) return new Wrong('is missing');
  if (!Array.isArray(value) || value.length > mostRoles)
    return new Wrong(`must be a list of at most ${mostRoles} names`);
  const roles = value as unknown[];
  if (!roles.every((role) => typeof role === 'string')) return new Wrong('must be a list of names');
  const odd = roles.filter((role) => !plainWord.test(role));
  if (odd.length > 0) return new Wrong('must contain only names of roles');
  return new Set(roles).size === roles.length ? roles : new Wrong('must not list a role twice');
}

function readMemberNumber(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  return typeof value === 'string' && /^[A-Za-z0-9]{1,30}$/.test(value)
    ? value
    : new Wrong('must have 1 to 30 letters and digits');
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null; // the parser's error would show a part of the line, which may be a hash
  }
}

const own = (value: Record<string, unknown>, key: string): unknown =>
  Object.hasOwn(value, key) ? value[key] : undefined;

/** The terminal shows only plain words of a file: anything else might be a hash, or move the cursor. */
const plainWord = /^[A-Za-z_][A-Za-z0-9_.-]{0,39}$/;
const named = (key: string, what: string): string =>
  plainWord.test(key) ? `${what} ${key}` : `${what} that cannot be shown`;
