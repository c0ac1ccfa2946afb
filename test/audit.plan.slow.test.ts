import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { giveAccountsPasswords, seed } from '../seeds/index.ts';
import { readConfig } from '../src/config.ts';
import { migrate, openDatabase, type Database } from '../src/database/index.ts';
import { noPassword } from '../src/entities/user.ts';
import { toCursor } from '../src/reading/cursor.ts';
import { start, type Service } from '../src/process/server.ts';
import { PasswordHasher } from '../src/services/crypto/hasher.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { serverDatabase } from './support/database.ts';
import { Actor } from './support/local.ts';
import { costOf, generalCostOf, remembering, type Cost, type Ran } from './support/plan.ts';

/*
 * Tests the audit log's list on a PostgreSQL with many events, by the rules of test/plan.slow.test.ts. Every caller
 * reads only the rows of a page, at any position, and no filter scans the whole table.
 */
const events = 60_000;
const size = 20;
/**
 * The maximum of rows and of pages that one page may read. An officer's page is merged from two, each with one extra
 * row.
 */
const pageful = 5 * size;

let service: Service;
let database: Database;
let drop: () => Promise<void>;
let ran: readonly Ran[];

beforeAll(async () => {
  const place = await serverDatabase();
  drop = place.drop;
  const own = await openDatabase({ databaseUrl: place.url, databasePoolSize: 4, dataDirectory: '' });
  database = await openDatabase({ databaseUrl: place.url, databasePoolSize: 1, dataDirectory: '' }, { prepares: false });
  await migrate(own);
  await seed(own.orm.em, { environment: 'test', hashPassword: () => Promise.resolve(noPassword) });
  const keyring = Keyring.parse(Keyring.generate());
  const quiet = { CLEANUP_EVERY: '86400', AUDIT_SEAL_EVERY: '86400', MAIL_WORKER: '0' };
  const config = readConfig({ NODE_ENV: 'test', PORT: '0', LOG_LEVEL: 'silent', ...quiet });
  const hasher = new PasswordHasher(keyring, config.passwordCost);
  await giveAccountsPasswords(own.orm.em, (password) => hasher.hash(password));
  await populate();
  const memory = remembering(own);
  ran = memory.ran;
  service = await start(config, { database: memory.database, keyring });
}, 300_000);

afterAll(async () => {
  await service?.stop();
  await database?.close();
  await drop?.();
});

/**
 * Creates a year of events of a busy local: most are changes of cases by the office and attempts by strangers, with
 * some sign-ins of members. The newest events concern only cases, and a caller who cannot see them must not read them
 * all.
 */
async function populate(): Promise<void> {
  await database.run(
    `insert into audit_events (id, at, actor_id, ip_address, action, target_type, target_id, outcome, request_id, count, mac)
     select gen_random_uuid(), timestamptz '2025-01-01T00:00:00Z' + make_interval(mins => n * 8), (select id from users where username = who), '192.0.2.1', what, target,
       gen_random_uuid(), case when n % 50 = 0 then 'denied' when n % 70 = 0 then 'failed' else 'succeeded' end, 'r' || n, 1, 'none'
     from generate_series(1, $1::int) as n
     cross join lateral (select * from (values
       ('staff', 'file', 'Grievance'), ('staff', 'member.update', 'Member'), ('officer', 'settle', 'Grievance'), ('organizer', 'salting.log', 'SaltingActivity'),
       (null, 'login', 'User'), ('officer', 'member.update', 'Member'), ('member', 'login', 'User'), ('admin', 'role.assign', 'RoleAssignment')
     ) as kinds (who, what, target) offset (case when n > $1::int * 2 / 3 then 0 when n % 400 = 0 then 7 when n % 300 = 0 then 6 when n % 250 = 0 then 5 else n % 5 end) limit 1) as kind`,
    [events],
  );
  await database.run('vacuum analyze');
}

const query = `query ($filter: AuditEventFilter, $first: Int, $after: String, $last: Int, $before: String) {
  auditEvents(filter: $filter, first: $first, after: $after, last: $last, before: $before) { nodes { id at } } }`;

/** Returns the cost of a query, by the plan for its values and optionally by the generic plan. */
async function costsOf(username: string, variables: object, isGeneral = false): Promise<Cost[]> {
  const actor = actors.get(username) ?? new Actor(() => `${service.url}/graphql`, username);
  actors.set(username, actor);
  await actor.token();
  const before = ran.length;
  const { auditEvents } = await actor.see<{ auditEvents: { nodes: object[] } }>(query, variables);
  const statement = ran.slice(before).find(({ text }) => text.includes('"audit_events"'));
  if (!statement) throw new Error(`The log was not read: ${JSON.stringify(auditEvents)}`);
  return [await costOf(database, statement), ...(isGeneral ? [await generalCostOf(database, statement)] : [])];
}
const actors = new Map<string, Actor>();

const cursorAt = async (username: string, share: number): Promise<string> => {
  const where = { admin: 'true', officer: `(target_type in ('Member', 'MemberEmployment', 'User', 'RoleAssignment') or actor_id = u.id)` }[
    username
  ];
  const rows = `from audit_events e, users u where u.username = $1 and ${where ?? 'actor_id = u.id'}`;
  const [row] = await database.run(
    `select at as value, e.id ${rows} order by at desc, e.id desc offset (select floor(count(*) * $2::float8) ${rows}) limit 1`,
    [username, share],
  );
  return toCursor({ property: 'at', direction: 'DESC' }, row as { value: unknown; id: string });
};

const tell = (costs: readonly Cost[]) => costs.map(({ rows, pages, whole, plan }) => ({ rows, pages, whole, plan }));

describe.each(['admin', 'officer', 'staff', 'organizer', 'member'])('for %s', (username) => {
  it('a page reads only its rows, at any position', async () => {
    const [middle, end] = [await cursorAt(username, 0.5), await cursorAt(username, 0.99)];
    for (const variables of [
      { first: size },
      { first: size, after: middle },
      { first: size, after: end },
      { last: size },
      { last: size, before: middle },
      { first: size, filter: { from: '2025-03-01T00:00:00Z' } },
      { first: size, filter: { to: '2025-03-01T00:00:00Z' } },
      { first: size, filter: { from: '2025-03-01T00:00:00Z', to: '2025-04-01T00:00:00Z' } },
    ]) {
      const costs = await costsOf(username, variables, !('filter' in variables));
      const broken = costs.filter(({ pages, rows, whole }) => Math.max(pages, rows) > pageful || whole.length > 0);
      expect([variables, tell(broken)]).toEqual([variables, []]);
    }
  });

  it('no filter scans the whole table', async () => {
    const [{ id, target }] = (await database.run(
      `select u.id, (select target_id from audit_events order by at limit 1) as target from users u where username = 'staff'`,
    )) as [{ id: string; target: string }];
    for (const filter of [
      { actorId: id },
      { action: 'login' },
      { action: 'role.assign' },
      { action: 'none' },
      { targetType: 'Member' },
      { targetType: 'RoleAssignment' },
      { targetId: target },
      { outcome: 'SUCCEEDED' },
      { outcome: 'FAILED' },
      { actorId: id, action: 'file', targetType: 'Grievance', outcome: 'DENIED', from: '2025-03-01T00:00:00Z' },
    ])
      for (const variables of [
        { filter, first: size },
        { filter, last: size },
      ]) {
        const costs = await costsOf(username, variables);
        expect([variables, tell(costs.filter(({ whole }) => whole.some((each) => each > 0)))]).toEqual([variables, []]);
        if (username !== 'admin' || Object.keys(filter).length > 1) continue;
        expect([variables, tell(costs.filter(({ pages, rows }) => Math.max(pages, rows) > pageful))]).toEqual([variables, []]);
      }
  });
});
