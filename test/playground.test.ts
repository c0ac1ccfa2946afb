import { beforeAll, describe, expect, it } from '@jest/globals';
import { buildClientSchema, getIntrospectionQuery, parse, validate, type GraphQLSchema, type IntrospectionQuery } from 'graphql';
import { seededAccounts } from '../seeds/index.ts';
import { examples } from '../src/playground.ts';
import { aLocal, type Actor } from './support/local.ts';

const all = await examples();
const [signIn, ...others] = all;
const local = await aLocal();
const production = await aLocal({ environment: { PLAYGROUND: '0' } });

function exampleOf(title: string) {
  const found = all.find((each) => each.title === title);
  if (!found) throw new Error(`There is no example called ${title}.`);
  return { query: found.document, variables: JSON.parse(found.variables ?? '{}') as Record<string, unknown> };
}

const asks = (who: Actor, title: string) => {
  const { query, variables } = exampleOf(title);
  return who.ask<Record<string, { totalCount?: number; nodes: { availableActions?: string[]; member?: { fullName: string } }[] }>>(
    query,
    variables,
  );
};

describe('the example operations', () => {
  let schema: GraphQLSchema;

  beforeAll(async () => {
    schema = buildClientSchema(await local.anonymous.see<IntrospectionQuery>(getIntrospectionQuery()));
  });

  it('tell their story in this order', () => {
    expect(all.map(({ title }) => title)).toEqual([
      'Sign in',
      'Who am I',
      'The latest grievances',
      'A hardship application',
      'An organizing drive',
      'Members',
    ]);
  });

  it.each(all)('$title is one valid, named, explained operation that uses all of its variables', ({ document, variables }) => {
    const parsed = parse(document);
    expect(validate(schema, parsed)).toEqual([]);
    expect(parsed.definitions).toHaveLength(1);
    expect(parsed.definitions[0]).toHaveProperty('name.value');
    expect(document).toMatch(/^# \w/);
    const declared = new Set([...document.matchAll(/\$(\w+):/g)].map(([, name]) => name));
    expect(new Set(Object.keys(JSON.parse(variables ?? '{}') as object))).toEqual(declared);
  });

  it('sign in as the officer', async () => {
    const { query, variables } = exampleOf('Sign in');
    const { login } = await local.anonymous.see<{ login: { accessToken: string; user: { fullName: string } } }>(query, variables);
    expect(login.accessToken).toEqual(expect.any(String));
    expect(login.user.fullName).toBe('Dennis Okafor');
  });

  it.each(others)('$title is answered to the officer, with something to look at', async ({ title }) => {
    const { errors, data } = await asks(local.officer, title);
    expect(errors).toEqual([]);
    for (const field of Object.values(data)) {
      expect(field).not.toBeNull();
      if ('nodes' in field) expect(field.nodes).not.toHaveLength(0);
    }
  });

  it('name every seeded login with its password, and nobody else', () => {
    const named = signIn?.document.matchAll(/^# (\w+) +(\S+) +(\w+ \w+), (\w+)(?:, reviews as (\w+))?$/gm) ?? [];
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

  it('keep what their comments promise about other people', async () => {
    const { data: mine } = await asks(local.member, 'The latest grievances');
    expect(new Set(mine['grievances']?.nodes.map(({ member }) => member?.fullName))).toEqual(new Set(['Carla Benedetti']));

    const { data: due } = await asks(local.admin, 'A hardship application');
    expect(due['benevolenceApplications']?.nodes.some(({ availableActions }) => availableActions?.includes('REVIEW'))).toBe(true);

    const { codes } = await asks(local.instructor, 'An organizing drive');
    expect(codes).toEqual(['BAD_INPUT']);

    const { data: anyone } = await asks(local.anonymous, 'Who am I');
    expect(anyone['permissions']).not.toHaveLength(0);
  });
});

describe('the page', () => {
  const get = (path: string, url = local.url) => fetch(new URL(path, url));

  it('is served at / with a policy that lets it ask this service alone', async () => {
    const response = await get('/');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = response.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'; script-src 'self' 'unsafe-eval';");
    expect(policy).toContain("connect-src 'self';");
    expect(policy).not.toMatch(/https?:|\*/);
  });

  it('has no script of its own, and all it names is there', async () => {
    const html = await (await get('/')).text();
    expect(html).not.toMatch(/<script(?![^>]* src=)/);
    const base = /<base href="([^"]+)">/.exec(html)?.[1] ?? '';
    const named = [...html.matchAll(/(?<!base )(?:href|src)="([^"]+)"/g)].map(([, path]) => path ?? '').filter((path) => path !== base);
    expect(named.length).toBeGreaterThan(10);
    for (const path of named) {
      const { status } = await get(new URL(path, new URL(base, local.url)).pathname);
      expect({ path, status }).toEqual({ path, status: 200 });
    }
  });

  it('opens one window for each example, which all but the first send the token', async () => {
    const { initialWindows, disableAccount } = (await (await get('/playground/windows.json')).json()) as {
      disableAccount: boolean;
      initialWindows: { initialName: string; initialHeaders?: Record<string, string>; initialPostRequestScript?: string }[];
    };
    expect(disableAccount).toBe(true);
    expect(initialWindows.map(({ initialName }) => initialName)).toEqual(all.map(({ title }) => title));
    const [first, ...rest] = initialWindows;
    expect(first?.initialPostRequestScript).toContain('accessToken');
    expect(first?.initialHeaders).toBeUndefined();
    for (const { initialHeaders } of rest) expect(initialHeaders).toEqual({ Authorization: 'Bearer {{accessToken}}' });
  });

  it('leaves the strict policy on everything else', async () => {
    for (const path of ['/graphql', '/health', '/playground/start.js', '/nowhere']) {
      expect((await get(path)).headers.get('content-security-policy')).not.toContain('unsafe-eval');
    }
  });

  it('is nowhere when it is off', async () => {
    for (const path of ['/', '/playground/start.js', '/playground/windows.json', '/playground/1-sign-in.graphql']) {
      const response = await get(path, production.url);
      expect(response.status).toBe(404);
      expect(await response.json()).toEqual({ error: 'There is nothing at this address.' });
    }
  });
});
