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

/** The text, with the example between each pair of marks as its file is. */
function withExamples(text: string, story: readonly Window[]): string {
  const examples = story.flatMap((window) => window.examples);
  return text.replace(/(<!-- example (\S+) -->\n).*?(\n<!-- end -->)/gs, (_, begin: string, name: string, end: string) => {
    const example = examples.find((each) => each.name === name);
    if (!example) throw new Error(`There is no example ${name}.`);
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
