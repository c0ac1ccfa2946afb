import { get as httpGet } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fastify from 'fastify';
import {
  buildClientSchema,
  getIntrospectionQuery,
  NoDeprecatedCustomRule,
  parse,
  validate,
  type GraphQLSchema,
  type IntrospectionQuery,
} from 'graphql';
import { seededAccounts } from '../seeds/account.ts';
import { MailWindow } from '../src/http/mail-window.ts';
import { isSubscription, windows, type Example } from '../src/http/playground.ts';
import { Caller, type Ears, type Told } from './live.kit.ts';
import { aLocal, type Actor } from './support/local.ts';

const all = await windows();
const examples = all.flatMap((window) => window.examples);
const local = await aLocal();
const production = await aLocal({ environment: { PLAYGROUND: '0' } });

/** The values that examples stored, as in the playground's environment. */
const kept: Record<string, string> = {};

// As in a start that seeds a database: see seedWhenEmpty in src/process/work.ts.
await local.sql(`update users set is_owner = true where username = 'admin'`);

const callers: Caller[] = [];
afterAll(async () => {
  for (const caller of callers) await caller.hangUp();
});

function exampleOf(name: string): Example {
  const found = examples.find((each) => each.name.endsWith(`/${name}`));
  if (!found) throw new Error(`There is no example called ${name}.`);
  return found;
}

/** Sends an example as a user, and stores its values. */
async function send({ document, variables, keeps }: Example, who: Actor) {
  const account = seededAccounts.find(({ username }) => username === who.username);
  const known: Record<string, string | undefined> = { ...kept, username: account?.username, password: account?.password };
  const filled = (variables ?? '{}').replace(/\{\{(\w+)\}\}/g, (_, name: string) => known[name] ?? `{{${name}}}`);
  const headers = { 'x-vault-token': kept['vaultToken'] ?? '' };
  const answer = await who.ask<Record<string, unknown>>(document, JSON.parse(filled) as object, headers);
  for (const [name, path] of Object.entries(keeps)) {
    kept[name] = String(path.split('.').reduce<unknown>((part, step) => (part as Record<string, unknown> | null)?.[step], answer.data));
  }
  return answer;
}

/** Starts an example of a subscription for a user who can see the case, and collects its events. */
async function listen(name: string, who: Actor, kind: string, caseId: string): Promise<Ears> {
  const caller = new Caller(local.url, { authorization: `Bearer ${await who.token()}` });
  callers.push(caller);
  return await caller.listen(exampleOf(name).document).ready(local.sql, caseId, kind);
}

/** Returns the next event of this action after the attempts. */
async function nextOf(ears: Ears, action: string): Promise<Told> {
  const told = await ears.next();
  return Object.values(told.data ?? {})[0]?.action === action ? told : await nextOf(ears, action);
}

const asks = async (who: Actor, name: string) => {
  const answer = await send(exampleOf(name), who);
  return { ...answer, data: answer.data as Record<string, { nodes: { availableActions?: string[]; member?: { fullName: string } }[] }> };
};

describe('the example operations', () => {
  let schema: GraphQLSchema;

  beforeAll(async () => {
    schema = buildClientSchema(await local.anonymous.see<IntrospectionQuery>(getIntrospectionQuery({ inputValueDeprecation: true })));
  });

  it('are grouped in these windows', () => {
    expect(all.map(({ title }) => title)).toEqual([
      'Sign in',
      'Who am I',
      'The latest grievances',
      'A grievance',
      'A hardship application',
      'An organizing drive',
      'The vault',
      'Live changes',
      'Members',
      'Six in the morning',
      'A case and its clock',
    ]);
    for (const window of all) expect(window.examples).not.toHaveLength(0);
  });

  it.each(examples)('$name is one valid, named, explained operation that uses all of its variables', ({ document, variables }) => {
    const parsed = parse(document);
    expect(validate(schema, parsed)).toEqual([]);
    expect(validate(schema, parsed, [NoDeprecatedCustomRule])).toEqual([]);
    expect(parsed.definitions).toHaveLength(1);
    expect(parsed.definitions[0]).toHaveProperty('name.value');
    expect(document).toMatch(/^# \w/);
    const declared = new Set([...document.matchAll(/\$(\w+):/g)].map(([, name]) => name));
    expect(new Set(Object.keys(JSON.parse(variables ?? '{}') as object))).toEqual(declared);
  });

  it.each(all)('$title is one document whose operations use a variable in the same way', ({ examples: own }) => {
    const names = own.map(({ document }) => /^(?:query|mutation|subscription) (\w+)/m.exec(document)?.[1]);
    expect(new Set(names).size).toBe(own.length);
    const given = new Map<string, unknown>();
    for (const [name, value] of own.flatMap(({ variables }) => Object.entries(JSON.parse(variables ?? '{}') as object))) {
      expect(given.get(name) ?? value).toEqual(value);
      given.set(name, value);
    }
  });

  it('run in order, each for its user, with visible results', async () => {
    for (const example of examples) {
      if (isSubscription(example)) continue; // subscriptions are tested below
      const { name, as } = example;
      const { errors, data } = await send(example, local[as as 'officer']);
      expect({ name, errors }).toEqual({ name, errors: [] });
      for (const field of Object.values(data) as ({ nodes?: unknown[] } | null)[]) {
        expect({ name, field }).not.toEqual({ name, field: null });
        if (field?.nodes) expect(field.nodes).not.toHaveLength(0);
      }
    }
    expect(kept['accessToken']).toMatch(/^ey/);
  });

  it('end with a complete case', async () => {
    const { data: grievance } = await send(exampleOf('6-its-history'), local.officer);
    expect(grievance['grievance']).toMatchObject({ status: 'SETTLED', steps: [{ outcome: 'DENIED' }, { outcome: 'SETTLED' }] });
    const { data: application } = await send(exampleOf('7-what-the-applicant-sees'), local.member);
    expect(application['benevolenceApplication']).toMatchObject({
      status: 'PAID',
      approvedAmount: '1000.00',
      reviews: [
        { reviewLevel: 'VP', reviewerName: null, comments: null },
        { reviewLevel: 'ADMIN', reviewerName: null, comments: null },
      ],
    });
    expect((await send(exampleOf('5-settle'), local.officer)).codes).toEqual(['CONFLICT']);
    expect((await send(exampleOf('2-log'), local.officer)).codes).toEqual(['FORBIDDEN']);
  });

  it('store a value in the vault, which is hidden while the vault is locked', async () => {
    const [make, unlock, store, list, reveal, lock] = examples.filter(({ name }) => name.startsWith('7-the-vault/'));
    const codesOf = async (example: Example | undefined, who: Actor) => (await send(example as Example, who)).codes;
    expect(await codesOf(make, local.admin)).toEqual(['CONFLICT']);
    for (const each of [store, list, reveal]) expect(await codesOf(each, local.admin)).toEqual(['VAULT_LOCKED']);
    expect(await codesOf(unlock, local.admin)).toEqual([]);
    expect((await send(store as Example, local.admin)).data).toMatchObject({ storeSecret: { version: 2 } });
    expect((await send(reveal as Example, local.admin)).data).toMatchObject({
      revealSecret: { version: 2, value: 'not the real password' },
    });
    const { data } = await send(list as Example, local.admin);
    expect(data).toMatchObject({ vault: { isUnlocked: true }, secrets: [{ keyName: 'strike-fund/bank', version: 2 }] });
    expect(JSON.stringify(data)).not.toContain('not the real password');
    for (const who of [local.officer, local.staff, local.organizer]) expect(await codesOf(list, who)).toEqual(['VAULT_LOCKED']);
    expect(new Set(await codesOf(list, local.member))).toEqual(new Set(['FORBIDDEN']));
    expect((await send(lock as Example, local.admin)).data).toMatchObject({ lockVault: { isUnlocked: false, secretCount: 1 } });
    expect(await codesOf(list, local.admin)).toEqual(['VAULT_LOCKED']);
  });

  it('receive the changes of others live', async () => {
    const ears = await listen('1-grievances', local.officer, 'Grievance', kept['grievanceId'] as string);
    await send(exampleOf('1-file'), local.officer);
    expect(await ears.next()).toMatchObject({ data: { grievanceChanged: { action: 'CREATED', grievance: { status: 'OPEN' } } } });
    await send(exampleOf('2-investigate'), local.officer);
    expect(await ears.next()).toMatchObject({
      data: { grievanceChanged: { action: 'INVESTIGATE', grievance: { status: 'INVESTIGATION' } } },
    });
    await send(exampleOf('3-first-meeting'), local.officer);
    expect(await ears.next()).toMatchObject({ data: { grievanceChanged: { action: 'RECORD_STEP', grievance: { status: 'HEARING' } } } });

    const applicationId = kept['applicationId'] as string;
    const officers = await listen('2-applications', local.officer, 'BenevolenceApplication', applicationId);
    const members = await listen('2-applications', local.member, 'BenevolenceApplication', applicationId);
    for (const name of ['2-apply', '3-submit']) await send(exampleOf(name), local.member);
    // each event arrives before the next change: an event reads the record when it is sent
    for (const ears of [officers, members])
      expect((await nextOf(ears, 'SUBMIT')).data?.['benevolenceApplicationChanged']).toMatchObject({ application: { reviews: [] } });
    await send(exampleOf('4-the-vice-president'), local.vp);
    for (const [ears, reviewerName] of [
      [officers, 'Samuel Whitfield'],
      [members, null],
    ] as const)
      expect((await ears.next()).data?.['benevolenceApplicationChanged']).toMatchObject({
        action: 'REVIEW',
        application: { reviews: [{ reviewLevel: 'VP', reviewerName }] },
      });
  });

  it('list every seeded user with their password, and no others', () => {
    const named = exampleOf('1-sign-in').document.matchAll(/^# (\w+) +(\S+) +(\w+ \w+), (\w+)(?:, reviews as (\w+))?$/gm);
    const listed = [...named].map(([, username, password, fullName, role, reviewLevel]) => ({
      username,
      password,
      fullName,
      role,
      reviewLevel,
    }));
    expect(listed).toEqual(
      seededAccounts.map(({ username, password, firstName, lastName, role, reviewLevel }) => ({
        username,
        password,
        fullName: `${firstName} ${lastName}`,
        role,
        reviewLevel: reviewLevel?.toUpperCase(),
      })),
    );
  });

  it('are right about what other users see, as their comments say', async () => {
    const { data: mine } = await asks(local.member, '1-the-latest-grievances');
    expect(new Set(mine['grievances']?.nodes.map(({ member }) => member?.fullName))).toEqual(new Set(['Carla Benedetti']));

    const { data: due } = await asks(local.admin, '1-the-largest');
    expect(due['benevolenceApplications']?.nodes.some(({ availableActions }) => availableActions?.includes('REVIEW'))).toBe(true);

    const { codes } = await asks(local.instructor, '1-targets');
    expect(codes).toEqual(['BAD_INPUT']);

    const { data: anyone } = await asks(local.anonymous, '1-who-am-i');
    expect(anyone['permissions']).not.toHaveLength(0);
  });
});

describe('the page', () => {
  const get = (path: string, url = local.url) => fetch(new URL(path, url));

  it('is served at /playground/ with a policy that allows requests to this service only', async () => {
    const moved = await fetch(new URL('/playground', local.url), { redirect: 'manual' });
    expect([moved.status, moved.headers.get('location')]).toEqual([302, 'playground/']);
    const response = await get('/playground/');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = response.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'; script-src 'self' 'unsafe-eval';");
    expect(policy).toContain("connect-src 'self';");
    expect(policy).not.toMatch(/https?:|\*/);
  });

  it('has no inline script, and all its files exist', async () => {
    const html = await (await get('/playground/')).text();
    expect(html).not.toMatch(/<script(?![^>]* src=)/);
    const base = new URL(/<base href="([^"]+)">/.exec(html)?.[1] ?? '', new URL('/playground/', local.url)).href;
    const named = [...html.matchAll(/(?<!base )(?:href|src)="([^"]+)"/g)]
      .map(([, path]) => path ?? '')
      .filter((path) => !path.startsWith('./'));
    expect(named.length).toBeGreaterThan(10);
    for (const path of named) {
      const { status } = await get(new URL(path, base).pathname);
      expect({ path, status }).toEqual({ path, status: 200 });
    }
  });

  it('opens the windows, which send the token and, except the first, sign in the chosen user', async () => {
    const { initialWindows, disableAccount } = (await (await get('/playground/windows.json')).json()) as {
      disableAccount: boolean;
      initialWindows: {
        initialName: string;
        initialQuery: string;
        initialHeaders?: Record<string, string>;
        initialPreRequestScript?: string;
        initialPostRequestScript?: string;
        initialSubscriptionsPayload?: object;
      }[];
    };
    expect(disableAccount).toBe(true);
    expect(initialWindows.map(({ initialName }) => initialName)).toEqual(all.map(({ title }) => title));
    for (const [index, { initialQuery }] of initialWindows.entries()) {
      for (const { document } of all[index]?.examples ?? []) expect(initialQuery).toContain(document);
    }
    const [first, ...rest] = initialWindows;
    expect(first?.initialPostRequestScript).toContain('"accessToken":"login.accessToken"');
    expect([first?.initialHeaders, first?.initialPreRequestScript]).toEqual([undefined, undefined]);
    for (const { initialName, initialHeaders, initialPreRequestScript, initialSubscriptionsPayload } of rest) {
      const vaultToken = initialName === 'The vault' && { 'x-vault-token': '{{vaultToken}}' };
      expect(initialHeaders).toEqual({ Authorization: 'Bearer {{accessToken}}', ...vaultToken });
      expect(initialSubscriptionsPayload).toEqual(initialName === 'Live changes' ? { authorization: 'Bearer {{accessToken}}' } : undefined);
      expect(initialPreRequestScript).toContain("helpers.getEnvironment('username')");
      expect(initialPreRequestScript).toContain('if (current?.me?.username !== username)');
    }
  });

  it('offers every seeded user, with the officer selected at first, and without an environment', async () => {
    const { initialEnvironments } = (await (await get('/playground/windows.json')).json()) as {
      initialEnvironments: {
        activeSubEnvironment: string;
        base: { variables: object };
        subEnvironments: { id: string; variables: object }[];
      };
    };
    expect(initialEnvironments.activeSubEnvironment).toBe('officer');
    expect(initialEnvironments.base.variables).toEqual({ username: 'officer', password: 'unionhall-dev' });
    expect(initialEnvironments.subEnvironments.map(({ id, variables }) => ({ id, variables }))).toEqual(
      seededAccounts.map(({ username, password }) => ({
        id: username,
        variables: { username, password, accessToken: '', vaultToken: '' },
      })),
    );
  });

  it('links to the schema graph, which has its own policy and finds its files', async () => {
    expect(await (await get('/playground/')).text()).toContain('<a href="../schema" target="_blank">Schema graph</a>');
    const response = await get('/playground/schema');
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    const policy = response.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'; script-src 'self' 'wasm-unsafe-eval';");
    expect(policy).not.toMatch(/https?:|\*|'unsafe-eval'/);
    const html = await response.text();
    expect(html).not.toMatch(/<script(?![^>]* src=)/);
    const named = [...html.matchAll(/(?:href|src)="(?!data:)([^"]+)"/g)].map(([, path = '']) => `/playground/${path}`);
    expect(named).toHaveLength(4);
    for (const path of named) expect({ path, status: (await get(path)).status }).toEqual({ path, status: 200 });
  });

  it('keeps the strict policy for everything else', async () => {
    for (const path of ['/graphql', '/health', '/playground/start.js', '/nowhere']) {
      expect((await get(path)).headers.get('content-security-policy')).not.toContain('unsafe-eval');
    }
  });

  it('is not served when it is off', async () => {
    for (const path of [
      '/',
      '/playground/',
      '/playground/restore',
      '/playground/compare',
      '/playground/start.js',
      '/playground/windows.json',
      '/playground/schema',
      '/playground/voyager/voyager.standalone.js',
      '/playground/operations/1-sign-in/1-sign-in.graphql',
    ]) {
      const response = await get(path, production.url);
      expect(response.status).toBe(404);
      expect(await response.json()).toEqual({ error: 'Nothing exists at this address.' });
    }
  });
});

describe('the start page', () => {
  const get = (path: string) => fetch(new URL(path, local.url));

  it('is served at / with a policy without inline scripts, and all its links work', async () => {
    const response = await get('/');
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'; style-src 'self';");
    const html = await response.text();
    const named = [...html.matchAll(/(?:href|src)="(?!data:)([^"]+)"/g)].map(([, path = '']) => path.replaceAll('&amp;', '&'));
    expect(named.length).toBeGreaterThan(all.length);
    for (const path of named.filter((each) => each !== 'graphql'))
      expect({ path, status: (await get(path)).status }).toEqual({ path, status: 200 });
  });

  it('links every window of the story, and lists every seeded user', async () => {
    const html = await (await get('/')).text();
    for (const { title } of all) expect(html).toContain(`<a href="playground/?open=${encodeURIComponent(title)}">${title}</a>`);
    for (const { username, firstName, lastName } of seededAccounts) {
      expect(html).toMatch(new RegExp(`<td><code>${username}</code></td>.*<td>${firstName} ${lastName}</td>`));
    }
    expect(html).not.toMatch(/Keeps:|<!-- \w+ -->/);
  });

  it('lists only users who can sign in, and says if there are none', async () => {
    const other = await aLocal();
    const page = async () => (await fetch(new URL('/', other.url))).text();
    await other.sql(`update users set is_active = false where username = 'officer'`);
    expect(await page()).not.toContain('<code>officer</code></td>');
    expect(await page()).toContain('<code>staff</code></td>');
    await other.sql('update users set is_active = false');
    expect(await page()).toContain('No seeded users are available');
  });

  it('draws every stored type of the schema', async () => {
    const html = await (await get('/')).text();
    const schema = await (await get('/schema.graphql')).text();
    const drawn = [...html.matchAll(/<g id="node\d+" class="node">\n<title>(\w+)<\/title>/g)].map(([, name = '']) => name);
    expect(drawn.filter((name) => !schema.includes(`\ntype ${name} `))).toEqual([]);
    const stored = [...local.database.orm.getMetadata().getAll().values()].map(({ className }) => className);
    expect(drawn).toEqual(expect.arrayContaining(stored.filter((name) => schema.includes(`\ntype ${name} `))));
  });
});

describe('the mail window', () => {
  const statusFor = (host: string): Promise<{ status: number; text: string }> =>
    new Promise((resolve, reject) => {
      const request = httpGet(new URL('/mail', local.url), { headers: { host } }, (response) => {
        let text = '';
        response.on('data', (part: Buffer) => (text += part.toString()));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      });
      request.on('error', reject);
    });

  it('shows mails to a browser on this machine, and not under another host name', async () => {
    const { port } = new URL(local.url);
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, 'localhost']) expect((await statusFor(host)).status).toBe(200);
    for (const host of [`evil.example:${port}`, '127.0.0.1.evil.example', `localhost.evil.example:${port}`, '10.0.0.5'])
      expect(await statusFor(host)).toEqual({ status: 404, text: '{"error":"Nothing exists at this address."}' });
  });

  it('keeps the latest mails, newest first, and escapes their text', async () => {
    const printed: string[] = [];
    const mails = new MailWindow();
    const print = mails.recording((text) => void printed.push(text));
    for (let number = 1; number <= 60; number += 1) print(`Mail ${number}.`);
    print('Follow https://union.example/reset?token=a&b=1 <script>alert(1)</script>');
    expect(printed).toHaveLength(61);
    const answer = async (address?: string): Promise<Response> => {
      const app = fastify();
      if (address !== undefined)
        app.addHook('onRequest', async ({ raw }) => void Object.defineProperty(raw.socket, 'remoteAddress', { value: address }));
      mails.register(app, "default-src 'none'");
      try {
        return await fetch(`${await app.listen({ host: '127.0.0.1', port: 0 })}/mail`, { headers: { connection: 'close' } });
      } finally {
        await app.close();
      }
    };
    const here = await answer();
    const body = await here.text();
    expect(Object.fromEntries(here.headers)).toMatchObject({
      'content-security-policy': "default-src 'none'",
      'cache-control': 'no-store',
    });
    expect(body.match(/<article>/g)).toHaveLength(50);
    expect(body.indexOf('&lt;script&gt;')).toBeLessThan(body.indexOf('Mail 60.'));
    expect(body).not.toMatch(/<script|Mail 11\./);
    expect(body).toContain('<a href="https://union.example/reset?token=a&amp;b=1" rel="noreferrer">');
    expect((await answer('192.0.2.7')).status).toBe(404);
  });

  it('is not served in production or with a mail server', async () => {
    expect((await fetch(new URL('/mail', production.url))).status).toBe(404);
    const own = await aLocal({ environment: { SMTP_URL: 'smtp://127.0.0.1:9', MAIL_FROM: 'hall@union.example' } });
    expect((await fetch(new URL('/mail', own.url))).status).toBe(404);
    expect(await (await fetch(own.url)).text()).not.toContain('href="mail"');
  });
});
