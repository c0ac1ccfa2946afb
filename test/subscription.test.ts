import 'reflect-metadata';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { WebSocket } from 'ws';
import { listen } from '../src/database/listen.ts';
import type { Database } from '../src/database/index.ts';
import { caseChannel } from '../src/entities/case.ts';
import { BenevolenceApplication } from '../src/entities/benevolence.ts';
import { Grievance } from '../src/entities/grievance.ts';
import { type Backlog, CaseChanges, CaseService, BacklogOverflow } from '../src/services/case/case-changes.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { Caller, notify, socketUrl, type Ears, type Told } from './live.kit.ts';
import { aLocal, Clock, type Local } from './support/local.ts';
import { aNode, bearer, seededDatabase, type Node } from './support/node.ts';

const grievances = 'subscription ($id: ID) { grievanceChanged(id: $id) { action grievance { id notes } } }';
const applications =
  'subscription ($id: ID) { benevolenceApplicationChanged(id: $id) { action application { id description reviews { reviewerName } } } }';
const absent = '01900000-0000-7000-8000-00000000dead';

const keyring = Keyring.parse(Keyring.generate());
const clock = new Clock();
let database: Database;
let [a, b]: Node[] = [];
let own: string;
let others: string;
let application: string;
const callers: Caller[] = [];

const nodeA = (): Node => a as Node;
const nodeB = (): Node => b as Node;

beforeAll(async () => {
  database = await seededDatabase(keyring, { engine: 'postgresql' });
  const environment = {
    SUBSCRIPTIONS_PER_SOCKET: '2',
    SOCKETS_PER_USER: '6',
    SUBSCRIPTION_BACKLOG: '5',
    SOCKET_INIT_WAIT: '1',
    CORS_ORIGINS: 'https://front.example.test',
  };
  [a, b] = await Promise.all([aNode({ database, keyring, clock, environment }), aNode({ database, keyring, clock })]);
  own = await idOf('grievances', 'member', `status not in ('settled', 'withdrawn', 'closed')`);
  others = await idOf('grievances', 'testuser', `status not in ('settled', 'withdrawn', 'closed')`);
  application = await idOf('benevolence_applications', 'member');
}, 120_000);

afterAll(async () => {
  for (const caller of callers) if (caller.socket) await caller.hangUp();
});

/** Returns a case of the member. Without one, reassigns a case to the member. */
async function idOf(table: string, username: string, where = 'true'): Promise<string> {
  const mine = `(select member_id from users where username = '${username}')`;
  const theirs = `(select member_id from users where member_id is not null)`;
  const [row] = await database.run(
    `select id from ${table} where member_id = ${mine} and ${where} and deleted_at is null order by id limit 1`,
  );
  if (row) return row['id'] as string;
  const [taken] = await database.run(
    `update ${table} set member_id = ${mine} where id = (select id from ${table} where ${where} and deleted_at is null and member_id not in ${theirs} order by id limit 1) returning id`,
  );
  return taken?.['id'] as string;
}

async function signIn(username: string, node = nodeA()): Promise<string> {
  const password = username === 'testuser' ? 'testpass' : 'unionhall-dev';
  const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken } } }';
  const { data } = await node.ask<{ login: { accessToken: string } }>(login, { input: { identifier: username, password } });
  return data.login.accessToken;
}

function call(token: string | null, node = nodeA(), headers: Record<string, string> = {}): Caller {
  const caller = new Caller(node.url, token === null ? undefined : { authorization: `Bearer ${token}` }, headers);
  callers.push(caller);
  return caller;
}

const callAs = async (username: string, node = nodeA()): Promise<Caller> => call(await signIn(username), node);

const told = (action: string, id: string, notes: unknown = expect.anything()): Told =>
  ({ data: { grievanceChanged: { action, grievance: { id, notes } } } }) as never;

/** Changes the notes of a grievance as a user of the office. */
async function write(id: string, notes: string, node = nodeB()): Promise<void> {
  const update = 'mutation ($id: ID!, $notes: String) { updateGrievance(id: $id, input: { notes: $notes }) { id } }';
  const { codes } = await node.ask(update, { id, notes }, bearer(await signIn('staff', node)));
  expect(codes).toEqual([]);
}

const codesOf = ({ errors = [] }: Told): string[] => errors.map(({ extensions }) => extensions.code);

const event = (id: string, action = 'settle'): string =>
  `insert into case_events (id, grievance_id, action, from_status, to_status, at) values (gen_random_uuid(), '${id}', '${action}', 'open', 'settled', now())`;

describe('a subscriber', () => {
  it('receives changes of another node, with the current case and its own selection', async () => {
    const caller = await callAs('officer');
    const ears = await caller.listen(grievances).ready(database.run, own);
    await write(own, 'read by the other node');
    expect(await ears.next()).toEqual(told('UPDATE', own, 'read by the other node'));
    await write(others, 'and another');
    expect(await ears.next()).toEqual(told('UPDATE', others, 'and another'));
    await caller.hangUp();
  });

  it('receives only the caller’s own cases, without hidden fields', async () => {
    const caller = await callAs('member');
    const ears = await caller.listen(grievances).ready(database.run, own);
    await write(others, 'not for this member');
    await write(own, 'hidden from the grievant');
    expect(await ears.fence(database.run, own)).toEqual([told('UPDATE', own, null)]);
    await caller.hangUp();
  });

  it('receives only one case if it is named, in any case of the id', async () => {
    const caller = await callAs('officer');
    const ears = await caller.listen(grievances, { id: own.toUpperCase() }).ready(database.run, own);
    await write(others, 'another one');
    await write(own, 'this one');
    expect(await ears.fence(database.run, own)).toEqual([told('UPDATE', own, 'this one')]);
    await caller.hangUp();
  });

  it('gets the same response for an absent case and a hidden one', async () => {
    const caller = await callAs('member');
    const [hidden, none] = [await caller.listen(grievances, { id: others }).next(), await caller.listen(grievances, { id: absent }).next()];
    expect([codesOf(hidden), codesOf(none)]).toEqual([['NOT_FOUND'], ['NOT_FOUND']]);
    expect(hidden.errors?.[0]?.message).toBe(none.errors?.[0]?.message);
    expect(codesOf(await caller.listen(grievances, { id: 'nonsense' }).next())).toEqual(['BAD_INPUT']);
    await caller.hangUp();
  });

  it('receives nothing about another kind of case', async () => {
    const caller = await callAs('admin');
    const [one, other] = [caller.listen(grievances), caller.listen(applications)];
    await Promise.all([one.ready(database.run, own), other.ready(database.run, application, 'BenevolenceApplication')]);
    await write(own, 'a grievance');
    expect(await other.fence(database.run, application, 'BenevolenceApplication')).toEqual([]);
    expect(await one.next()).toEqual(told('UPDATE', own, 'a grievance'));
    await caller.hangUp();
  });

  it('receives new cases that are visible, and no others', async () => {
    const [officer, member] = [await callAs('officer'), await callAs('member')];
    const other = await member.listen(grievances).ready(database.run, own);
    const one = await officer.listen(grievances).ready(database.run, own);
    const [claim] = await database.run('select member_id, employer_id from grievances where id = $1', [others]);
    const file = 'mutation ($input: FileGrievanceInput!) { fileGrievance(input: $input) { id } }';
    const input = { memberId: claim?.['member_id'], employerId: claim?.['employer_id'], violationDescription: 'No pay.', notes: 'new' };
    const { data } = await nodeB().ask<{ fileGrievance: { id: string } }>(file, { input }, bearer(await signIn('staff', nodeB())));
    expect(await one.next()).toEqual(told('CREATED', data.fileGrievance.id, 'new'));
    // the first marker may arrive with the officer's own event
    const heard = [await other.fence(database.run, own), await other.fence(database.run, own)];
    expect(JSON.stringify(heard)).not.toContain('CREATED');
    await Promise.all([officer.hangUp(), member.hangUp()]);
  });

  it('receives an application until it is withdrawn, and an applicant does not see the reviewers', async () => {
    const member = await signIn('member');
    const apply = `mutation { applyForBenevolence(input: { reason: MEDICAL, description: "No pay.", amountRequested: "450.00" }) { id } }`;
    const { data } = await nodeB().ask<{ applyForBenevolence: { id: string } }>(apply, {}, bearer(member));
    const { id } = data.applyForBenevolence;
    const caller = call(member);
    const ears = await caller.listen(applications).ready(database.run, application, 'BenevolenceApplication');
    await nodeB().ask('mutation ($id: ID!) { submitBenevolence(id: $id) { id } }', { id }, bearer(member));
    expect(await ears.next()).toMatchObject({ data: { benevolenceApplicationChanged: { action: 'SUBMIT', application: { id } } } });
    await nodeB().ask('mutation ($id: ID!) { withdrawBenevolence(id: $id) { id } }', { id }, bearer(member));
    expect(await ears.next()).toMatchObject({ data: { benevolenceApplicationChanged: { action: 'WITHDRAW', application: { id } } } });
    await notify(database.run, 'BenevolenceApplication', id, 'submit');
    expect(await ears.fence(database.run, application, 'BenevolenceApplication')).toEqual([]);
    await caller.hangUp();
  });

  it('receives a change after its commit, and none that was rolled back', async () => {
    const caller = await callAs('officer');
    const ears = await caller.listen(grievances).ready(database.run, others);
    const em = database.orm.em.fork() as SqlEntityManager;
    const undone = em.transactional(async (transaction) => {
      await transaction.execute(event(own, 'appeal'));
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    await em.transactional(async (transaction) => {
      await transaction.execute(event(own));
      expect(await ears.fence(database.run, others)).toEqual([]);
    });
    expect(await ears.fence(database.run, others)).toEqual([told('SETTLE', own)]);
    await caller.hangUp();
  });

  it('ignores messages on the channel that are not changes of a case', async () => {
    const caller = await callAs('officer');
    const ears = await caller.listen(grievances).ready(database.run, own);
    for (const text of ['', 'nonsense', 'null', '[]', '{}', `{"kind":"User","id":"${own}","action":"update"}`])
      await database.run('select pg_notify($1, $2)', [caseChannel, text]);
    await notify(database.run, 'Grievance', 'nonsense', 'update');
    await notify(database.run, 'Grievance', own, 'burn');
    await notify(database.run, 'Grievance', absent, 'update');
    expect(await ears.fence(database.run, own)).toEqual([]);
    await caller.hangUp();
  });

  it('may authenticate in a header of the upgrade request, which refuses anything except a token', async () => {
    const token = await signIn('officer');
    const caller = call(null, nodeA(), bearer(token));
    const ears = await caller.listen(grievances).ready(database.run, own);
    expect(await ears.fence(database.run, own)).toEqual([]);
    await caller.hangUp();
    for (const said of ['nonsense', `Basic ${token}`, 7, {}]) {
      const wrong = new Caller(nodeA().url, { authorization: said }, bearer(token));
      void wrong.listen(grievances);
      expect((await wrong.closed).code).toBe(4403);
    }
  });
});

describe('a subscriber without permission', () => {
  const denials = async (action: string): Promise<unknown[]> => {
    // Refusals are recorded in the background.
    for (let tries = 0; tries < 200; tries += 1) {
      const rows = await database.run('select reason, count from denials where action = $1', [action]);
      if (rows.length > 0) return rows.map(({ reason }) => reason);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    return [];
  };

  it('is refused before any event, with an audit event', async () => {
    const caller = await callAs('instructor');
    const refused = await caller.listen(grievances, { id: 'nonsense' }).next();
    expect(codesOf(refused)).toEqual(['FORBIDDEN']);
    expect(refused.errors?.[0]?.extensions.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(await denials('grievanceChanged')).not.toEqual([]);
    await caller.hangUp();
    const nobody = call(null);
    expect(codesOf(await nobody.listen(applications).next())).toEqual(['UNAUTHENTICATED']);
    expect(await denials('benevolenceApplicationChanged')).not.toEqual([]);
    await nobody.hangUp();
  });

  it.each([
    ['revoked', `update sessions set ended_at = now(), end_reason = 'revoked' where user_id = $1 and ended_at is null`, 4401],
    ['disabled', 'update users set is_active = false where id = $1', 4401],
    ['without a role', 'delete from user_roles where user_id = $1', 4403],
    ['with a role that ended', `update user_roles set expires_at = now() - interval '1 s' where user_id = $1`, 4403],
    ['to change the password first', 'update users set password_must_change = true where id = $1', 4403],
  ])('receives nothing once %s, and the socket closes at the next event', async (_what, statement, code) => {
    const [user] = await database.run(`select id from users where username = 'vp'`);
    const kept = await database.run('select to_jsonb(r) as row from user_roles r where user_id = $1', [user?.['id']]);
    const caller = await callAs('vp');
    const ears = await caller.listen(grievances).ready(database.run, own);
    await database.run(statement, [user?.['id']]);
    await write(own, 'too late');
    expect((await caller.closed).code).toBe(code);
    expect(await Promise.race([ears.next(), ears.ended])).toMatchObject({ code });
    await database.run('update users set is_active = true, password_must_change = false where id = $1', [user?.['id']]);
    await database.run('delete from user_roles where user_id = $1', [user?.['id']]);
    for (const { row } of kept)
      await database.run('insert into user_roles select * from jsonb_populate_record(null::user_roles, $1::jsonb)', [JSON.stringify(row)]);
  });

  it('receives nothing after the access token has expired, although the session continues', async () => {
    const local = await aLocal({ engine: 'postgresql', comparesExecutions: false });
    const id = (await local.sql('select id from grievances where deleted_at is null order by id limit 1'))[0]?.['id'] as string;
    const caller = new Caller(local.url, { authorization: `Bearer ${await local.officer.token()}` });
    const ears = await caller.listen(grievances).ready(local.sql, id);
    local.clock.turn(1801);
    await notify(local.sql, 'Grievance', id, 'update');
    expect(await caller.closed).toEqual({ code: 4403, reason: 'The access token has expired' });
    expect(await Promise.race([ears.next(), ears.ended])).toMatchObject({ code: 4403 });
    const late = new Caller(local.url, { authorization: `Bearer ${await local.officer.token()}` });
    local.clock.turn(60);
    void late.listen(grievances);
    expect((await late.closed).code).toBe(4403);
  });

  it('is disconnected when the token expires, and checked between events', async () => {
    const quick = await aNode({ database, keyring, clock, environment: { ACCESS_TOKEN_TTL: '2', SUBSCRIPTION_CHECK_EVERY: '1' } });
    const caller = call(await signIn('officer', quick), quick);
    await caller.listen(grievances).ready(database.run, own);
    expect((await caller.closed).code).toBe(4403);
    const watched = await aNode({ database, keyring, clock, environment: { SUBSCRIPTION_CHECK_EVERY: '1' } });
    const token = await signIn('officer', watched);
    const other = call(token, watched);
    await other.listen(grievances).ready(database.run, own);
    await watched.ask('mutation { logout }', {}, bearer(token));
    expect((await other.closed).code).toBe(4401);
    await Promise.all([quick.stop(), watched.stop()]);
  });
});

describe('a socket', () => {
  const open = async (headers: Record<string, string> = {}, path = '/graphql') => {
    const socket = new WebSocket(socketUrl(nodeA().url).replace('/graphql', path), 'graphql-transport-ws', { headers });
    const answered = new Promise<{ status: number; body: string }>((resolve) => {
      socket.once('unexpected-response', (_request, response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString() }));
      });
      socket.once('open', () => resolve({ status: 101, body: '' }));
    });
    return { socket, ...(await answered) };
  };

  const closing = async (socket: WebSocket): Promise<number> => ((await once(socket, 'close')) as [number])[0];

  it('is refused to browsers of other origins, and at other paths', async () => {
    const host = new URL(nodeA().url).host;
    for (const origin of ['https://evil.example.test', 'null', 'https://front.example.test.evil.test', `http://${host}.evil.test`])
      expect(await open({ origin })).toMatchObject({ status: 403, body: '{"error":"CORS_ORIGINS does not allow this origin."}' });
    for (const origin of ['https://front.example.test', `http://${host}`]) {
      const { socket, status } = await open({ origin });
      expect(status).toBe(101);
      socket.terminate();
    }
    expect((await open({}, '/elsewhere')).status).toBe(404);
    expect((await open({}, '/health')).status).not.toBe(101);
  });

  it.each(['/graphql', '/health', '/elsewhere'])('that its client resets after a refusal at %s does not stop the service', async (path) => {
    const { hostname, port } = new URL(nodeA().url);
    const socket = connect(Number(port), hostname);
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nOrigin: https://evil.example.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    );
    await once(socket, 'data');
    socket.resetAndDestroy();
    expect((await fetch(`${nodeA().url}/livez`)).status).toBe(200);
  });

  it('does not block a request that asks for another protocol', async () => {
    const { request } = await import('node:http');
    const asking = request(`${nodeA().url}/livez`, {
      headers: { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': '' },
    });
    asking.end();
    const [response] = (await once(asking, 'response')) as [{ statusCode: number; resume(): void }];
    response.resume();
    expect(response.statusCode).toBe(200);
  });

  it('supports only graphql-transport-ws', async () => {
    const socket = new WebSocket(socketUrl(nodeA().url));
    expect(await closing(socket)).toBe(4406);
  });

  it('closes without authentication', async () => {
    const { socket } = await open();
    expect(await closing(socket)).toBe(4408);
  });

  it.each([
    ['what is no JSON', 'nonsense', 4400],
    ['what is no message', '{"type":"burn"}', 4400],
    ['a message without a type', '{}', 4400],
    ['a list', '[]', 4400],
    ['a question before the greeting', JSON.stringify({ type: 'subscribe', id: '1', payload: { query: grievances } }), 4401],
    ['more than 100 kB', 'x'.repeat(100_001), 1009],
  ])('closes at %s', async (_what, text, code) => {
    const { socket } = await open();
    socket.send(text);
    expect(await closing(socket)).toBe(code);
    expect((await nodeA().ask('{ isConfigured }')).status).toBe(200);
  });

  it('refuses the same documents as HTTP', async () => {
    const caller = await callAs('officer');
    const refusal = async (query: string, variables: Record<string, unknown> = {}): Promise<[string, string]> => {
      const ears = caller.listen(query, variables);
      const why = await Promise.race([ears.ended, ears.next()]);
      const [error] = (Array.isArray(why) ? why : (why as Told).errors) as {
        message: string;
        extensions: { code: string; requestId: string };
      }[];
      expect(error?.extensions.requestId).toBeTruthy();
      return [error?.extensions.code ?? '', error?.message ?? ''];
    };
    const deep = (levels: number): string => (levels === 0 ? 'id' : `member { grievances { nodes { ${deep(levels - 1)} } } }`);
    expect((await refusal('subscription {'))[0]).toBe('BAD_INPUT');
    expect((await refusal('subscription { nonsense }'))[0]).toBe('BAD_INPUT');
    expect((await refusal('subscription { grievanceChanged { action } benevolenceApplicationChanged { action } }'))[0]).toBe('BAD_INPUT');
    expect((await refusal('subscription { grievanceChanged(id: "\\u0000") { action } }'))[0]).toBe('BAD_INPUT');
    expect((await refusal(grievances, { id: ['a', 'secret'] }))[0]).toBe('BAD_INPUT');
    expect((await refusal(`subscription { grievanceChanged { grievance { ${deep(4)} } } }`))[0]).toBe('TOO_COMPLEX');
    expect((await refusal(`subscription { grievanceChanged { ${'action '.repeat(2001)} } }`))[0]).toBe('TOO_COMPLEX');
    const bomb = Array.from(
      { length: 20 },
      (_, at) => `fragment f${at} on GrievanceChange { ${at === 19 ? 'action' : `...f${at + 1} ...f${at + 1}`} }`,
    );
    expect((await refusal(`subscription { grievanceChanged { ...f0 } } ${bomb.join(' ')}`))[0]).toBe('BAD_INPUT');
    expect(await refusal('{ me { id } }')).toEqual([
      'BAD_INPUT',
      'Invalid input: query must be a subscription: send queries and mutations over HTTP.',
    ]);
    expect((await refusal('mutation { logoutAll }'))[0]).toBe('BAD_INPUT');
    await caller.hangUp();
    const { codes, errors } = await nodeA().ask(grievances, {}, bearer(await signIn('officer')));
    expect([codes, errors[0]?.message]).toEqual([
      ['BAD_INPUT'],
      'Invalid input: query must not be a subscription: send it over a WebSocket (graphql-transport-ws).',
    ]);
  });

  it('may have a limited number of subscriptions, and another one after one has ended', async () => {
    const caller = await callAs('officer');
    const first = await caller.listen(grievances).ready(database.run, own);
    const second = caller.listen(grievances);
    await second.ready(database.run, own);
    const [error] = (await caller.listen(grievances).ended) as { extensions: { code: string } }[];
    expect(error?.extensions.code).toBe('TOO_COMPLEX');
    first.stop();
    const third: Ears = caller.listen(grievances);
    const why = await Promise.race([third.ready(database.run, own).then(() => 'heard'), third.ended]);
    expect(why).toBe('heard');
    await caller.hangUp();
  });

  it('counts against the limit of the user', async () => {
    const token = await signIn('president');
    const open_ = Array.from({ length: 6 }, () => call(token));
    for (const each of open_) await each.listen(grievances).ready(database.run, own);
    const more = call(token);
    void more.listen(grievances);
    expect(await more.closed).toEqual({ code: 4429, reason: 'Too many WebSockets' });
    await open_[0]?.hangUp();
    const again = call(token);
    await again.listen(grievances).ready(database.run, own);
    for (const each of [...open_.slice(1), again]) await each.hangUp();
  });

  it('closes if more changes wait than allowed', async () => {
    const caller = await callAs('officer');
    await caller.listen(grievances).ready(database.run, own);
    const em = database.orm.em.fork() as SqlEntityManager;
    const actions = ['update', 'investigate', 'record_step', 'appeal', 'settle', 'withdraw', 'close'];
    await em.transactional(async (transaction) => {
      for (const id of [own, others]) for (const action of actions) await transaction.execute(event(id, action));
    });
    expect(await caller.closed).toEqual({ code: 1013, reason: 'The client is too slow for the changes' });
  });

  it('closes when the service stops, without delaying it', async () => {
    const node = await aNode({ database, keyring, clock });
    const caller = call(await signIn('officer', node), node);
    await caller.listen(grievances).ready(database.run, own);
    const { socket } = caller;
    const silent = new WebSocket(socketUrl(node.url), 'graphql-transport-ws');
    await once(silent, 'open');
    silent.pause();
    await node.stop();
    expect(await caller.closed).toEqual({ code: 1001, reason: 'Going away' });
    expect(socket?.readyState).toBe(WebSocket.CLOSED);
    silent.terminate();
  });

  it('closes when the database connection was lost, because changes may have been missed', async () => {
    const caller = await callAs('officer', nodeB());
    await caller.listen(grievances).ready(database.run, own);
    const killed = await database.run(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'unionhall live changes'`,
    );
    expect(killed.length).toBeGreaterThanOrEqual(2);
    expect(await caller.closed).toEqual({ code: 1012, reason: 'Changes may have been missed' });
    const again = await callAs('officer', nodeB());
    const ears = await again.listen(grievances).ready(database.run, own);
    await write(own, 'heard again', nodeA());
    expect(await ears.next()).toEqual(told('UPDATE', own, 'heard again'));
    await again.hangUp();
  });
});

describe('the embedded database', () => {
  let local: Local;

  it('notifies its only node', async () => {
    local = await aLocal();
    const id = (await local.sql(`select id from grievances where status = 'open' and deleted_at is null order by id limit 1`))[0]?.[
      'id'
    ] as string;
    const caller = new Caller(local.url, { authorization: `Bearer ${await local.officer.token()}` });
    const ears = await caller.listen(grievances).ready(local.sql, id);
    await local.staff.see('mutation ($id: ID!) { investigateGrievance(id: $id) { id } }', { id });
    expect(await ears.next()).toMatchObject(told('INVESTIGATE', id));
    await caller.hangUp();
  });
});

describe('the backlog', () => {
  const change = (action: string) => JSON.stringify({ kind: 'Grievance', id: absent, action });

  it('keeps the order, and ends a subscriber that does not read', async () => {
    const changes = new CaseChanges(2);
    const backlog: Backlog = changes.of(Grievance, null);
    const first = backlog.next();
    for (const action of ['update', 'appeal', 'close']) changes.hear(change(action));
    expect((await first).value?.action).toBe('update');
    expect([(await backlog.next()).value?.action, (await backlog.next()).value?.action]).toEqual(['appeal', 'close']);
    for (const action of ['update', 'appeal', 'close']) changes.hear(change(action));
    await expect(backlog.next()).rejects.toBeInstanceOf(BacklogOverflow);
    expect(changes.listeners).toBe(0);
  });

  it('releases waiting subscribers at its end, for any reason', async () => {
    const changes = new CaseChanges(2);
    for (const end of [
      (each: Backlog) => each.return(),
      (each: Backlog) => each.throw(new Error('over')).catch(() => null),
      (each: Backlog) => each[Symbol.asyncDispose](),
    ]) {
      const backlog = changes.of(BenevolenceApplication, null);
      const waiting = backlog.next();
      expect(changes.listeners).toBe(1);
      await end(backlog);
      expect([await waiting, await backlog.next(), changes.listeners]).toEqual([
        { done: true, value: undefined },
        { done: true, value: undefined },
        0,
      ]);
    }
  });

  it('queries a deleted row only for the change that deleted it', async () => {
    const eyes = { sees: () => Promise.resolve(false), saw: () => Promise.resolve(true) };
    const cases = new CaseService(new CaseChanges(2), eyes);
    const see = (kind: 'Grievance' | 'BenevolenceApplication', action: string) => cases.sees({ kind, id: absent, action });
    expect([
      await see('BenevolenceApplication', 'withdraw'),
      await see('BenevolenceApplication', 'submit'),
      await see('Grievance', 'withdraw'),
    ]).toEqual([true, false, false]);
  });
});

describe('listening', () => {
  it('starts later if it cannot start at once, and stops while it retries', async () => {
    const said: string[] = [];
    const pool = { options: { connectionString: 'postgres://nobody:none@127.0.0.1:1/none', connectionTimeoutMillis: 500 } };
    const orm = { driver: { getConnection: () => ({ getNativeClient: () => Promise.resolve(pool) }) } };
    const nothing = { channel: 'c', hear: () => {}, missed: () => {}, warn: (text: string) => said.push(text) };
    const listening = await listen({ orm: orm as never, engine: 'postgresql' }, nothing);
    expect(said[0]).toMatch(/^Connection for live changes failed /);
    await listening.stop();
  });
});
