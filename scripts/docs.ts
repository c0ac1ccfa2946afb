// Writes the documents that are generated from the code: `npm run docs`. A test compares the committed files.
import 'reflect-metadata';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { instance } from '@viz-js/viz';
import { MikroORM, type EntityMetadata, type EntityProperty, type Options } from '@mikro-orm/postgresql';
import { getMetadataStorage } from 'type-graphql';
import type { ZodType } from 'zod';
import type { RefusalCode } from '../src/errors.ts';
import { windows, type Window } from '../src/http/playground.ts';

const project = join(import.meta.dirname, '..');

/** The sources of the pages. */
export interface Sources {
  readonly variables: Readonly<Record<string, ZodType>>;
  readonly refusals: Readonly<Record<RefusalCode, string>>;
  /** The metadata of every entity. */
  readonly entities: Iterable<EntityMetadata>;
}

/** Returns every generated page by its path. */
export async function pages({ variables, refusals, entities }: Sources): Promise<Record<string, string>> {
  const types = new Map<unknown, string>(getMetadataStorage().objectTypes.map(({ target, name }) => [target, name]));
  const sorted = [...entities].filter(({ abstract }) => !abstract).toSorted((one, other) => (one.className < other.className ? -1 : 1));
  const published = sorted.filter((entity) => types.has(entity.class));
  const internal = sorted.filter((entity) => !types.has(entity.class));
  return {
    'docs/configuration.md': configurationPage(variables),
    'docs/errors.md': errorsPage(refusals),
    'docs/examples.md': examplesPage(await windows()),
    'docs/schema.md': schemaPage(published, internal),
    'playground/entities.svg': await map(published, (entity) => types.get(entity.class)),
  };
}

const written = (from: string): string => `\`npm run docs\` generates this page from ${from}, and a test compares them.`;

/** The sections of the page, with the variables of each in this order. */
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
  ['Logs, metrics and traces', 'LOG_LEVEL', 'METRICS_PORT', 'OTEL_EXPORTER_OTLP_ENDPOINT'],
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

/** Describes the allowed words of a variable, or the minimum and maximum of a number. */
function formOf(schema: ZodType): string {
  const { innerType, in: before } = definitionOf(schema);
  const inside = innerType ?? before;
  if (inside) return formOf(inside);
  const { options, minValue, maxValue, def } = schema as ZodType & { options?: unknown[]; minValue?: number; maxValue?: number };
  if ((def as unknown as Definition).type === 'enum') return (options ?? []).join(', ');
  return (def as unknown as Definition).type === 'number' ? `${minValue} to ${maxValue}` : '';
}

/** For each code: when it occurs and what to do, and the additional extensions. */
const meanings: Readonly<Record<RefusalCode, readonly [when: string, beside: string]>> = {
  UNAUTHENTICATED: ['The access token is missing, invalid or expired. Refresh it, or sign in.', ''],
  BAD_CREDENTIALS: ['A sign-in, a challenge or a code failed. The reason is not disclosed.', ''],
  STEP_UP_REQUIRED: ['The operation requires step-up authentication. Call `reauthenticate`, then retry.', ''],
  PASSWORD_CHANGE_REQUIRED: ['The password must be changed first. Call `changePassword`.', ''],
  SECOND_FACTOR_ENROLLMENT_REQUIRED: ['A role of the caller requires a second factor. Set it up with `beginTotp` and `confirmTotp`.', ''],
  FORBIDDEN: ['The caller is not allowed to do this.', ''],
  NOT_FOUND: ['The record does not exist, or the caller cannot see it. The two cases look the same.', ''],
  BAD_INPUT: ['The document, a variable or an input is not valid.', '`fields`: a `path` and a `message` for each invalid input'],
  CONFLICT: [
    'The state of the record does not allow it, or the record has changed: read it again. ' +
      'Or the `idempotency-key` was already used for another request: use a new one.',
    'For a case, `state` and `allowedActions`. For an outdated `version` of another record, `state` is `CHANGED`.',
  ],
  VAULT_LOCKED: ['The vault must be unlocked first.', ''],
  RATE_LIMITED: ['Too many attempts.', '`retryAfter`: seconds'],
  PERSISTED_QUERY_NOT_FOUND: [
    'The service does not know the hash of the persisted document. Send the hash and the document. ' +
      'Persisted-query clients do this automatically.',
    '',
  ],
  UNTRUSTED_DOCUMENT: ['The document is not in the manifest of trusted documents (`TRUSTED_DOCUMENTS`).', ''],
  TOO_COMPLEX: ['The operation exceeds a complexity limit. Request less, or split it.', ''],
  UNAVAILABLE: [
    'The service is starting, stopping or overloaded, or its database is unavailable. Retry after a while.',
    '`retryAfter`: seconds',
  ],
  INTERNAL: ['An internal error. The log has the details under the `requestId`.', ''],
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
    'An error has a `message` for people. Its `extensions` contain a `code` from this closed list, and the `requestId` under which the log has it. ' +
      'The default message is below; some errors have a more specific one. Errors never repeat a value that was sent.',
    table(['code', 'default message', 'when', 'other extensions'], rows),
    '## Paths of inputs',
    'The `path` in `fields` begins with the name of an argument, followed by the fields and list indexes inside it: `id`, `input.firstName`, `input.roleIds[1]`, `filter.hireDate.in[0]`. It is the same for literals and variables. The `path` or the `locations` of the error show which field has the argument. If the whole request is wrong, `path` names its part: `query`, `variables` or `idempotency-key`.',
    '## Several fields in one operation',
    'A query returns every field that is allowed, and null for each refused field. A mutation executes its fields in order and stops at ' +
      'the first refused field. Mutation fields are not nullable, so `data` is null then. `extensions.completed` of the response has the ' +
      'results of the earlier fields, under the keys that they have in `data`. It is omitted if there are none. ' +
      'Do not send such a mutation again as a whole.',
  ]);
}

function examplesPage(story: readonly Window[]): string {
  return page([
    '# Examples',
    written('`playground/operations`'),
    'These are the windows of the playground in order. A test runs every operation and subscription on the seeded database. In variables, `{{name}}` stands for a value that an earlier operation stored.',
    ...story.flatMap(({ title, examples }) => [`## ${title}`, ...examples.map((example) => fenced(example))]),
  ]);
}

const fenced = ({ document, variables }: Window['examples'][number]): string =>
  ['```graphql', document.trim(), '```', ...(variables === null ? [] : ['', '```json', variables.trim(), '```'])].join('\n');

/** Columns that most tables have; the page explains them once. */
const common: ReadonlySet<string> = new Set(['createdAt', 'updatedAt', 'deletedAt']);

function schemaPage(published: readonly EntityMetadata[], internal: readonly EntityMetadata[]): string {
  return page([
    '# Schema',
    written('the entities in `src/entities`'),
    'Each box is one table with its columns. `PK` marks the primary key, `FK` a reference, `UK` a unique column. Most tables also have `createdAt` and `updatedAt`; records that can be deleted have `deletedAt`. A column with the comment "optional" may be null. [schema.graphql](../schema.graphql) describes the types of the API.',
    '## Entities of the API',
    'Each of these tables has a GraphQL type. The type may lack some of the columns, and roles see different fields; see [permissions.md](permissions.md). A box without columns belongs to the other diagram.',
    diagram(published),
    '## Internal tables',
    'No GraphQL type shows these tables directly.',
    diagram(internal),
  ]);
}

/** Draws an entity-relationship diagram in Mermaid. */
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

/** Draws the published entities and their relations as an image for the start page, without the users of actions. */
async function map(entities: readonly EntityMetadata[], nameOf: (entity: EntityMetadata) => string | undefined): Promise<string> {
  const edges = entities.flatMap((entity) =>
    entity.props
      .filter(({ kind, nullable, targetMeta }) => kind.endsWith(':1') && !(nullable && targetMeta?.className === 'User'))
      .map(({ targetMeta }) => ({ tail: nameOf(entity) ?? '', head: (targetMeta && nameOf(targetMeta)) ?? '' }))
      .filter(({ tail, head }) => head !== '' && tail !== head),
  );
  const viz = await instance();
  const svg = viz.renderString(
    {
      graphAttributes: { rankdir: 'LR', ranksep: 0.5, nodesep: 0.12, bgcolor: 'none' },
      nodeAttributes: {
        shape: 'box',
        style: 'rounded',
        height: 0.3,
        margin: '0.2,0.04',
        fontsize: 12,
        fontname: 'Helvetica,Arial,sans-serif',
      },
      edgeAttributes: { arrowsize: 0.6 },
      nodes: entities.map((entity) => ({ name: nameOf(entity) ?? '' })),
      edges: [...new Map(edges.map((edge) => [`${edge.tail} ${edge.head}`, edge])).values()],
    },
    { format: 'svg' },
  );
  return svg
    .slice(svg.indexOf('<svg'))
    .replace(/ (?:width|height)="[\d.]+pt"/g, '')
    .replace(/<!--.*?-->\n?/gs, '');
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
