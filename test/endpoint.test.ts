import { beforeAll, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { serverAudits } from 'graphql-http';
import { toCursor } from '../src/reading/cursor.ts';
import { aLocal, type Local } from './support/local.ts';

let local: Local;
beforeAll(async () => {
  local = await aLocal();
});

interface Problem {
  readonly code: string;
  readonly path?: string;
}

/** Words that must never be in a response: libraries, files, SQL, drivers. */
const internals = /node_modules|\.ts\b|\.js\b|select |"\$|syntax error at|pglite|mikro|kysely|stack/i;

describe('invalid input gets a clear response with a documented code', () => {
  it.each<[string, string, object, Problem]>([
    ['a bad id', '{ grievance(id: "nonsense") { id } }', {}, { code: 'BAD_INPUT', path: 'id' }],
    ['an id of nothing', '{ grievance(id: "01900000-0000-7000-8000-00000000dead") { id } }', {}, { code: 'NOT_FOUND' }],
    ['a number of nothing', '{ grievanceByNumber(grievanceNumber: "GR-1999-0001") { id } }', {}, { code: 'NOT_FOUND' }],
    ['first: 0', '{ members(first: 0) { nodes { id } } }', {}, { code: 'BAD_INPUT', path: 'first' }],
    ['first: 101', '{ members(first: 101) { nodes { id } } }', {}, { code: 'BAD_INPUT', path: 'first' }],
    ['first: -1', '{ members(first: -1) { nodes { id } } }', {}, { code: 'BAD_INPUT', path: 'first' }],
    ['last: 0', '{ members(last: 0) { nodes { id } } }', {}, { code: 'BAD_INPUT', path: 'last' }],
    ['first and last', '{ members(first: 1, last: 1) { nodes { id } } }', {}, { code: 'BAD_INPUT', path: 'last' }],
    ['before without last', '{ members(before: "x") { nodes { id } } }', {}, { code: 'BAD_INPUT', path: 'before' }],
    ['a cursor of nowhere', '{ members(after: "zzzz") { nodes { id } } }', {}, { code: 'BAD_INPUT', path: 'after' }],
    ['an empty cursor', '{ members(after: "") { nodes { id } } }', {}, { code: 'BAD_INPUT', path: 'after' }],
    [
      'a forged cursor',
      'query ($after: String) { grievances(after: $after) { nodes { id } } }',
      { after: forged(['filedDate', 'DESC', "2026-01-01'; drop table grievances; --", '01900000-0000-7000-8000-000000000001']) },
      { code: 'BAD_INPUT', path: 'after' },
    ],
    [
      'a cursor of another order',
      'query ($after: String) { grievances(after: $after) { nodes { id } } }',
      { after: forged(['notes', 'DESC', 'a', '01900000-0000-7000-8000-000000000001']) },
      { code: 'BAD_INPUT', path: 'after' },
    ],
    [
      'a cursor of the other direction',
      'query ($after: String) { grievances(after: $after) { nodes { id } } }',
      { after: toCursor({ property: 'filedDate', direction: 'ASC' }, { value: '2026-01-01', id: '01900000-0000-7000-8000-000000000001' }) },
      { code: 'BAD_INPUT', path: 'after' },
    ],
    [
      'a cursor of another property of the same type',
      'query ($after: String) { grievances(after: $after) { nodes { id } } }',
      {
        after: toCursor(
          { property: 'incidentDate', direction: 'DESC' },
          { value: '2026-01-01', id: '01900000-0000-7000-8000-000000000001' },
        ),
      },
      { code: 'BAD_INPUT', path: 'after' },
    ],
    ['a day that is none', '{ grievances(filter: { filedDate: { eq: "2026-02-30" } }) { totalCount } }', {}, { code: 'BAD_INPUT' }],
    ['a year that is none', '{ grievances(filter: { filedDate: { gte: "0000-01-01" } }) { totalCount } }', {}, { code: 'BAD_INPUT' }],
    [
      'a day that is none, as a variable',
      'query ($day: Date) { grievances(filter: { filedDate: { eq: $day } }) { totalCount } }',
      { day: 'soon' },
      { code: 'BAD_INPUT', path: 'filter.filedDate.eq' },
    ],
    [
      'an amount as a number',
      'query ($amount: Decimal) { benevolenceApplications(filter: { amountRequested: { gte: $amount } }) { totalCount } }',
      { amount: 12.5 },
      { code: 'BAD_INPUT', path: 'filter.amountRequested.gte' },
    ],
    ['an unknown enum value', '{ grievances(filter: { status: { eq: LOST } }) { totalCount } }', {}, { code: 'BAD_INPUT' }],
    [
      'an unknown enum value, as a variable',
      'query ($filter: GrievanceFilter) { grievances(filter: $filter) { totalCount } }',
      { filter: { status: { eq: 'SECRETVALUE' } } },
      { code: 'BAD_INPUT', path: 'filter.status.eq' },
    ],
    ['an unknown field', '{ grievances { nodes { wages } } }', {}, { code: 'BAD_INPUT' }],
    ['an unknown filter', '{ grievances(filter: { wages: { eq: 1 } }) { totalCount } }', {}, { code: 'BAD_INPUT' }],
    ['a missing variable', 'query ($id: ID!) { grievance(id: $id) { id } }', {}, { code: 'BAD_INPUT', path: 'id' }],
    [
      'an id that is none in a filter',
      '{ grievances(filter: { memberId: { eq: "x" } }) { totalCount } }',
      {},
      { code: 'BAD_INPUT', path: 'filter.memberId.eq' },
    ],
    [
      'a NUL',
      'query ($name: String) { members(filter: { lastName: { eq: $name } }) { totalCount } }',
      { name: 'a\0b' },
      { code: 'BAD_INPUT' },
    ],
    ['a NUL in the document', '{ members(filter: { lastName: { eq: "a\\u0000" } }) { totalCount } }', {}, { code: 'BAD_INPUT' }],
    ['broken syntax', '{ members(', {}, { code: 'BAD_INPUT' }],
    ['an empty document', '', {}, { code: 'BAD_INPUT' }],
    ['two operations and no name', 'query A { me { id } } query B { me { id } }', {}, { code: 'BAD_INPUT' }],
    ['a token too many', `{ ${'me { id } '.repeat(700)} }`, {}, { code: 'TOO_COMPLEX' }],
  ])('%s', async (_, query, variables, problem) => {
    const answer = await local.officer.ask(query, variables);
    expect(answer.codes).toEqual([problem.code]);
    const [error] = answer.errors;
    if (problem.path !== undefined) expect(error?.extensions['fields']).toEqual([expect.objectContaining({ path: problem.path })]);
    expect(error?.extensions['requestId']).toBe(answer.headers.get('x-request-id'));
    expect(JSON.stringify(answer.errors)).not.toMatch(internals);
    expect(JSON.stringify(answer.errors)).not.toMatch(/SECRETVALUE|drop table|LOST|soon|12\.5/);
  });

  it('for all invalid arguments at once', async () => {
    const { errors } = await local.officer.ask(
      '{ grievances(first: 0, filter: { memberId: { eq: "x" }, employerId: { in: ["y"] } }) { totalCount } }',
    );
    expect(errors[0]?.extensions['fields']).toEqual([
      { path: 'first', message: 'must be from 1 to 100' },
      { path: 'filter.memberId.eq', message: 'must be a UUID' },
      { path: 'filter.employerId.in[0]', message: 'must be a UUID' },
    ]);
  });

  it('and keeps the rest of the response', async () => {
    const { data, codes } = await local.officer.ask<{ me: unknown; grievance: unknown }>('{ me { username } grievance(id: "x") { id } }');
    expect(data).toEqual({ me: { username: 'officer' }, grievance: null });
    expect(codes).toEqual(['BAD_INPUT']);
  });
});

describe('transport', () => {
  const send = (body: string, headers: Record<string, string> = {}, method = 'POST', path = '/graphql') =>
    fetch(local.url + path, { method, headers: { 'content-type': 'application/json', ...headers }, ...(method === 'POST' && { body }) });

  it.each<[string, string, Record<string, string>, number]>([
    ['broken JSON', '{"query": ', {}, 400],
    ['no body', '', {}, 400],
    ['a body of 1 MB', JSON.stringify({ query: `{ me { id } } #${'x'.repeat(1_000_000)}` }), {}, 413],
    ['a form', 'query={me{id}}', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['text', '{ me { id } }', { 'content-type': 'text/plain' }, 415],
    ['a batch', '[{"query":"{ isConfigured }"},{"query":"{ isConfigured }"}]', {}, 400],
    ['a number', '5', {}, 400],
    ['a query that is no text', '{"query": 5}', {}, 400],
  ])('refuses %s in JSON', async (_, body, headers, status) => {
    const response = await send(body, headers);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toMatch(/json/);
    const { errors } = (await response.json()) as { errors: { message: string; extensions: { code: string; requestId: string } }[] };
    expect(errors[0]?.extensions.code).toBe('BAD_INPUT');
    expect(errors[0]?.extensions.requestId).toBe(response.headers.get('x-request-id'));
    expect(JSON.stringify(errors)).not.toMatch(internals);
  });

  it('sends the security headers with every response', async () => {
    for (const [path, init] of [
      ['/health', {}],
      ['/nothing', {}],
      ['/graphql', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{' }],
      ['/graphql', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"query":"{ isConfigured }"}' }],
    ] as const) {
      const { headers } = await fetch(`${local.url}${path}`, init);
      expect(Object.fromEntries(headers)).toMatchObject({
        'content-security-policy': expect.stringContaining("default-src 'none'"),
        'strict-transport-security': expect.stringMatching(/max-age=\d{7,}/),
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'SAMEORIGIN',
        'referrer-policy': 'no-referrer',
      });
      expect(headers.get('x-powered-by')).toBeNull();
    }
  });

  it('allows only the configured origins', async () => {
    const origin = 'https://front.example.test';
    const open = await aLocal({ environment: { CORS_ORIGINS: `${origin},https://second.example.test` } });
    const preflight = (from: string, headers: Record<string, string> = { 'access-control-request-method': 'POST' }) =>
      fetch(`${open.url}/graphql`, { method: 'OPTIONS', headers: { origin: from, ...headers } });
    expect((await preflight(origin)).headers.get('access-control-allow-origin')).toBe(origin);
    for (const other of ['https://elsewhere.example', 'null', `${origin}.evil.test`, 'http://front.example.test'])
      expect((await preflight(other)).headers.get('access-control-allow-origin')).toBeNull();
    const odd = await preflight('https://elsewhere.example', {});
    expect([odd.status, await odd.text()]).toEqual([204, '']);
  });

  it('trusts the address that a configured proxy names only', async () => {
    const signIn = 'mutation { login(input: { identifier: "nobody", password: "wrong" }) { __typename } }';
    const addressOf = async (proxies: string, said: string): Promise<unknown> => {
      const behind = await aLocal({ environment: { TRUSTED_PROXIES: proxies } });
      await behind.anonymous.ask(signIn, {}, { 'x-forwarded-for': said });
      let rows: readonly Record<string, unknown>[] = [];
      while (rows.length === 0) rows = await behind.sql('select host(ip_address::inet) as address from denials');
      return rows[0]?.['address'];
    };
    expect(await addressOf('', '203.0.113.7')).toBe('127.0.0.1');
    expect(await addressOf('10.0.0.0/8', '203.0.113.7')).toBe('127.0.0.1');
    expect(await addressOf('127.0.0.0/8,10.0.0.0/8', '198.51.100.1, 203.0.113.7, 10.1.2.3')).toBe('203.0.113.7');
  });

  it('serves the schema as text outside production', async () => {
    const response = await fetch(`${local.url}/schema.graphql`);
    expect(response.headers.get('content-type')).toBe('application/graphql; charset=utf-8');
    expect(await response.text()).toBe(await readFile('schema.graphql', 'utf8'));
  });

  it('shows nothing of the schema in production', async () => {
    const production = await aLocal({ environment: { NODE_ENV: 'production', HIBP_URL: 'off' } });
    const said = async (query: string) => {
      const { codes, errors } = await production.anonymous.ask(query);
      return [codes, JSON.stringify(errors)] as const;
    };
    for (const query of ['{ __schema { types { name } } }', '{ __type(name: "User") { name } }']) {
      const [codes, text] = await said(query);
      expect(codes).toEqual(['BAD_INPUT']);
      expect(text).not.toMatch(/Apollo|production|introspection: true/);
    }
    const [, text] = await said('{ isConfigurated }');
    expect(text).not.toMatch(/did you mean|isConfigured/i);
    expect((await fetch(`${production.url}/`)).status).toBe(404);
    expect((await fetch(`${production.url}/schema.graphql`)).status).toBe(404);
  });

  it('refuses a mutation by GET', async () => {
    const response = await send(
      '',
      { 'apollo-require-preflight': '1' },
      'GET',
      `/graphql?query=${encodeURIComponent('mutation { logout }')}`,
    );
    expect(response.status).toBe(405);
  });

  it('refuses requests that a page of another site can send', async () => {
    const response = await fetch(`${local.url}/graphql?query={isConfigured}`);
    expect(response.status).toBe(400);
    const foreign = await fetch(`${local.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: 'https://elsewhere.example' },
      body: '{"query":"{ isConfigured }"}',
    });
    expect(foreign.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('returns 4xx for a refused document to clients that accept graphql-response+json, and 200 to others', async () => {
    const body = '{"query":"{ nothing }"}';
    expect((await send(body, { accept: 'application/graphql-response+json' })).status).toBe(400);
    expect((await send(body, { accept: 'application/json' })).status).toBe(200);
  });

  it('returns 200 with the data and the execution errors', async () => {
    const response = await send('{"query":"{ isConfigured me { id } }"}', { accept: 'application/graphql-response+json' });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      data: { isConfigured: false, me: null },
      errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
    });
  });

  it('returns JSON for an unknown path', async () => {
    const response = await fetch(`${local.url}/nothing`);
    expect([response.status, await response.json()]).toEqual([404, { error: expect.any(String) }]);
  });

  it('gives each request its own id, and logs a well-formed id of the client', async () => {
    const lines: string[] = [];
    const logged = await aLocal({ environment: { LOG_LEVEL: 'info' }, logTo: { write: (line) => void lines.push(line) } });
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const ask = async (headers: Record<string, string>) => {
      const id = (await logged.anonymous.ask('{ isConfigured }', {}, headers)).headers.get('x-request-id');
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
      const { clientRequestId, traceId } = JSON.parse(lines.find((line) => line.includes(String(id))) ?? '{}') as Record<string, unknown>;
      return [clientRequestId, traceId];
    };
    const traceparent = `00-${trace}-00f067aa0ba902b7-01`;
    expect(await ask({ 'x-request-id': 'ticket-42', traceparent })).toEqual(['ticket-42', trace]);
    for (const wrong of ['a'.repeat(101), '<script>']) expect(await ask({ 'x-request-id': wrong })).toEqual([undefined, undefined]);
    for (const wrong of [
      `ff-${trace}-00f067aa0ba902b7-01`,
      `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
      `00-${trace}-${'0'.repeat(16)}-01`,
      `00-${trace.toUpperCase()}-00f067aa0ba902b7-01`,
      `00-${trace}-00f067aa0ba902b7`,
      trace,
    ])
      expect(await ask({ traceparent: wrong })).toEqual([undefined, undefined]);
  });

  it('reports whether it is healthy and alive', async () => {
    const health = await fetch(`${local.url}/health`);
    expect([health.status, await health.json()]).toEqual([200, { status: 'healthy' }]);
    expect((await fetch(`${local.url}/livez`)).status).toBe(200);
  });

  it('handles a request that stops half-way without affecting others', async () => {
    const { port } = new URL(local.url);
    const half = request({
      port,
      method: 'POST',
      path: '/graphql',
      headers: { 'content-type': 'application/json', 'content-length': '1000' },
    });
    half.on('error', () => {});
    half.write('{"query":');
    expect((await local.anonymous.ask('{ isConfigured }')).errors).toEqual([]);
    half.destroy();
  });

  it('passes the GraphQL over HTTP audits, except those that CSRF prevention refuses', async () => {
    const audits = serverAudits({ url: `${local.url}/graphql`, fetchFn: fetch });
    const failed: string[] = [];
    for (const audit of audits) {
      const result = await audit.fn();
      if (result.status !== 'ok') failed.push(`${audit.id} ${audit.name}`);
    }
    expect(audits.length).toBeGreaterThan(55);
    expect(failed).toEqual([
      '5A70 MAY accept application/x-www-form-urlencoded formatted GET requests',
      'D6D5 MAY allow URL-encoded JSON string {variables} parameter in GETs when accepting application/graphql-response+json',
      '6A70 MAY allow URL-encoded JSON string {variables} parameter in GETs when accepting application/json',
    ]);
  });
});

describe('sign-in', () => {
  const login =
    'mutation ($input: LoginInput!) { login(input: $input) { __typename ... on SignedIn { accessToken refreshToken user { username roles { role { name } } } } } }';
  type Login = { login: { accessToken: string; refreshToken: string; user: { username: string } } };

  it.each([
    ['officer', 'wrong'],
    ['nobody', 'unionhall-dev'],
    ['', 'unionhall-dev'],
  ])('as %s with %s gets the same refusal', async (identifier, password) => {
    const { codes, data } = await local.anonymous.ask(login, { input: { identifier, password } });
    expect([codes, data]).toEqual([['BAD_CREDENTIALS'], null]);
  });

  it('returns the user, by username or address, ignoring case', async () => {
    for (const identifier of ['officer', 'OFFICER', 'Officer@Unionhall.test']) {
      const { login: signedIn } = await local.anonymous.see<Login>(login, { input: { identifier, password: 'unionhall-dev' } });
      expect(signedIn.user).toEqual({ username: 'officer', roles: [{ role: { name: 'officer' } }] });
    }
  });

  it('returns the same successor until it is used and briefly afterwards, and ends the session on an older token', async () => {
    const refresh = 'mutation ($token: String) { refresh(refreshToken: $token) { refreshToken accessToken user { id } } }';
    type Refreshed = { refresh: { refreshToken: string; accessToken: string } };
    const first = (await local.anonymous.see<Login>(login, { input: { identifier: 'staff', password: 'unionhall-dev' } })).login;
    const second = (await local.anonymous.see<Refreshed>(refresh, { token: first.refreshToken })).refresh;
    const again = (await local.anonymous.see<Refreshed>(refresh, { token: first.refreshToken })).refresh;
    expect(again.refreshToken).toBe(second.refreshToken);
    local.clock.turn(60);
    const late = (await local.anonymous.see<Refreshed>(refresh, { token: first.refreshToken })).refresh;
    expect(late.refreshToken).toBe(second.refreshToken);
    expect((await local.anonymous.ask('{ me { id } }', {}, { authorization: `Bearer ${late.accessToken}` })).codes).toEqual([]);
    local.clock.turn(60);
    expect((await local.anonymous.ask(refresh, { token: first.refreshToken })).codes).toEqual(['UNAUTHENTICATED']);
    expect((await local.anonymous.ask(refresh, { token: second.refreshToken })).codes).toEqual(['UNAUTHENTICATED']);
    expect((await local.anonymous.ask('{ me { id } }', {}, { authorization: `Bearer ${second.accessToken}` })).codes).toEqual([
      'UNAUTHENTICATED',
    ]);
  });

  it('keeps the refresh token in a cookie that scripts cannot read', async () => {
    const cookieLogin = await local.anonymous.ask<Login>(login, { input: { identifier: 'vp', password: 'unionhall-dev', cookie: true } });
    const cookies = cookieLogin.headers.getSetCookie();
    expect(cookieLogin.data.login.refreshToken).toBeNull();
    expect(cookies).toEqual([
      expect.stringMatching(/^unionhall_refresh=.*Path=\/graphql; HttpOnly; SameSite=Strict/),
      expect.stringMatching(/^unionhall_device=/),
    ]);
    const jar = cookies.map((each) => each.split(';')[0]).join('; ');
    const refreshed = await local.anonymous.ask<{ refresh: { accessToken: string } }>(
      'mutation { refresh { accessToken refreshToken } }',
      {},
      { cookie: jar },
    );
    expect(refreshed.errors).toEqual([]);
    const rotated = refreshed.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    expect(rotated).toMatch(/^unionhall_refresh=.+/);
    const bearer = { authorization: `Bearer ${refreshed.data.refresh.accessToken}` };
    const loggedOut = await local.anonymous.ask('mutation { logout }', {}, { ...bearer, cookie: rotated });
    expect(loggedOut.headers.getSetCookie()).toEqual([expect.stringMatching(/^unionhall_refresh=;/)]);
    expect((await local.anonymous.ask('{ me { id } }', {}, bearer)).codes).toEqual(['UNAUTHENTICATED']);
    expect((await local.anonymous.ask('mutation { refresh { accessToken } }', {}, { cookie: rotated })).codes).toEqual(['UNAUTHENTICATED']);
  });

  it('lists only the caller’s sessions', async () => {
    const { sessions } = await local.president.see<{ sessions: { isCurrent: boolean }[] }>(
      '{ sessions { isCurrent userAgent createdAt } }',
    );
    expect(sessions).toEqual([expect.objectContaining({ isCurrent: true })]);
    const other = await local.anonymous.see<Login>(login, { input: { identifier: 'president', password: 'unionhall-dev' } });
    const seen = await local.anonymous.ask<{ sessions: { isCurrent: boolean }[] }>(
      '{ sessions { isCurrent } }',
      {},
      { authorization: `Bearer ${other.login.accessToken}` },
    );
    expect(seen.data.sessions.map(({ isCurrent }) => isCurrent).sort()).toEqual([false, true]);
  });
});

function forged(parts: unknown[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}
