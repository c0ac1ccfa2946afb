import { types } from 'node:util';
import { randomUUID } from 'node:crypto';
import { GraphQLError, Kind, parse, visit, type ASTNode, type DocumentNode, type GraphQLFormattedError, type Source } from 'graphql';

/** The closed list of refusals a client can meet in `errors[].extensions.code`, each with its public sentence. */
export const refusals = {
  UNAUTHENTICATED: 'Sign in first: no valid access token came with this request.',
  BAD_CREDENTIALS: 'The credentials are not right.',
  STEP_UP_REQUIRED: 'Confirm your password again before doing this.',
  PASSWORD_CHANGE_REQUIRED: 'Change your password before doing anything else.',
  FORBIDDEN: 'None of your roles allows this.',
  NOT_FOUND: 'There is no such record.',
  BAD_INPUT: 'Something in the request is not valid.',
  CONFLICT: 'The record is in a state that does not allow this.',
  VAULT_LOCKED: 'Unlock the vault first.',
  RATE_LIMITED: 'Too many attempts. Try again later.',
  TOO_COMPLEX: 'The operation asks for more than one request may ask for.',
  UNAVAILABLE: 'The service is not ready. Try again shortly.',
  INTERNAL: 'Something went wrong on our side. The request id finds it in the log.',
} as const;

export type RefusalCode = keyof typeof refusals;

/** One input that was refused: `path` as the client wrote it (`input.amountRequested`), and what is wrong with it. */
export interface FieldProblem {
  path: string;
  message: string;
}

/** What a refusal may tell a client beside its code. */
export interface RefusalDetails {
  fields?: readonly FieldProblem[];
  /** The state a case is in, and the actions that state allows (CONFLICT). */
  state?: string;
  allowedActions?: readonly string[];
  /** Seconds (RATE_LIMITED, UNAVAILABLE). */
  retryAfter?: number;
}

/**
 * The one error this service throws on purpose. `message` and `details` are public; `cause` never reaches a client: an
 * error is for the log, a word or two for the audit log.
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

/** What a scalar refuses a value with: its name and how it is written, and nothing of the value. */
export class Malformed extends TypeError {
  override readonly name = 'Malformed';

  constructor(
    scalar: string,
    readonly form: string,
  ) {
    super(`${scalar} cannot represent this value: it is written as ${form}`);
  }
}

export const unauthenticated = (cause?: unknown) => new Refusal('UNAUTHENTICATED', undefined, {}, cause);
export const badCredentials = (cause?: unknown) => new Refusal('BAD_CREDENTIALS', undefined, {}, cause);
export const stepUpRequired = () => new Refusal('STEP_UP_REQUIRED');
export const passwordChangeRequired = () => new Refusal('PASSWORD_CHANGE_REQUIRED');
export const forbidden = (message?: string) => new Refusal('FORBIDDEN', message);
export const notFound = () => new Refusal('NOT_FOUND');
/** @param reason why, for the audit log alone. */
export const vaultLocked = (reason: string) => new Refusal('VAULT_LOCKED', undefined, {}, reason);
export const tooComplex = (message: string) => new Refusal('TOO_COMPLEX', message);
/** @param reason why, where the refusal is counted nowhere yet. */
export const rateLimited = (retryAfter: number, reason?: string) => new Refusal('RATE_LIMITED', undefined, { retryAfter }, reason);
export const unavailable = (cause?: unknown) => new Refusal('UNAVAILABLE', undefined, { retryAfter }, cause);

/** Seconds after which it is worth asking again what the service could not answer just now. */
export const retryAfter = 2;

/** BAD_INPUT that names each field and what is wrong with it. */
export function badInput(...fields: FieldProblem[]): Refusal {
  const said = fields.map(({ path, message }) => `${path} ${message}`).join('; ');
  return new Refusal('BAD_INPUT', said === '' ? undefined : `Not valid: ${said}.`, { fields });
}

/** CONFLICT that names the state a case is in and what that state allows; the cause is for the log and the audit log alone. */
export function conflict(message: string, state?: string, allowedActions?: readonly string[], cause?: unknown): Refusal {
  const details = { ...(state !== undefined && { state }), ...(allowedActions !== undefined && { allowedActions }) };
  return new Refusal('CONFLICT', message, details, cause);
}

/**
 * Translates any error into what a client may read: a code of the closed list, a sentence without submitted values,
 * and the request's id. What is not a {@link Refusal} or GraphQL's own refusal of a document is INTERNAL.
 *
 * @param report called with the original error when it is INTERNAL, or came of another error. A private cause in words was
 * expected: it is for the audit log alone.
 */
export function toPublic(
  formatted: GraphQLFormattedError,
  error: unknown,
  requestId: string = randomUUID(),
  report: (error: unknown, requestId: string) => void = () => {},
): GraphQLFormattedError {
  const original = error instanceof GraphQLError ? (error.originalError ?? error) : error;
  const refusal = asRefusal(original, formatted, error);
  if (refusal.code === 'INTERNAL' || (refusal.cause !== undefined && typeof refusal.cause !== 'string')) report(original, requestId);
  return {
    message: refusal.message,
    ...(formatted.locations && { locations: formatted.locations }),
    ...(formatted.path && { path: formatted.path }),
    extensions: { code: refusal.code, ...refusal.details, requestId },
  };
}

function asRefusal(error: unknown, formatted: GraphQLFormattedError, thrown: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (isAway(error)) return unavailable(error);
  const code = formatted.extensions?.['code'];
  const refuse = typeof code === 'string' ? refusalOfGraphQL[code] : undefined;
  return refuse ? refuse(formatted.message, thrown) : new Refusal('INTERNAL', undefined, {}, error);
}

/**
 * Whether an error says that the database could not be reached, is going, is too busy or took too long, rather than that it
 * found something wrong: what was asked may succeed when it is asked again.
 */
export const isAway = (error: unknown): boolean =>
  causesOf(error).some(({ code, message }) => (typeof code === 'string' && awayCodes.test(code)) || awayTexts.test(message));

/** An error and what it came of, as far as that is told. */
export function causesOf(error: unknown): readonly (Error & { readonly code?: unknown })[] {
  const causes: Error[] = [];
  for (let each = error; types.isNativeError(each) && causes.length < 5; each = each.cause) causes.push(each);
  return causes;
}

/**
 * Of PostgreSQL: connection exceptions (08), wrong credentials (28), a database that is gone (3D000), serialization failures
 * and deadlocks (40), insufficient resources (53), a lock or a time-out (55P03, 57014), a server that shuts down, crashed
 * or starts (57P), a standby that writes nothing (25006), a transaction that idled (25P03, 25P04). Of the system: no way there.
 */
const awayCodes =
  /^(08\w{3}|28\w{3}|3D000|40001|40P01|53\w{3}|55P03|57014|57P\d\d|25006|25P0[34]|ECONN\w+|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL)$/;

/** What `pg`, its pool and PGlite say in words alone. */
const awayTexts =
  /^(Connection terminated|timeout e|Client (was closed|has encountered a connection error)|Query read timeout|Cannot use a pool after|PGlite is clos)/;

/** GraphQL's and Apollo's own codes, and what each becomes. */
const refusalOfGraphQL: Record<string, (message: string, thrown: unknown) => Refusal> = {
  GRAPHQL_PARSE_FAILED: (message) =>
    /more tha[nt] \d+ tokens/i.test(message)
      ? tooComplex('The document has more tokens than one request may have.')
      : new Refusal('BAD_INPUT', 'The document is not valid GraphQL: its syntax is broken at the given location.'),
  GRAPHQL_VALIDATION_FAILED: (message, thrown) =>
    message.startsWith('GraphQL introspection')
      ? new Refusal('BAD_INPUT', 'The schema is not shown here.')
      : literalProblem(message, thrown),
  BAD_USER_INPUT: (message, thrown) => variableProblem(message, thrown),
  BAD_REQUEST: (message) => new Refusal('BAD_INPUT', withoutValues(message)),
  OPERATION_RESOLUTION_FAILURE: (message) => new Refusal('BAD_INPUT', withoutValues(message)),
  PERSISTED_QUERY_NOT_FOUND: () => new Refusal('BAD_INPUT', 'Persisted queries are not offered; send the document.'),
  PERSISTED_QUERY_NOT_SUPPORTED: () => new Refusal('BAD_INPUT', 'Persisted queries are not offered; send the document.'),
};

/**
 * `Variable "$input" got invalid value … at "input.first"; …`: what is between the variable and the place is the client's,
 * and what follows is said by the error that this one comes of.
 */
function variableProblem(message: string, thrown: unknown): Refusal {
  const variable = /^Variable "\$(\w+)" /.exec(message)?.[1];
  if (variable === undefined) return new Refusal('BAD_INPUT', withoutValues(message));
  if (/^Variable "\$\w+" of (?:required|non-null) type /.test(message)) return badInput({ path: variable, message: 'is required' });
  const reason = thrown instanceof GraphQLError && thrown.originalError instanceof GraphQLError ? thrown.originalError : undefined;
  const before = message.slice(0, -`; ${reason?.message ?? ''}`.length);
  const path = / at "([\w.[\]]+)"$/.exec(before)?.[1] ?? variable;
  const { field, message: problem } = complaintOf(reason?.message ?? '', reason) ?? { message: 'is not valid' };
  return badInput({ path: field === undefined ? path : `${path}.${field}`, message: problem });
}

/** What GraphQL says of a document, and where the value stands that it is about, if it is about one. */
function literalProblem(message: string, thrown: unknown): Refusal {
  const complaint = complaintOf(message, thrown);
  const [node] = (thrown instanceof GraphQLError ? thrown.nodes : undefined) ?? [];
  if (!complaint || !node) return new Refusal('BAD_INPUT', withoutValues(message));
  const isNamed = node.kind === Kind.OBJECT_FIELD || node.kind === Kind.ARGUMENT;
  const path = [placeOf(node), isNamed ? undefined : complaint.field].filter(Boolean).join('.');
  return new Refusal('BAD_INPUT', withoutValues(message), path === '' ? {} : { fields: [{ path, message: complaint.message }] });
}

/** What GraphQL complains of: all but its values. The first that fits tells; what is quoted last is never the client's. */
const complaints: readonly (readonly [said: RegExp, told: string])[] = [
  [/^Field "(?:\w+\.)?(?<field>\w+)" of required type /, 'is required'],
  [/^Field "\w+" argument "(?<field>\w+)" of type ".*" is required/, 'is required'],
  [/^Expected non-nullable type "[^"]+" not to be null\.$/, 'is required'],
  [/^Expected value of type "[^"]+!", found null\.$/, 'is required'],
  [/^Field "(?<field>[_A-Za-z]\w*)" is not defined by type "(?<type>\w+)"\./, 'is not a field of'],
  [/^Field ".*" is not defined by type "(?<type>\w+)"\.(?: Did you mean .*)?$/s, 'has a field that is none of'],
  [/^Unknown argument "(?<field>\w+)" on field "(?<type>[\w.]+)"\./, 'is not an argument of'],
  [/^Value .* does not exist in "(?<type>\w+)" enum\.(?: Did you mean .*)?$/s, 'is not a valid'],
  [/^Enum "(?<type>\w+)" cannot represent /, 'is not a valid'],
  [/^Expected (?:value of )?type "(?<type>[^"]+)"/, 'is not a valid'],
  [/^(?<type>\w+) cannot represent /, 'is not a valid'],
];

/** @param cause has the form that is wanted, where a scalar tells one. */
function complaintOf(said: string, cause: unknown): { field?: string | undefined; message: string } | undefined {
  for (const [pattern, told] of complaints) {
    const found = pattern.exec(said);
    if (!found) continue;
    const { field, type } = found.groups ?? {};
    return { field, message: `${told}${type === undefined ? '' : ` ${type.replace(/[[\]!]/g, '')}`}${formOf(cause)}` };
  }
  return undefined;
}

function formOf(cause: unknown): string {
  if (cause instanceof Malformed) return ` (${cause.form})`;
  return cause instanceof GraphQLError ? formOf(cause.originalError) : '';
}

/** Documents of which something was refused, so that each is parsed once more at most. */
const refused = new WeakMap<Source, DocumentNode>();

/** Where a node stands in what is given to a field or a variable: `filter.memberId.in[1]`; empty where it does not. */
function placeOf({ kind, loc }: ASTNode): string {
  if (!loc) return '';
  const document = refused.get(loc.source) ?? parse(loc.source);
  refused.set(loc.source, document);
  let place = '';
  visit(document, {
    enter(node, _key, _parent, path) {
      if (node.kind === kind && node.loc?.start === loc.start) place = placeAlong(document, path);
    },
  });
  return place;
}

function placeAlong(document: DocumentNode, path: readonly (string | number)[]): string {
  let place = '';
  let at: unknown = document;
  for (const [index, key] of path.entries()) {
    at = (at as Record<string | number, unknown>)[key];
    const node = at as ASTNode;
    if (path[index - 1] === 'values') place += `[${key}]`;
    if (node.kind === Kind.ARGUMENT) place = node.name.value;
    if (node.kind === Kind.VARIABLE_DEFINITION) place = node.variable.name.value;
    if (node.kind === Kind.OBJECT_FIELD) place += `.${node.name.value}`;
  }
  return place;
}

/** Validation messages name fields and types, which help, and literals, which may be secrets: the literals go. */
function withoutValues(message: string): string {
  return message
    .replace(/(cannot represent [^:]*): .*$/s, '$1.')
    .replace(/, found .*$/s, '.')
    .replace(/^Value ".*" does not exist in "(\w+)" enum.*$/s, 'A value does not exist in enum "$1".')
    .replace(/got invalid value .*?; /s, 'is not valid: ');
}
