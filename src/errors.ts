import { types } from 'node:util';

/** The closed list of error codes in `errors[].extensions.code`, each with its default public message. */
export const refusals = {
  UNAUTHENTICATED: 'Sign in first: the request has no valid access token.',
  BAD_CREDENTIALS: 'The credentials are incorrect or have expired.',
  STEP_UP_REQUIRED: 'Confirm your password again before doing this.',
  PASSWORD_CHANGE_REQUIRED: 'Change your password before doing anything else.',
  SECOND_FACTOR_ENROLLMENT_REQUIRED: 'Set up a second factor before doing anything else.',
  FORBIDDEN: 'None of your roles allows this.',
  NOT_FOUND: 'The record does not exist, or you cannot see it.',
  BAD_INPUT: 'The request is not valid.',
  CONFLICT: 'The current state of the record does not allow this.',
  VAULT_LOCKED: 'Unlock the vault first.',
  RATE_LIMITED: 'Too many attempts. Try again later.',
  PERSISTED_QUERY_NOT_FOUND: 'PersistedQueryNotFound',
  UNTRUSTED_DOCUMENT: 'This document is not in the manifest of trusted documents.',
  TOO_COMPLEX: 'The operation exceeds a complexity limit.',
  UNAVAILABLE: 'The service is temporarily unavailable. Try again shortly.',
  INTERNAL: 'An internal error occurred. The log has the details under the request id.',
} as const;

export type RefusalCode = keyof typeof refusals;

/** An invalid input: its path, beginning with the argument (`input.roleIds[1]`), and what is wrong with it. */
export interface FieldProblem {
  path: string;
  message: string;
}

/** The additional public details of an error. */
export interface RefusalDetails {
  fields?: readonly FieldProblem[];
  /** The state of a case, and the actions that this state allows (CONFLICT). */
  state?: string;
  allowedActions?: readonly string[];
  /** Seconds (RATE_LIMITED, UNAVAILABLE). */
  retryAfter?: number;
}

/**
 * The only error that this service throws on purpose. `message` and `details` are public. `cause` never reaches a
 * client: an error goes to the log, and a short text to the audit log.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly code: RefusalCode,
    message: string = refusals[code],
    readonly details: RefusalDetails = {},
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}

/**
 * The error of a scalar for an invalid value. It names the scalar and the expected form, and never quotes the value.
 */
export class Malformed extends TypeError {
  override readonly name = 'Malformed';

  constructor(
    scalar: string,
    readonly form: string,
  ) {
    super(`${scalar} cannot represent this value: expected ${form}`);
  }
}

/** An error for the operator of the host. A command prints its message without a stack. */
export class OperatorError extends Error {
  override readonly name: string = this.constructor.name;
}

/** The database is newer than this program. */
export class DataVersionError extends OperatorError {}

/** The database must not be served in production: passwords of its accounts are public. */
export class SeededError extends OperatorError {
  constructor(users: readonly { readonly username: string }[]) {
    super(
      `The database has seeded accounts with public passwords: ${users.map(({ username }) => username).join(', ')}. ` +
        'Use another database for production, or disable these accounts: npm run users:disable-seeded',
    );
  }
}

export const unauthenticated = (cause?: unknown) => new Refusal('UNAUTHENTICATED', undefined, {}, cause);
export const badCredentials = (cause?: unknown) => new Refusal('BAD_CREDENTIALS', undefined, {}, cause);
export const stepUpRequired = () => new Refusal('STEP_UP_REQUIRED');
export const passwordChangeRequired = () => new Refusal('PASSWORD_CHANGE_REQUIRED');
export const enrollmentRequired = () => new Refusal('SECOND_FACTOR_ENROLLMENT_REQUIRED');
export const forbidden = (message?: string) => new Refusal('FORBIDDEN', message);
export const notFound = () => new Refusal('NOT_FOUND');
/** @param reason only for the audit log. */
export const vaultLocked = (reason: string) => new Refusal('VAULT_LOCKED', undefined, {}, reason);
export const untrustedDocument = () => new Refusal('UNTRUSTED_DOCUMENT');
export const tooComplex = (message: string) => new Refusal('TOO_COMPLEX', message);
/** @param reason for a refusal that is not counted elsewhere yet. */
export const rateLimited = (retryAfter: number, reason?: string) =>
  new Refusal('RATE_LIMITED', undefined, { retryAfter }, reason);
export const unavailable = (cause?: unknown) => new Refusal('UNAVAILABLE', undefined, { retryAfter }, cause);

/** The seconds after which a client may retry while the service is unavailable. */
export const retryAfter = 2;

/** Creates a BAD_INPUT error that lists each invalid field. */
export function badInput(...fields: FieldProblem[]): Refusal {
  const said = fields.map(({ path, message }) => `${path} ${message}`).join('; ');
  return new Refusal('BAD_INPUT', said === '' ? undefined : `Invalid input: ${said}.`, { fields });
}

/** @throws BAD_INPUT with each problem, if there are any. */
export function assertValid(problems: readonly FieldProblem[]): void {
  if (problems.length > 0) throw badInput(...problems);
}

/**
 * Creates a CONFLICT error with the state of a case and its allowed actions. The cause is only for the log and the
 * audit log.
 */
export function conflict(
  message: string,
  state?: string,
  allowedActions?: readonly string[],
  cause?: unknown,
): Refusal {
  const details = { ...(state !== undefined && { state }), ...(allowedActions !== undefined && { allowedActions }) };
  return new Refusal('CONFLICT', message, details, cause);
}

/**
 * Whether the database was unreachable, shutting down, overloaded or too slow, so that a retry may succeed.
 */
export const isAway = (error: unknown): boolean =>
  causesOf(error).some(
    ({ code, message }) => (typeof code === 'string' && awayCodes.test(code)) || awayTexts.test(message),
  );

/** Lists an error and its causes, at most five. */
export function causesOf(error: unknown): readonly (Error & { readonly code?: unknown })[] {
  const causes: Error[] = [];
  for (let each = error; types.isNativeError(each) && causes.length < 5; each = each.cause) causes.push(each);
  return causes;
}

/**
 * PostgreSQL: connection exceptions (08), wrong credentials (28), a missing database (3D000), serialization failures
 * and deadlocks (40), insufficient resources (53). Lock and statement time-outs (55P03, 57014). A server that is
 * shutting down, crashed or starting (57P), a read-only standby (25006), transaction time-outs (25P03, 25P04). System:
 * network errors.
 */
const awayCodes =
  /^(08\w{3}|28\w{3}|3D000|40001|40P01|53\w{3}|55P03|57014|57P\d\d|25006|25P0[34]|ECONN\w+|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL)$/;

/** Errors of `pg`, its pool and PGlite that have no code, and missing Unix sockets. */
const awayTexts =
  /^(Connection terminated|connect (ENOENT|EACCES)|timeout e|Client (was closed|has encountered a connection error)|Query read timeout|Cannot use a pool after|PGlite is clos)/;

const unwritable: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EEXIST: 'a file is where a folder is expected',
  ENOTDIR: 'a file is where a folder is expected',
  ENOENT: 'its folder does not exist and cannot be created',
};

/** Says why a file or folder cannot be written, with the system's code. Null for any other error. */
export function unwritableReason(error: unknown): string | null {
  const code = String((error as NodeJS.ErrnoException | null)?.code);
  return Object.hasOwn(unwritable, code) ? `${unwritable[code]} (${code})` : null;
}
