import { randomUUID } from 'node:crypto';
import {
  BREAK,
  GraphQLError,
  Kind,
  parse,
  visit,
  type ASTNode,
  type DocumentNode,
  type GraphQLFormattedError,
  type Location,
  type Source,
  type VariableDefinitionNode,
} from 'graphql';
import { badInput, isAway, Malformed, Refusal, tooComplex, unavailable, type RefusalCode } from '../errors.ts';

/**
 * Translates any error into a public one: a code from the closed list, a message without submitted values, and the request
 * id. An error that is neither a {@link Refusal} nor a GraphQL validation error becomes INTERNAL.
 *
 * @param report is called with the original error if it is INTERNAL or has an error as its cause. A cause in words is only
 * for the audit log.
 */
export function toPublic(
  formatted: GraphQLFormattedError,
  error: unknown,
  requestId: string = randomUUID(),
  report: (error: unknown, requestId: string, code: RefusalCode) => void = () => {},
): GraphQLFormattedError {
  const original = error instanceof GraphQLError ? (error.originalError ?? error) : error;
  const refusal = asRefusal(original, formatted, error);
  if (refusal.code === 'INTERNAL' || (refusal.cause !== undefined && typeof refusal.cause !== 'string'))
    report(original, requestId, refusal.code);
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
  const problem = persistedProblems.get(formatted.message);
  if (problem !== undefined) return badInput({ path: 'extensions.persistedQuery', message: problem });
  const code = formatted.extensions?.['code'];
  const refuse = typeof code === 'string' ? refusalOfGraphQL[code] : undefined;
  return refuse ? refuse(formatted.message, thrown) : new Refusal('INTERNAL', undefined, {}, error);
}

/** Messages of Apollo about persisted queries, which have no code. */
const persistedProblems: ReadonlyMap<string, string> = new Map([
  ['provided sha does not match query', 'must have the SHA-256 hash of the document'],
  ['Unsupported persisted query version', 'must have version 1'],
]);

/** The codes of GraphQL and Apollo, and the error that each becomes. */
const refusalOfGraphQL: Record<string, (message: string, thrown: unknown) => Refusal> = {
  GRAPHQL_PARSE_FAILED: (message) =>
    /more tha[nt] \d+ tokens/i.test(message)
      ? tooComplex('The document exceeds the token limit.')
      : new Refusal('BAD_INPUT', 'The document has invalid GraphQL syntax at the given location.'),
  GRAPHQL_VALIDATION_FAILED: (message, thrown) =>
    message.startsWith('GraphQL introspection')
      ? new Refusal('BAD_INPUT', 'Schema introspection is disabled.')
      : literalProblem(message, thrown),
  BAD_USER_INPUT: (message, thrown) => variableProblem(message, thrown),
  BAD_REQUEST: (message) => new Refusal('BAD_INPUT', withoutValues(message)),
  OPERATION_RESOLUTION_FAILURE: (message) => new Refusal('BAD_INPUT', withoutValues(message)),
  // clients check this code or Apollo's message
  PERSISTED_QUERY_NOT_FOUND: () => new Refusal('PERSISTED_QUERY_NOT_FOUND'),
};

/**
 * Translates `Variable "$input" got invalid value … at "input.first"; …`. The text between the variable and the path is
 * submitted data and is removed. The reason comes from the original error. The path begins with the argument.
 */
function variableProblem(message: string, thrown: unknown): Refusal {
  const variable = /^Variable "\$(\w+)" /.exec(message)?.[1];
  if (variable === undefined) return new Refusal('BAD_INPUT', withoutValues(message));
  const root = argumentOf(thrown) ?? variable;
  if (/^Variable "\$\w+" of (?:required|non-null) type /.test(message))
    return badInput({ path: root, message: 'is required' });
  const reason =
    thrown instanceof GraphQLError && thrown.originalError instanceof GraphQLError ? thrown.originalError : undefined;
  const before = message.slice(0, -`; ${reason?.message ?? ''}`.length);
  const path = `${root}${/ at "\w+([\w.[\]]*)"$/.exec(before)?.[1] ?? ''}`;
  const { field, message: problem } = complaintOf(reason?.message ?? '', reason) ?? { message: 'is not valid' };
  return badInput({ path: field === undefined ? path : `${path}.${field}`, message: problem });
}

/** Translates a validation error of a document, with the path of the invalid value if there is one. */
function literalProblem(message: string, thrown: unknown): Refusal {
  const complaint = complaintOf(message, thrown);
  const [node] = (thrown instanceof GraphQLError ? thrown.nodes : undefined) ?? [];
  if (!complaint || !node) return new Refusal('BAD_INPUT', withoutValues(message));
  const isNamed = node.kind === Kind.OBJECT_FIELD || node.kind === Kind.ARGUMENT;
  const path = [placeOf(node), isNamed ? undefined : complaint.field].filter(Boolean).join('.');
  return new Refusal(
    'BAD_INPUT',
    withoutValues(message),
    path === '' ? {} : { fields: [{ path, message: complaint.message }] },
  );
}

/** Messages of GraphQL and our text for each, without values. The first match applies. The last quoted name is never submitted data. */
const complaints: readonly (readonly [said: RegExp, told: string])[] = [
  [/^Field "(?:\w+\.)?(?<field>\w+)" of required type /, 'is required'],
  [/^Field "\w+" argument "(?<field>\w+)" of type ".*" is required/, 'is required'],
  [/^Expected non-nullable type "[^"]+" not to be null\.$/, 'is required'],
  [/^Expected value of type "[^"]+!", found null\.$/, 'is required'],
  [/^Field "(?<field>[_A-Za-z]\w*)" is not defined by type "(?<type>\w+)"\./, 'is not a field of'],
  [/^Field ".*" is not defined by type "(?<type>\w+)"\.(?: Did you mean .*)?$/s, 'has a field that does not exist in'],
  [/^Unknown argument "(?<field>\w+)" on field "(?<type>[\w.]+)"\./, 'is not an argument of'],
  [/^Value .* does not exist in "(?<type>\w+)" enum\.(?: Did you mean .*)?$/s, 'is not a valid'],
  [/^Enum "(?<type>\w+)" cannot represent /, 'is not a valid'],
  [/^Expected (?:value of )?type "(?<type>[^"]+)"/, 'is not a valid'],
  [/^(?<type>\w+) cannot represent /, 'is not a valid'],
];

/** @param cause the error of a scalar, which may name the expected form. */
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

/** Caches the parsed documents of errors, so that each is parsed again at most once. */
const refused = new WeakMap<Source, DocumentNode>();

/** Returns the input path of a node, for example `filter.memberId.in[1]`. Empty if it is not part of an input. */
export function placeOf({ kind, loc }: ASTNode): string {
  if (!loc) return '';
  const document = documentOf(loc);
  let place = '';
  visit(document, {
    enter(node, _key, _parent, path) {
      if (node.kind === kind && node.loc?.start === loc.start) place = placeAlong(document, path);
    },
  });
  return place;
}

function documentOf({ source }: Location): DocumentNode {
  const document = refused.get(source) ?? parse(source);
  refused.set(source, document);
  return document;
}

/** Returns the input path where the variable of an error is used, for example `input.firstName`. Undefined if it is unused. */
function argumentOf(thrown: unknown): string | undefined {
  const [node] = (thrown instanceof GraphQLError ? thrown.nodes : undefined) ?? [];
  if (node?.kind !== Kind.VARIABLE_DEFINITION || !node.loc) return undefined;
  return placeOfVariable(documentOf(node.loc), node);
}

/** Returns the input path of the first use of a variable, in its operation or in a fragment. */
function placeOfVariable(document: DocumentNode, { variable, loc }: VariableDefinitionNode): string | undefined {
  const isIts = ({ loc: own }: ASTNode): boolean =>
    own !== undefined && loc !== undefined && own.start < loc.start && loc.end < own.end;
  const operation = document.definitions.filter(isIts);
  const fragments = document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION);
  for (const definition of [...operation, ...fragments]) {
    let place: string | undefined;
    visit(definition, {
      VariableDefinition: () => false,
      Variable(node, _key, _parent, path) {
        if (node.name.value !== variable.name.value) return undefined;
        place = placeAlong(definition, path);
        return BREAK;
      },
    });
    if (place) return place;
  }
  return undefined;
}

function placeAlong(root: ASTNode, path: readonly (string | number)[]): string {
  let place = '';
  let at: unknown = root;
  for (const [index, key] of path.entries()) {
    at = (at as Record<string | number, unknown>)[key];
    const node = at as ASTNode;
    if (path[index - 1] === 'values') place += `[${key}]`;
    if (node.kind === Kind.ARGUMENT) place = node.name.value;
    if (node.kind === Kind.VARIABLE_DEFINITION)
      place = placeOfVariable(root as DocumentNode, node) ?? node.variable.name.value;
    if (node.kind === Kind.OBJECT_FIELD) place += `.${node.name.value}`;
  }
  return place;
}

/** Removes literals, which may be secrets, from a validation message. Names of fields and types stay. */
function withoutValues(message: string): string {
  return message
    .replace(/(cannot represent [^:]*): .*$/s, '$1.')
    .replace(/, found .*$/s, '.')
    .replace(/^Value ".*" does not exist in "(\w+)" enum.*$/s, 'A value does not exist in enum "$1".')
    .replace(/got invalid value .*?; /s, 'is not valid: ');
}
