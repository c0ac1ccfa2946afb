// Writes the documents that come from the code: `npm run docs`. A test holds what is committed against it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ZodType } from 'zod';
import type { RefusalCode } from '../src/errors.ts';
import { windows, type Window } from '../src/playground.ts';

const project = join(import.meta.dirname, '..');

/** What the pages come from. */
export interface Sources {
  readonly variables: Readonly<Record<string, ZodType>>;
  readonly refusals: Readonly<Record<RefusalCode, string>>;
}

/** Every page that is written, by its path. */
export async function pages({ variables, refusals }: Sources): Promise<Record<string, string>> {
  const story = await windows();
  return {
    'docs/configuration.md': configurationPage(variables),
    'docs/errors.md': errorsPage(refusals),
    'docs/examples.md': examplesPage(story),
    'README.md': withExamples(readFileSync(join(project, 'README.md'), 'utf8'), story),
  };
}

const written = (from: string): string => `Written by \`npm run docs\` from ${from}; a test holds it against that.`;

function configurationPage(variables: Sources['variables']): string {
  const rows = Object.entries(variables).map(([name, schema]) => [
    `\`${name}\``,
    code(String(schema.meta()?.['default'] ?? defaultOf(schema))),
    code(formOf(schema)),
    (schema.description ?? '').replaceAll('|', '\\|'),
  ]);
  return page([
    '# Configuration',
    written('`variables` in `src/config.ts`'),
    'Every setting is an environment variable, also read from a file `.env` in the folder that npm scripts run in; it must be UTF-8, and names that are not listed here are warned of. What is not valid keeps the service from starting, and is named; [.env.example](../.env.example) has the same list to copy from.',
    table(['variable', 'default', 'may be', 'what it means'], rows),
  ]);
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
    'These are the windows of the playground, in their order. A test sends them all to the seeded database, and listens where one is a subscription; `{{name}}` in variables is what an earlier operation kept.',
    ...story.flatMap(({ title, examples }) => [`## ${title}`, ...examples.map((example) => fenced(example))]),
  ]);
}

const fenced = ({ document, variables }: Window['examples'][number]): string =>
  ['```graphql', document.trim(), '```', ...(variables === null ? [] : ['', '```json', variables.trim(), '```'])].join('\n');

/** The text, with the example between each pair of marks as its file is. */
function withExamples(text: string, story: readonly Window[]): string {
  const examples = story.flatMap((window) => window.examples);
  return text.replace(/(<!-- example (\S+) -->\n).*?(\n<!-- end -->)/gs, (_, begin: string, name: string, end: string) => {
    const example = examples.find((each) => each.name === name);
    if (!example) throw new Error(`The example ${name} does not exist.`);
    return `${begin}\n${fenced({ ...example, variables: null })}\n${end}`;
  });
}

const page = (parts: readonly string[]): string => `${parts.join('\n\n')}\n`;

const table = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [header, header.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

if (process.argv[1] === import.meta.filename) {
  // The build, because Node does not run all of TypeScript by itself.
  const built = (name: string): Promise<unknown> => import(join(project, 'dist', 'src', name));
  const { variables } = (await built('config.js')) as Pick<Sources, 'variables'>;
  const { refusals } = (await built('errors.js')) as Pick<Sources, 'refusals'>;
  for (const [path, text] of Object.entries(await pages({ variables, refusals }))) writeFileSync(join(project, path), text);
}
