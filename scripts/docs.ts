// Writes the documents that come from the code: `npm run docs`. A test holds what is committed against it.
import 'reflect-metadata';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MikroORM, type EntityMetadata, type EntityProperty, type Options } from '@mikro-orm/postgresql';
import { getMetadataStorage } from 'type-graphql';
import type { ZodType } from 'zod';
import type { RefusalCode } from '../src/errors.ts';
import { windows, type Window } from '../src/playground.ts';

const project = join(import.meta.dirname, '..');

/** What the pages come from. */
export interface Sources {
  readonly variables: Readonly<Record<string, ZodType>>;
  readonly refusals: Readonly<Record<RefusalCode, string>>;
  /** The metadata of every entity. */
  readonly entities: Iterable<EntityMetadata>;
}

/** Every page that is written, by its path. */
export async function pages({ variables, refusals, entities }: Sources): Promise<Record<string, string>> {
  return {
    'docs/configuration.md': configurationPage(variables),
    'docs/errors.md': errorsPage(refusals),
    'docs/examples.md': examplesPage(await windows()),
    'docs/schema.md': schemaPage([...entities]),
  };
}

const written = (from: string): string => `\`npm run docs\` generates this page from ${from}, and a test compares them.`;

/** The sections of the page: which variables each has, in this order. */
const concerns: readonly (readonly [title: string, ...names: string[]])[] = [
  ['Process and HTTP', 'NODE_ENV', 'HOST', 'PORT', 'REQUEST_TIMEOUT', 'STOP_DELAY', 'STOP_GRACE', 'TRUSTED_PROXIES', 'CORS_ORIGINS'],
  [
    'Database',
    'DATABASE_URL',
    'DATABASE_URL_FILE',
    'DATABASE_POOL_SIZE',
    'DATABASE_DIRECT_URL',
    'DATABASE_DIRECT_URL_FILE',
    'DATABASE_PREPARED',
    'SEED',
    'UNIONHALL_DATA_DIR',
  ],
  ['Keys and the configuration directory', 'UNIONHALL_KEYS', 'UNIONHALL_CONFIG_DIR'],
  ['First start', 'ADMIN_EMAIL', 'ADMIN_PASSWORD', 'ADMIN_PASSWORD_FILE', 'ADMIN_USERNAME'],
  [
    'Sessions and sign-in',
    'ACCESS_TOKEN_TTL',
    'REFRESH_GRACE',
    'REFRESH_RETRY',
    'SESSION_MAX_AGE',
    'SESSION_IDLE_AGE',
    'REUSE_ENDS',
    'LOGIN_ATTEMPTS',
    'LOGIN_LOCK',
    'INVITATION_TTL',
    'STEP_UP_AGE',
    'REQUIRE_SECOND_FACTOR',
    'REGISTRATION',
    'VERIFIED_OPERATIONS',
  ],
  ['Passwords', 'PASSWORD_MIN_LENGTH', 'HIBP_URL', 'ARGON2_MEMORY', 'ARGON2_TIME', 'PBKDF2_ITERATIONS'],
  ['Cookies', 'COOKIE_PATH', 'COOKIE_SECURE', 'COOKIE_SAME_SITE', 'COOKIE_NAME'],
  [
    'Rate limits',
    'LIMIT_SIGN_IN',
    'LIMIT_SECOND_FACTOR',
    'LIMIT_MAIL_ACCOUNT',
    'LIMIT_MAIL_ADDRESS',
    'LIMIT_REGISTER',
    'LIMIT_REFRESH',
    'LIMIT_CONNECTION',
    'LIMIT_TOKEN',
    'LIMIT_REFUSAL',
  ],
  ['Limits of one operation', 'MAX_DEPTH', 'MAX_ALIASES', 'MAX_ROOT_FIELDS', 'MAX_COST', 'TRUSTED_DOCUMENTS', 'PLAYGROUND'],
  [
    'Subscriptions',
    'SUBSCRIPTION_CHECK_EVERY',
    'SUBSCRIPTIONS_PER_SOCKET',
    'SUBSCRIPTION_BACKLOG',
    'SOCKETS_PER_USER',
    'SOCKET_INIT_WAIT',
    'SOCKET_PING_EVERY',
  ],
  ['Vault', 'VAULT_IDLE_TTL', 'VAULT_MAX_TTL', 'SECRET_VERSIONS'],
  ['Benevolence and dates', 'UNIONHALL_TIME_ZONE', 'BENEVOLENCE_ADMIN_FROM', 'BENEVOLENCE_MANAGER_FROM', 'BENEVOLENCE_PRESIDENT_FROM'],
  ['Mail', 'SMTP_URL', 'SMTP_URL_FILE', 'MAIL_FROM', 'PUBLIC_URL', 'MAIL_WORKER'],
  ['Audit log and cleanup', 'AUDIT_REFUSALS_PER_DAY', 'AUDIT_SEAL_EVERY', 'CLEANUP_EVERY'],
  ['Logs and metrics', 'LOG_LEVEL', 'METRICS_PORT'],
];

function configurationPage(variables: Sources['variables']): string {
  const names = concerns.flatMap(([, ...ofConcern]) => ofConcern);
  const unplaced = Object.keys(variables).filter((name) => names.filter((each) => each === name).length !== 1);
  if (unplaced.length > 0) throw new Error(`Name each variable in one section of \`concerns\` in scripts/docs.ts: ${unplaced.join(', ')}`);
  const sections = concerns.flatMap(([title, ...ofConcern]) => [
    `## ${title}`,
    table(
      ['variable', 'default', 'values', 'meaning'],
      ofConcern.map((name) => configurationRow(name, variables[name])),
    ),
  ]);
  return page([
    '# Configuration',
    written('`variables` in `src/config.ts`'),
    'Every setting is an environment variable. npm scripts also read a file `.env` in the folder that they run in. The file must be UTF-8, and unknown names cause a warning. An invalid value stops the start with a message that names the variable. Copy from [.env.example](../.env.example), which lists the same variables.',
    ...sections,
  ]);
}

function configurationRow(name: string, schema: ZodType | undefined): string[] {
  if (!schema) throw new Error(`There is no variable ${name}: remove it from \`concerns\` in scripts/docs.ts.`);
  return [
    `\`${name}\``,
    code(String(schema.meta()?.['default'] ?? defaultOf(schema))),
    code(formOf(schema)),
    (schema.description ?? '').replaceAll('|', '\\|'),
  ];
}

const code = (text: string): string => (text === '' ? '' : `\`${text}\``);

type Definition = { type: string; defaultValue?: unknown; innerType?: ZodType; in?: ZodType };
const definitionOf = (schema: ZodType): Definition => schema.def as unknown as Definition;

function defaultOf(schema: ZodType): string {
  const { type, defaultValue, innerType, in: before } = definitionOf(schema);
  if (type === 'default') return typeof defaultValue === 'boolean' ? String(Number(defaultValue)) : String(defaultValue);
  const inside = innerType ?? before;
  return inside ? defaultOf(inside) : '';
}

/** The words that it may be, or the least and the most of a number. */
function formOf(schema: ZodType): string {
  const { innerType, in: before } = definitionOf(schema);
  const inside = innerType ?? before;
  if (inside) return formOf(inside);
  const { options, minValue, maxValue, def } = schema as ZodType & { options?: unknown[]; minValue?: number; maxValue?: number };
  if ((def as unknown as Definition).type === 'enum') return (options ?? []).join(', ');
  return (def as unknown as Definition).type === 'number' ? `${minValue} to ${maxValue}` : '';
}

/** When each is met, and what to do; what comes beside the code. */
const meanings: Readonly<Record<RefusalCode, readonly [when: string, beside: string]>> = {
  UNAUTHENTICATED: ['No access token came, or one that does not work any more: refresh, or sign in.', ''],
  BAD_CREDENTIALS: ['Whatever is wrong with a sign-in, a challenge or a code; it is not told what.', ''],
  STEP_UP_REQUIRED: ['The operation asks for a fresh proof of who it is: `reauthenticate`, then ask again.', ''],
  PASSWORD_CHANGE_REQUIRED: ['Nothing else is answered until `changePassword`.', ''],
  SECOND_FACTOR_ENROLLMENT_REQUIRED: [
    'A role of the caller demands a second factor: nothing else is answered until `beginTotp` and `confirmTotp`.',
    '',
  ],
  FORBIDDEN: ['No role of the caller allows the operation, whatever its arguments.', ''],
  NOT_FOUND: ['There is no such record, or the caller does not see it: nobody can tell which.', ''],
  BAD_INPUT: ['The document, a variable or an input is not valid.', '`fields`: a `path` and a `message` for each input that is wrong'],
  CONFLICT: [
    'The state of the record does not allow it, or somebody was faster: read it again. Or the `idempotency-key` came with another request before: take a new one.',
    '`state` and `allowedActions`, where it is a case; `state` is `CHANGED` for an outdated `version` of another record',
  ],
  VAULT_LOCKED: ['The vault has to be unlocked first.', ''],
  RATE_LIMITED: ['Too many tries.', '`retryAfter`: seconds'],
  PERSISTED_QUERY_NOT_FOUND: [
    'The hash of a document came without the document, and the service does not know it: send both. Persisted-query clients do this automatically.',
    '',
  ],
  UNTRUSTED_DOCUMENT: ['The service executes only documents of its manifest (`TRUSTED_DOCUMENTS`), and this is not one of them.', ''],
  TOO_COMPLEX: ['The operation asks for too much at once: ask for less, or in parts.', ''],
  UNAVAILABLE: ['The service starts, stops or is at its limit.', '`retryAfter`: seconds'],
  INTERNAL: ['A fault of the service. The log has it under the `requestId`.', ''],
};

function errorsPage(refusals: Sources['refusals']): string {
  const rows = (Object.entries(refusals) as [RefusalCode, string][]).map(([name, sentence]) => [
    `\`${name}\``,
    sentence,
    meanings[name][0],
    meanings[name][1],
  ]);
  return page([
    '# Errors',
    written('`refusals` in `src/errors.ts`'),
    'An error has a `message` for people and, in `extensions`, a `code` of this closed list and the `requestId` that finds it in the log. The sentence is the one below unless there is more to say; neither it nor anything beside it repeats a value that was sent.',
    table(['code', 'sentence', 'when', 'beside it'], rows),
    '## Paths of inputs',
    'The `path` in `fields` begins with the name of an argument, and goes on with the fields and list indexes inside it: `id`, `input.firstName`, `input.roleIds[1]`, `filter.hireDate.in[0]`. It is the same whether the value was a literal or came in a variable. The `path` or the `locations` of the error tell which field has the argument. If the whole request is wrong, `path` names its part: `query`, `variables` or `idempotency-key`.',
    '## Several fields in one operation',
    'A query answers every field that is allowed, and null for each that is refused. A mutation executes its fields in their order and stops at the first one that is refused. Mutation fields are not nullable, so `data` is null then. The results of the fields before it are in `extensions.completed` of the answer, by the keys that they would have in `data`; it is left out if there are none. Do not send such a mutation again as a whole.',
  ]);
}

function examplesPage(story: readonly Window[]): string {
  return page([
    '# Examples',
    written('`playground/operations`'),
    'These are the windows of the playground, in their order. A test sends them all to the seeded database, and listens where one is a subscription; `{{name}}` in variables is what an earlier operation kept.',
    ...story.flatMap(({ title, examples }) => [`## ${title}`, ...examples.map((example) => fenced(example))]),
  ]);
}

const fenced = ({ document, variables }: Window['examples'][number]): string =>
  ['```graphql', document.trim(), '```', ...(variables === null ? [] : ['', '```json', variables.trim(), '```'])].join('\n');

/** Columns that most tables have; the page explains them once. */
const common: ReadonlySet<string> = new Set(['createdAt', 'updatedAt', 'deletedAt']);

function schemaPage(entities: readonly EntityMetadata[]): string {
  const types = new Map(getMetadataStorage().objectTypes.map(({ target, name }) => [target, name]));
  const sorted = entities.filter(({ abstract }) => !abstract).toSorted((one, other) => (one.className < other.className ? -1 : 1));
  const isPublished = (entity: EntityMetadata): boolean => types.has(entity.class);
  return page([
    '# Schema',
    written('the entities in `src/entities`'),
    'Each box is one table with its columns. `PK` marks the primary key, `FK` a reference, `UK` a unique column. Most tables also have `createdAt` and `updatedAt`; records that can be deleted have `deletedAt`. A column with the comment "optional" may be null. [schema.graphql](../schema.graphql) describes the types of the API.',
    '## Entities of the API',
    'Each of these tables has a GraphQL type. The type may lack some of the columns, and roles see different fields; see [permissions.md](permissions.md). A box without columns belongs to the other diagram.',
    diagram(sorted.filter(isPublished)),
    '## Internal tables',
    'No GraphQL type shows these tables directly.',
    diagram(sorted.filter((entity) => !isPublished(entity))),
  ]);
}

/** An entity-relationship diagram of Mermaid. */
function diagram(entities: readonly EntityMetadata[]): string {
  const columns = (entity: EntityMetadata): EntityProperty[] =>
    entity.props.filter(({ name, fieldNames, persist }) => fieldNames?.length === 1 && persist !== false && !common.has(name));
  const boxes = entities.flatMap((entity) => [`  ${entity.className} {`, ...columns(entity).map(columnLine), '  }']);
  const lines = entities.flatMap((entity) => columns(entity).flatMap((property) => relationLine(entity, property)));
  return ['```mermaid', 'erDiagram', ...lines, ...boxes, '```'].join('\n');
}

function columnLine({ name, columnTypes, primary, targetMeta, unique, nullable }: EntityProperty): string {
  const keys = [primary && 'PK', targetMeta && 'FK', unique && !primary && 'UK'].filter(Boolean).join(', ');
  const type = (columnTypes[0] ?? '').replace(/\(.*?\)/, '');
  return ['   ', type, name, keys, nullable ? '"optional"' : ''].filter(Boolean).join(' ');
}

function relationLine({ className }: EntityMetadata, { name, kind, targetMeta, nullable }: EntityProperty): string[] {
  if (!targetMeta) return [];
  return [`  ${targetMeta.className} ${nullable ? '|o' : '||'}--${kind === '1:1' ? 'o|' : 'o{'} ${className} : ${name}`];
}

const page = (parts: readonly string[]): string => `${parts.join('\n\n')}\n`;

const table = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [header, header.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

if (process.argv[1] === import.meta.filename) {
  // The build, because Node.js does not run decorators from TypeScript
  const built = (name: string): Promise<unknown> => import(join(project, 'dist', name));
  const { variables } = (await built('src/config.js')) as Pick<Sources, 'variables'>;
  const { refusals } = (await built('src/errors.js')) as Pick<Sources, 'refusals'>;
  const { ormOptions } = (await built('mikro-orm.config.js')) as { ormOptions: Options };
  const entities = new MikroORM({ ...ormOptions, dbName: 'none' }).getMetadata().getAll().values();
  for (const [path, text] of Object.entries(await pages({ variables, refusals, entities }))) writeFileSync(join(project, path), text);
}
