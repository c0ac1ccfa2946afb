import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import staticFiles from '@fastify/static';
import type { RenderOptions } from 'altair-static';
import type { FastifyInstance } from 'fastify';

/** An example operation: one window of the playground, one pair of files in `playground/`. */
export interface Example {
  /** `1-sign-in` */
  readonly name: string;
  /** `Sign in` */
  readonly title: string;
  /** The document, with the comment that explains it. */
  readonly document: string;
  /** The variables as JSON, where it has any. */
  readonly variables: string | null;
}

/**
 * What only the page and its workers may do: run its own scripts, which evaluate scripts of the user's, and ask this
 * service. No other host is ever asked.
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

/** Serves the page that explores the schema at `/`, with the example operations in its windows. */
export function playground(): (app: FastifyInstance) => Promise<void> {
  return async (app) => {
    const { renderAltair, getDistDirectory } = await import('altair-static');
    const { version } = createRequire(import.meta.url)('altair-static/package.json') as { version: string };
    const assets = `/playground/altair-${version}/`;
    const page = renderAltair({ baseURL: assets, serveInitialOptionsInSeperateRequest: '/playground/start.js' })
      .replace('<html>', '<html lang="en">')
      .replace('<title>Altair</title>', '<title>Unionhall playground</title>')
      .replace('</head>', '<link href="/playground/style.css" rel="stylesheet" /></head>');
    await app.register(staticFiles, {
      root: getDistDirectory(),
      prefix: assets,
      index: false,
      maxAge: '1 year',
      immutable: true,
      setHeaders: (response, path) =>
        void (/worker-\w+\.js$/.test(path) && response.setHeader('content-security-policy', contentSecurityPolicy)),
    });
    app.addHook('onRequest', async (_request, reply) => void reply.header('cache-control', 'no-cache'));
    app.get('/', (_request, reply) =>
      reply.header('content-security-policy', contentSecurityPolicy).type('text/html; charset=utf-8').send(page),
    );
    app.get('/playground/windows.json', async () => optionsFor(await examples()));
    for (const [file, type] of Object.entries({ 'start.js': 'text/javascript', 'style.css': 'text/css' })) {
      app.get(`/playground/${file}`, async (_request, reply) =>
        reply.type(`${type}; charset=utf-8`).send(await readFile(join(folder(), file))),
      );
    }
  };
}

/** The example operations, in the order in which they tell their story. */
export async function examples(): Promise<Example[]> {
  const files = await readdir(folder());
  const names = files.filter((file) => file.endsWith('.graphql')).map((file) => file.slice(0, -'.graphql'.length));
  return await Promise.all(names.sort((one, other) => Number.parseInt(one) - Number.parseInt(other)).map((name) => exampleOf(name, files)));
}

async function exampleOf(name: string, files: readonly string[]): Promise<Example> {
  const variables = `${name}.variables.json`;
  return {
    name,
    title: titleOf(name),
    document: await readFile(join(folder(), `${name}.graphql`), 'utf8'),
    variables: files.includes(variables) ? await readFile(join(folder(), variables), 'utf8') : null,
  };
}

const folder = (): string => join(projectAbove(import.meta.dirname), 'playground');

/** The folder with package.json: above the sources, and above a build, wherever that lies. */
function projectAbove(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('package.json is missing.');
  return projectAbove(parent);
}

/** `2-who-am-i` is "Who am I". */
function titleOf(name: string): string {
  const words = name.replace(/^\d+-/, '').replaceAll('-', ' ').replace(/\bi\b/g, 'I');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Runs in the browser after "Sign in" was answered, and after introspection, too: keeps the token where all windows find it. */
const keepToken = `// Keeps the access token: every other window sends it.
const { requestType, body } = altair.response;
if (requestType !== 'introspection') {
  const { data } = typeof body === 'string' ? JSON.parse(body) : body;
  const token = data?.login?.accessToken;
  if (token) altair.helpers.setEnvironment('accessToken', token, true);
}
`;

/** What the page starts with. Windows live on in the browser; when the examples change, it starts anew. */
function optionsFor(all: readonly Example[]): RenderOptions {
  const options = {
    initialWindows: all.map(windowOf),
    initialEnvironments: {
      activeSubEnvironment: 'local',
      base: { title: 'Environment', variables: {} },
      subEnvironments: [{ id: 'local', title: 'This local', variables: { accessToken: '' } }],
    },
    initialSettings: { theme: 'system', 'theme.editorFontSize': 13, 'schema.reloadOnStart': true },
    persistedSettings: { 'banners.disable': true, 'alert.disableUpdateNotification': true, disablePushNotification: true },
    disableAccount: true,
  } satisfies RenderOptions;
  const version = createHash('sha256').update(JSON.stringify(options)).digest('hex').slice(0, 12);
  return { ...options, instanceStorageNamespace: `unionhall_${version}_` };
}

function windowOf({ title, document, variables }: Example, index: number): NonNullable<RenderOptions['initialWindows']>[number] {
  return {
    initialName: title,
    initialQuery: document,
    ...(variables !== null && { initialVariables: variables }),
    ...(index === 0 ? { initialPostRequestScript: keepToken } : { initialHeaders: { Authorization: 'Bearer {{accessToken}}' } }),
  };
}
