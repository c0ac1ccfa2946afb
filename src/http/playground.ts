import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import staticFiles from '@fastify/static';
import type { RenderOptions } from 'altair-static';
import type { FastifyInstance } from 'fastify';
import type { GraphQLSchema } from 'graphql';
import { escapeHtml, type MailWindow } from './mail-window.ts';
import { drawSchema, type Entities } from './schema-map.ts';

/** An example operation: one pair of files in `playground/operations/<window>/`. */
export interface Example {
  /** `4-a-grievance/1-file` */
  readonly name: string;
  /** The document, with a comment that explains it. */
  readonly document: string;
  /**
   * The variables as JSON. `{{grievanceId}}` stands for a value that an earlier example stored. Null without variables.
   */
  readonly variables: string | null;
  /** The seeded user who sends it. */
  readonly as: string;
  /** The values of the answer that later examples use: the path of each, by the name under which it is stored. */
  readonly keeps: Readonly<Record<string, string>>;
}

/** A window of the playground: a folder of examples that tell one part of the story, in this order. */
export interface Window {
  /** `4-a-grievance` */
  readonly name: string;
  /** `A grievance` */
  readonly title: string;
  readonly examples: readonly Example[];
}

/**
 * The policy of the playground. The page and its workers may run their own scripts, evaluate the user's scripts, and
 * send requests to this service only.
 */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self' 'unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The policy of the schema graph. GraphQL Voyager lays the graph out with WebAssembly, in a worker from a blob. */
const graphPolicy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  'worker-src blob:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Matches the page and the scripts of its workers, which have a policy of their own. */
const isPage = /^\/playground\/(\?|$)|\/worker-\w+\.js(\?|$)/;

/** The policy of pages that only need their own scripts and styles. */
const plainPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The files that the pages load. */
const files: Readonly<Record<string, string>> = {
  'start.js': 'text/javascript',
  'keyboard.js': 'text/javascript',
  'compare.js': 'text/javascript',
  'restore.js': 'text/javascript',
  'schema.js': 'text/javascript',
  'style.css': 'text/css',
  'front.css': 'text/css',
};

/** The database: its entities, and a function that reads it. */
interface ShownDatabase {
  readonly orm: Entities;
  readonly run: (sql: string, params: unknown[]) => Promise<readonly Record<string, unknown>[]>;
}

/** The parts of the running service that the pages show. */
export interface Shown {
  readonly schema: GraphQLSchema;
  /** Returns the database. Undefined until the service is ready. */
  readonly database: () => ShownDatabase | undefined;
  /** The mails that the service would send. Null if it sends them. */
  readonly mails: MailWindow | null;
}

/** Serves a front page at `/`, and the schema explorer with the example operations at `/playground/`. */
export function playground(shown: Shown): (app: FastifyInstance) => Promise<void> {
  const { mails } = shown;
  return async (app) => {
    const { renderAltair, getDistDirectory } = await import('altair-static');
    const { version } = createRequire(import.meta.url)('altair-static/package.json') as { version: string };
    const assets = `/playground/altair-${version}/`;
    // a proxy may serve the page under a prefix, so all addresses are relative
    const page = renderAltair({ baseURL: `./altair-${version}/`, serveInitialOptionsInSeperateRequest: '../start.js' })
      .replace('<html>', '<html lang="en">')
      .replace('<title>Altair</title>', '<title>Unionhall playground</title>')
      .replace('</head>', '<link href="../style.css" rel="stylesheet" /></head>')
      .replace('</body>', `${links}</body>`);
    app.addHook(
      'onRequest',
      async ({ url }, reply) =>
        void (isPage.test(url) && reply.header('content-security-policy', contentSecurityPolicy)),
    );
    await app.register(staticFiles, {
      root: getDistDirectory(),
      prefix: assets,
      index: false,
      maxAge: '1 year',
      immutable: true,
    });
    await app.register(staticFiles, {
      root: join(folder(), 'voyager'),
      prefix: '/playground/voyager/',
      index: false,
      decorateReply: false,
    });
    app.addHook('onRequest', async (_request, reply) => void reply.header('cache-control', 'no-cache'));
    app.get('/playground/schema', async (_request, reply) => {
      reply.header('content-security-policy', graphPolicy).type('text/html; charset=utf-8');
      return await readFile(join(folder(), 'schema.html'));
    });
    app.get('/', async (_request, reply) => {
      reply.header('content-security-policy', plainPolicy).type('text/html; charset=utf-8');
      const html = await readFile(join(folder(), 'index.html'), 'utf8');
      return await frontPage(html, await windows(), shown);
    });
    mails?.register(app, plainPolicy);
    for (const name of ['compare', 'restore']) {
      app.get(`/playground/${name}`, async (_request, reply) => {
        reply.header('content-security-policy', plainPolicy).type('text/html; charset=utf-8');
        return await readFile(join(folder(), `${name}.html`));
      });
    }
    app.get('/playground', (_request, reply) => reply.redirect('playground/'));
    app.get('/playground/', (_request, reply) => reply.type('text/html; charset=utf-8').send(page));
    app.get('/playground/windows.json', async () => await optionsFor(await windows()));
    for (const [file, type] of Object.entries(files)) {
      app.get(`/playground/${file}`, async (_request, reply) =>
        reply.type(`${type}; charset=utf-8`).send(await readFile(join(folder(), file))),
      );
    }
  };
}

/** The links at the bottom of the playground. Altair opens a link in a new tab unless the click is on an element inside. */
const links = `<nav class="playground-links">
  <a href="../../"><span>Start page</span></a>
  <a href="../schema" target="_blank">Schema graph</a>
  <a href="../restore"><span>Restore examples</span></a>
</nav>`;

/** Fills in the windows, the drawn schema and the seeded users on the front page. */
async function frontPage(html: string, all: readonly Window[], shown: Shown): Promise<string> {
  const database = shown.database();
  const cards = all.map(
    ({ title, examples }) =>
      `<li><a href="playground/?open=${encodeURIComponent(title)}">${escapeHtml(title)}</a><p>${marked(introductionOf(examples))}</p></li>`,
  );
  const parts: Readonly<Record<string, string>> = {
    mail: shown.mails ? '<p><a href="mail">Mail</a> that the service would send</p>' : '',
    map: database ? drawSchema(database.orm, shown.schema) : '',
    story: cards.join('\n'),
    people: database ? await peopleIn(database).catch(() => '<p>The database does not respond.</p>') : '',
  };
  return html.replaceAll(/<!-- (\w+) -->/g, (_, name: string) => parts[name] ?? '');
}

/** The table of the seeded users that the database has. A sentence if it has none. */
async function peopleIn(database: ShownDatabase): Promise<string> {
  const { seededAccounts } = await import('../../seeds/account.ts');
  const names = seededAccounts.map(({ username }) => username);
  const there = await database.run(
    'select username from users where username = any($1) and is_active and deleted_at is null',
    [names],
  );
  const existing = new Set(there.map(({ username }) => username));
  const people = seededAccounts
    .filter(({ username }) => existing.has(username))
    .map(({ username, password, firstName, lastName, role, reviewLevel }) => {
      const roles = reviewLevel ? `${role}, reviews as ${reviewLevel.toUpperCase()}` : role;
      const cells = [
        `<code>${escapeHtml(username)}</code>`,
        `<code>${escapeHtml(password)}</code>`,
        escapeHtml(`${firstName} ${lastName}`),
        escapeHtml(roles),
      ];
      return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
    });
  if (people.length === 0)
    return '<p>This database has no seeded users. Run <code>npm run seed</code> to add them.</p>';
  const heads = ['login', 'password', 'name', 'role'].map((head) => `<th scope="col">${head}</th>`);
  return `<table><thead><tr>${heads.join('')}</tr></thead><tbody>${people.join('\n')}</tbody></table>`;
}

/** The comment above the first operation, without the line for the playground. */
const introductionOf = ([first]: readonly Example[]): string =>
  [...(/^(?:# .*\n)+/.exec(first?.document ?? '')?.[0] ?? '').matchAll(/^# (?!Keeps: )(.*)$/gm)]
    .map(([, line]) => line)
    .join(' ');

const marked = (text: string): string => escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>');

/** Reads the windows with their example operations, in the order of the story. */
export async function windows(): Promise<Window[]> {
  const entries = await readdir(join(folder(), 'operations'), { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return await Promise.all(inOrder(names).map((name) => windowIn(name)));
}

async function windowIn(name: string): Promise<Window> {
  const files = await readdir(join(folder(), 'operations', name));
  const examples = inOrder(files.filter((file) => file.endsWith('.graphql'))).map((file) =>
    file.slice(0, -'.graphql'.length),
  );
  return {
    name,
    title: titleOf(name),
    examples: await Promise.all(examples.map((each) => exampleOf(join(name, each), files))),
  };
}

/** Whether the example is a subscription. */
export const isSubscription = ({ document }: Example): boolean => /^subscription\b/m.test(document);

const inOrder = (names: readonly string[]): string[] =>
  names.toSorted((one, other) => Number.parseInt(one) - Number.parseInt(other));

async function exampleOf(name: string, files: readonly string[]): Promise<Example> {
  const place = join(folder(), 'operations', name);
  const document = await readFile(`${place}.graphql`, 'utf8');
  return {
    name,
    document,
    variables: files.includes(`${basename(name)}.variables.json`)
      ? await readFile(`${place}.variables.json`, 'utf8')
      : null,
    as: /^# As `(\w+)`/m.exec(document)?.[1] ?? 'officer',
    keeps: Object.fromEntries(
      [...document.matchAll(/^# Keeps: (\w+) from ([\w.]+)$/gm)].map(([, name = '', path = '']) => [name, path]),
    ),
  };
}

const folder = (): string => join(projectAbove(import.meta.dirname), 'playground');

/** Finds the folder with package.json, above the sources or a build. */
function projectAbove(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('package.json is missing.');
  return projectAbove(parent);
}

/** Turns a name into a title: `2-who-am-i` becomes "Who am I". */
function titleOf(name: string): string {
  const words = name.replace(/^\d+-/, '').replaceAll('-', ' ').replace(/\bi\b/g, 'I');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The state kept for each identity in the environment menu. All other state is shared. */
const ownTokens: readonly string[] = ['accessToken', 'vaultToken'];

/** Runs in the browser after an answer. Stores the values that later operations use. */
const keep = (
  keeps: Readonly<Record<string, string>>,
): string => `// Stores values from the response for later operations.
const { requestType, body } = altair.response;
if (requestType !== 'introspection') {
  const { data } = typeof body === 'string' ? JSON.parse(body) : body;
  for (const [name, path] of Object.entries(${JSON.stringify(keeps)})) {
    const value = path.split('.').reduce((part, step) => part?.[step], data);
    if (!value) continue;
    if (${JSON.stringify(ownTokens)}.includes(name)) altair.helpers.setEnvironment(name, value, true);
    await altair.storage.set(name, value);
  }
}
`;

/** The user in the environment menu before one is chosen. */
const atFirst = 'officer';

/**
 * Runs in the browser before an operation is sent. Loads the values that earlier operations stored, and signs in as the
 * user in the environment menu unless their token is still valid. A token ends with its session or with the database.
 */
const signIn = (names: readonly string[]): string => `// Loads the values that earlier operations stored.
const { helpers } = altair;
for (const name of ${JSON.stringify(names)}) {
  const value = await altair.storage.get(name);
  if (value) helpers.setEnvironment(name, value);
}

// Signs in as the user in the environment menu unless they are signed in.
const ask = async (query, variables, headers) => {
  const response = await fetch('../../graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()).data;
};
const username = helpers.getEnvironment('username');
const token = helpers.getEnvironment('accessToken');
const current = token && (await ask('query SignedInUser { me { username } }', {}, { authorization: 'Bearer ' + token }));
if (current?.me?.username !== username) {
  const data = await ask('mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken } } }', {
    input: { identifier: username, password: helpers.getEnvironment('password') },
  });
  if (data?.login?.accessToken) {
    helpers.setEnvironment('accessToken', data.login.accessToken, true);
    await altair.storage.set('accessToken', data.login.accessToken);
  }
}
`;

/** Builds the initial state of the page. The browser keeps its windows until the examples change. */
async function optionsFor(all: readonly Window[]): Promise<RenderOptions> {
  const { seededAccounts } = await import('../../seeds/account.ts');
  const names = all
    .flatMap(({ examples }) => examples.flatMap(({ keeps }) => Object.keys(keeps)))
    .filter((name) => !ownTokens.includes(name));
  const accountNamed = (name: string): Record<string, unknown> => {
    const { username, password } = seededAccounts.find((account) => account.username === name) ?? {};
    return { username, password };
  };
  const options = {
    initialWindows: all.map((window, index) => openedAs(window, index, names)),
    initialEnvironments: {
      activeSubEnvironment: atFirst,
      // in force if no environment is chosen
      base: { title: 'Everybody', variables: accountNamed(atFirst) },
      subEnvironments: seededAccounts.map(({ username, password, firstName, lastName }) => ({
        id: username,
        title: `${username}: ${firstName} ${lastName}`,
        variables: { username, password, ...Object.fromEntries(ownTokens.map((name) => [name, ''])) },
      })),
    },
    initialSettings: { theme: 'system', 'theme.editorFontSize': 13, 'schema.reloadOnStart': true },
    persistedSettings: {
      'banners.disable': true,
      'alert.disableUpdateNotification': true,
      disablePushNotification: true,
    },
    disableAccount: true,
  } satisfies RenderOptions;
  const version = createHash('sha256').update(JSON.stringify(options)).digest('hex').slice(0, 12);
  return { ...options, instanceStorageNamespace: `unionhall_${version}_` };
}

function openedAs(
  { title, examples }: Window,
  index: number,
  names: readonly string[],
): NonNullable<RenderOptions['initialWindows']>[number] {
  const variables = Object.assign(
    {},
    ...examples.map(({ variables }) => JSON.parse(variables ?? '{}') as object),
  ) as object;
  const keeps = Object.assign({}, ...examples.map(({ keeps }) => keeps)) as Record<string, string>;
  const headers = {
    Authorization: 'Bearer {{accessToken}}',
    ...('vaultToken' in keeps && { 'x-vault-token': '{{vaultToken}}' }),
  };
  return {
    initialName: title,
    initialQuery: examples.map(({ document }) => document).join('\n'),
    ...(Object.keys(variables).length > 0 && { initialVariables: JSON.stringify(variables, null, 2) }),
    ...(Object.keys(keeps).length > 0 && { initialPostRequestScript: keep(keeps) }),
    ...(index > 0 && { initialPreRequestScript: signIn(names), initialHeaders: headers }),
    ...(examples.some(isSubscription) && {
      initialSubscriptionRequestHandlerId: 'graphql-ws',
      initialSubscriptionsPayload: { authorization: headers.Authorization },
    }),
  };
}
