import 'reflect-metadata';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { argon2d, argon2i, argon2id, hash as argon } from 'argon2';
import { hash as bcrypt } from 'bcrypt';
import type { Database } from '../src/database/index.ts';
import { AuditEvent } from '../src/entities/audit.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { isGenuine } from '../src/services/audit/event.ts';
import type { BadLine, ImportOutcome } from '../src/services/record/import.ts';
import { importUsers } from '../src/services/user/import/index.ts';
import { freshDatabase } from './support/database.ts';
import { Clock } from './support/local.ts';
import { aNode, bearer, seededDatabase, type Node } from './support/node.ts';

const keyring = Keyring.parse(Keyring.generate());
const password = 'what it was over there';
/** A hash from the tests of crypt_blowfish. */
const hash = '$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';
const person = { username: 'w.ruiz', email: 'w.ruiz@example.org', firstName: 'Wanda', lastName: 'Ruiz', roles: ['staff'], hash };

const clock = new Clock();
let database: Database;

beforeAll(async () => {
  database = await seededDatabase(keyring);
});

const named = (username: string, facts: object = {}): object => ({ ...person, username, email: `${username}@example.org`, ...facts });
const jsonl = (...users: readonly unknown[]): string => `${users.map((user) => JSON.stringify(user)).join('\n')}\n`;

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

interface Import extends ImportOutcome {
  /** The reported lines. */
  readonly told: string[];
}

async function importing(
  text: string | Uint8Array,
  { into = database, isTrial = false, chunk = 65_536 }: { into?: Database; isTrial?: boolean; chunk?: number } = {},
): Promise<Import> {
  const told: string[] = [];
  const report = ({ line, problems }: BadLine): void => void told.push(`${line}: ${problems}`);
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  const outcome = await importUsers({ em: into.orm.em, keyring, now: clock.now }, inChunks(bytes, chunk), { isTrial, report });
  return { ...outcome, told };
}

/** Returns the refusals of a file with this text. */
const refusalsOf = async (text: string | Uint8Array): Promise<string[]> => {
  const before = await contentsOf(database);
  const { told, added, refused } = await importing(text);
  expect({ added, refused }).toEqual({ added: 0, refused: told.length });
  expect(await contentsOf(database)).toEqual(before);
  return told;
};

/** Returns everything that an import could change. */
async function contentsOf({ run }: Database): Promise<unknown> {
  const tables = ['users', 'user_roles', 'roles', 'audit_events', 'one_time_tokens'];
  const digests = tables.map((table) => run(`select count(*)::int as rows, md5(string_agg(t::text, '' order by t::text)) from ${table} t`));
  return Promise.all(digests);
}

const usersLike = (username: string, { run }: Database = database) =>
  run(
    `select u.username, u.email, u.first_name, u.last_name, u.is_active, u.is_verified, u.is_self_registered, u.is_owner,
       u.password_must_change, m.member_number,
       (select array_agg(r.name order by r.name) from user_roles a join roles r on r.id = a.role_id where a.user_id = u.id) as roles
     from users u left join members m on m.id = u.member_id where u.username like $1 order by u.username`,
    [username],
  );

const hashOf = async (username: string): Promise<string> => {
  const [row] = await database.run('select password_hash from users where username = $1', [username]);
  return String(row?.['password_hash']);
};

describe('a file of users', () => {
  it('creates users with their roles, their member and an audit event each', async () => {
    const [free] = await database.run(
      'select member_number from members where id not in (select member_id from users where member_id is not null) order by id limit 1',
    );
    const text = jsonl(
      named('full.one', {
        roles: ['member', 'organizer'],
        memberNumber: free?.['member_number'],
        isActive: false,
        firstName: '  Zoë ',
        lastName: 'Đặng',
      }),
      named('full.two', { roles: [] }),
    );
    expect(await importing(text)).toEqual({ added: 2, alreadyThere: 0, refused: 0, told: [] });
    const usual = { is_verified: false, is_self_registered: false, is_owner: false, password_must_change: false };
    expect(await usersLike('full.%')).toEqual([
      {
        ...usual,
        username: 'full.one',
        email: 'full.one@example.org',
        first_name: 'Zoë',
        last_name: 'Đặng',
        is_active: false,
        member_number: free?.['member_number'],
        roles: ['member', 'organizer'],
      },
      {
        ...usual,
        username: 'full.two',
        email: 'full.two@example.org',
        first_name: 'Wanda',
        last_name: 'Ruiz',
        is_active: true,
        member_number: null,
        roles: null,
      },
    ]);
    const em = database.orm.em.fork();
    const events = await em.find(AuditEvent, { action: 'import_user' }, { filters: false, orderBy: { id: 'asc' } });
    const ids = await database.run(`select id from users where username like 'full.%' order by username`);
    expect(events.map(({ targetId }) => targetId)).toEqual(ids.map(({ id }) => id));
    expect(events.every((event) => isGenuine(event, keyring))).toBe(true);
    expect(new Set(events.map(({ requestId }) => requestId)).size).toBe(1);
  });

  it('changes nothing the second time', async () => {
    const text = jsonl(named('twice.a'), named('twice.b', { roles: ['admin', 'member'] }));
    expect(await importing(text)).toMatchObject({ added: 2, alreadyThere: 0 });
    const before = await contentsOf(database);
    expect(await importing(text)).toEqual({ added: 0, alreadyThere: 2, refused: 0, told: [] });
    expect(await contentsOf(database)).toEqual(before);
  });

  it('adds new users to the existing ones, ignoring the case of names', async () => {
    await importing(jsonl(named('grow.a')));
    const text = jsonl(named('GROW.A', { email: 'Grow.A@EXAMPLE.org' }), named('grow.b'));
    expect(await importing(text)).toMatchObject({ added: 1, alreadyThere: 1, refused: 0 });
    expect((await usersLike('grow.%')).map(({ username }) => username)).toEqual(['grow.a', 'grow.b']);
  });

  it('is only checked in a dry run', async () => {
    const before = await contentsOf(database);
    const text = jsonl(named('trial.a'), named('trial.b'), { ...named('admin'), roles: [] });
    expect(await importing(text, { isTrial: true })).toMatchObject({ added: 0, refused: 1 });
    expect(await importing(jsonl(named('trial.a'), named('trial.b')), { isTrial: true })).toMatchObject({ added: 2, refused: 0 });
    expect(await contentsOf(database)).toEqual(before);
  });

  it('creates the system roles in a database without roles', async () => {
    const empty = await freshDatabase({ seeded: false });
    try {
      await importing(jsonl(named('first', { roles: ['officer'] })), { into: empty });
      expect(await usersLike('first', empty)).toMatchObject([{ roles: ['officer'] }]);
      expect(await empty.run('select count(*)::int as count from roles where is_system_role')).toEqual([{ count: 6 }]);
    } finally {
      await empty.close();
    }
  });

  it.each([1, 7, 64])(
    'is the same in chunks of %s bytes, with a byte order mark, CR LF, blank lines and no final line break',
    async (chunk) => {
      const users = [named(`pieces.${chunk}.a`, { firstName: 'Ælfgifu' }), named(`pieces.${chunk}.b`)];
      const text = `\uFEFF${JSON.stringify(users[0])}\r\n\r\n   \n${JSON.stringify(users[1])}`;
      expect(await importing(text, { chunk })).toMatchObject({ added: 2, refused: 0 });
      expect(await usersLike(`pieces.${chunk}.%`)).toMatchObject([{ first_name: 'Ælfgifu' }, {}]);
    },
  );
});

describe('a file without users', () => {
  it.each([
    ['nothing', ''],
    ['blank lines', '\n \r\n\n'],
    ['a byte order mark', '\uFEFF'],
  ])('is refused: %s', async (_, text) => {
    await expect(importing(text)).rejects.toMatchObject({ name: 'ImportError', message: expect.stringContaining('The file is empty') });
  });

  it('reports its progress while it is read and added', async () => {
    const heard: [string, number][] = [];
    const users = Array.from({ length: 1100 }, (_, at) => named(`heard.${at}`));
    const source = inChunks(Buffer.from(jsonl(...users)), 65_536);
    const progress = (step: string, lines: number): void => void heard.push([step, lines]);
    await importUsers({ em: database.orm.em, keyring, now: clock.now }, source, { isTrial: false, report: () => undefined, progress });
    expect(heard).toEqual([
      ['read', 500],
      ['read', 1000],
      ['read', 1100],
      ['added', 1000],
      ['added', 1100],
    ]);
  });
});

describe('a line is refused with its number', () => {
  const bad: readonly (readonly [what: string, user: unknown, problem: string])[] = [
    ['no object', ['a'], 'must be a JSON object'],
    ['null', null, 'must be a JSON object'],
    ['a text', 'w.ruiz', 'must be a JSON object'],
    [
      'nothing in it',
      {},
      'email is missing; firstName is missing; hash is missing; lastName is missing; roles is missing; username is missing',
    ],
    ['a username too short', named('x', { email: 'x@example.org' }), 'username must have'],
    ['a username with a space', { ...person, username: 'w ruiz' }, 'username must have'],
    ['a username that is not text', { ...person, username: 7 }, 'username must be a string'],
    ['an address that is none', { ...person, email: 'w.ruiz' }, 'email must be an e-mail address'],
    ['an address that begins another header', { ...person, email: 'w@example.org\nBcc: x@example.org' }, 'email must be an e-mail address'],
    ['a first name of nothing', { ...person, firstName: '  ' }, 'firstName must have 1 to 100 characters'],
    ['a last name too long', { ...person, lastName: 'R'.repeat(101) }, 'lastName must have 1 to 100 characters'],
    ['NUL in a name', { ...person, lastName: 'R\0' }, 'lastName must have 1 to 100 characters'],
    ['half a character in a name', { ...person, lastName: 'R\ud800' }, 'lastName must have 1 to 100 characters'],
    ['a role that is none', { ...person, roles: ['member', 'wizard'] }, 'roles has wizard, which is not an existing role'],
    ['a role in capitals', { ...person, roles: ['Admin'] }, 'roles has Admin, which is not an existing role'],
    ['a role of a prototype', { ...person, roles: ['constructor'] }, 'roles has constructor, which is not an existing role'],
    ['a role that moves the cursor', { ...person, roles: ['\u001b[2J'] }, 'roles must contain only names of roles'],
    ['a role with NUL', { ...person, roles: ['a\0'] }, 'roles must contain only names of roles'],
    ['a role twice', { ...person, roles: ['staff', 'staff'] }, 'roles must not list a role twice'],
    ['roles as a text', { ...person, roles: 'staff' }, 'roles must be a list of at most 20 names'],
    ['too many roles', { ...person, roles: Array.from({ length: 21 }, (_, at) => `r${at}`) }, 'roles must be a list of at most 20 names'],
    ['a role that is a number', { ...person, roles: [1] }, 'roles must be a list of names'],
    ['a password for a hash', { ...person, hash: 'hunter2 hunter2' }, 'hash must be a supported bcrypt or Argon2 hash'],
    ['a hash of ours', { ...person, hash: `pepper-v1:k:${hash}` }, 'hash must be a supported bcrypt or Argon2 hash'],
    ['a hash that costs too much', { ...person, hash: hash.replace('$05$', '$15$') }, 'hash must be a supported bcrypt or Argon2 hash'],
    ['a hash of MD5', { ...person, hash: 'd8578edf8458ce06fbc5bb76a58c5ca4' }, 'hash must be a supported bcrypt or Argon2 hash'],
    ['a hash of nothing', { ...person, hash: null }, 'hash must be a supported bcrypt or Argon2 hash'],
    ['a member number of nobody', { ...person, memberNumber: 'ZZ99999' }, 'memberNumber does not belong to a member'],
    ['a member number with a dash', { ...person, memberNumber: 'A-1' }, 'memberNumber must have 1 to 30 letters and digits'],
    ['active as a text', { ...person, isActive: 'yes' }, 'isActive must be true or false'],
    ['an unknown key', { ...person, isOwner: true }, 'has an unknown key isOwner'],
    ['a key that may be a hash', { ...person, [hash]: 1 }, 'has an unknown key that cannot be shown'],
    ['the key of a prototype', { ...person, constructor: 1, toString: 1 }, 'has an unknown key constructor; has an unknown key toString'],
  ];

  it('for any error, even if all other lines are valid', async () => {
    const told = await refusalsOf(jsonl(named('right.one'), ...bad.map(([, user]) => user), named('right.two')));
    expect(told).toHaveLength(bad.length);
    for (const [index, [, , problem]] of bad.entries())
      expect(told[index]).toMatch(new RegExp(`^${index + 2}: .*${problem.replace(/[.[\]()]/g, '\\$&')}`));
    expect(told.join('\n')).not.toMatch(/hunter2|d8578|\$2b\$/);
  });

  it.each(bad)('%s, alone', async (_, user, problem) => {
    expect(await refusalsOf(jsonl(user))).toEqual([expect.stringContaining(problem)]);
  });

  it.each<[string, string | Buffer, string]>([
    ['no JSON', `{"username": "w.ruiz", "hash": "${hash}"`, '1: must be a JSON object'],
    ['a key __proto__', JSON.stringify(person).replace('{', '{"__proto__":{"isActive":false},'), '1: has an unknown key __proto__'],
    ['Latin-1', Buffer.from(JSON.stringify({ ...person, firstName: 'Zoë' }), 'latin1'), '1: must be encoded in UTF-8'],
    ['UTF-16', Buffer.from(`\uFEFF${JSON.stringify(person)}`, 'utf16le'), '1: must be encoded in UTF-8'],
    ['a megabyte', JSON.stringify({ ...person, lastName: 'R'.repeat(1_000_000) }), '1: must have at most 16384 bytes'],
    ['a megabyte of nothing', ' '.repeat(1_000_000), '1: must have at most 16384 bytes'],
    ['a byte order mark in the middle', `\n\uFEFF${JSON.stringify(person)}`, '2: must be a JSON object'],
  ])('%s', async (_, text, problem) => {
    expect(await refusalsOf(text)).toEqual([problem]);
  });

  it('with all its errors', async () => {
    await importing(jsonl(named('taken.already')));
    const user = { username: 'TAKEN.already', email: 'other@', firstName: '', lastName: 'R', roles: ['wizard'], hash: 1, age: 7 };
    expect(await refusalsOf(jsonl(user))).toEqual([
      '1: has an unknown key age; email must be an e-mail address; firstName must have 1 to 100 characters; ' +
        'hash must be a supported bcrypt or Argon2 hash; roles has wizard, which is not an existing role; username is taken',
    ]);
  });

  it('if it repeats an earlier line, ignoring case and counting blank lines', async () => {
    const users = [
      named('dup.a'),
      named('DUP.A', { email: 'dup.b@example.org' }),
      named('dup.c', { email: 'Dup.A@Example.org' }),
      named('dup.a'),
    ];
    expect(await refusalsOf(users.map((user) => JSON.stringify(user)).join('\n\n'))).toEqual([
      '3: username is the same as in line 1',
      '5: email is the same as in line 1',
      '7: email is the same as in line 1; username is the same as in line 1',
    ]);
  });

  it('beyond the first thousand lines, with all invalid ones', async () => {
    const users = Array.from({ length: 1700 }, (_, at) => named(`many.${at}`, at % 3 === 0 ? { lastName: '' } : {}));
    const told = await refusalsOf(jsonl(...users));
    expect(told.map((line) => Number.parseInt(line, 10))).toEqual(users.flatMap((_, at) => (at % 3 === 0 ? [at + 1] : [])));
  });
});

describe('a line for an existing user', () => {
  it.each<[string, object, RegExp]>([
    ['another user’s name', named('officer', { email: 'nobody@example.org' }), /^1: username is taken$/],
    ['another user’s address', named('fresh.one', { email: 'Officer@Unionhall.test' }), /^1: email is taken$/],
    ['two users', named('officer', { email: 'staff@unionhall.test' }), /^1: email is taken; username is taken$/],
  ])('%s', async (_, user, problem) => {
    expect(await refusalsOf(jsonl(user))).toEqual([expect.stringMatching(problem)]);
  });

  it.each<[string, object]>([
    ['firstName', { firstName: 'Wilma' }],
    ['lastName', { lastName: 'Rush' }],
    ['hash', { hash: hash.replace('$05$', '$06$') }],
    ['isActive', { isActive: false }],
    ['roles', { roles: ['staff', 'admin'] }],
  ])('with a different %s is refused', async (path, facts) => {
    const username = `meets.${path.toLowerCase()}`;
    await importing(jsonl(named(username)));
    expect(await refusalsOf(jsonl(named(username, facts)))).toEqual([`1: ${path} differs from that of the existing user`]);
  });

  it('with more roles in the database changes nothing', async () => {
    await importing(jsonl(named('more', { roles: ['member'] })));
    await database.run(`insert into user_roles (id, created_at, updated_at, user_id, role_id, assigned_at, review_levels)
      select gen_random_uuid(), now(), now(), u.id, r.id, now(), '{}' from users u, roles r where u.username = 'more' and r.name = 'staff'`);
    await database.run(`update users set is_active = false, is_verified = true where username = 'more'`);
    expect(await importing(jsonl(named('more', { roles: ['member'] })))).toMatchObject({ alreadyThere: 1, refused: 0 });
  });

  it('with a deleted username is refused, because usernames are never reused', async () => {
    await importing(jsonl(named('gone')));
    await database.run(`update users set deleted_at = now() where username = 'gone'`);
    expect(await refusalsOf(jsonl(named('gone')))).toEqual(['1: username belonged to a deleted user']);
    expect(await refusalsOf(jsonl(named('gone', { email: 'else@example.org' })))).toEqual(['1: username is taken']);
  });

  it('with a member that another user or line has is refused', async () => {
    const [linked] = await database.run(
      `select m.member_number as number from members m join users u on u.member_id = m.id where u.username = 'member'`,
    );
    const [free] = await database.run(
      'select member_number as number from members where id not in (select member_id from users where member_id is not null) order by id limit 1',
    );
    expect(await refusalsOf(jsonl(named('kin.a', { memberNumber: linked?.['number'] })))).toEqual([
      '1: memberNumber is linked to another user',
    ]);
    const both = jsonl(named('kin.a', { memberNumber: free?.['number'] }), named('kin.b', { memberNumber: free?.['number'] }));
    expect(await refusalsOf(both)).toEqual(['2: memberNumber is the same as in line 1']);
    expect(await importing(jsonl(named('kin.a', { memberNumber: free?.['number'] })))).toMatchObject({ added: 1 });
    expect(await importing(jsonl(named('kin.a', { memberNumber: free?.['number'] })))).toMatchObject({ alreadyThere: 1 });
    expect(await refusalsOf(jsonl(named('kin.c', { memberNumber: free?.['number'] })))).toEqual([
      '1: memberNumber is linked to another user',
    ]);
  });

  it('with an address that another account only claims is accepted', async () => {
    await importing(jsonl(named('claimant', { email: 'claimed@example.org' })));
    await database.run(`update users set is_self_registered = true where username = 'claimant'`);
    expect(await importing(jsonl(named('rightful', { email: 'claimed@example.org' })))).toMatchObject({ added: 1 });
  });
});

describe('an imported user', () => {
  let node: Node;
  const loginAs = (identifier: string, given: string) =>
    node.ask<{ login: { accessToken: string } }>(
      'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken } } }',
      { input: { identifier, password: given } },
    );

  beforeAll(async () => {
    node = await aNode({ database, keyring, clock });
  });

  it.each<[string, () => Promise<string>]>([
    ['bcrypt $2b$', () => bcrypt(password, 4)],
    ['bcrypt $2a$', async () => (await bcrypt(password, 5)).replace('$2b$', '$2a$')],
    ['bcrypt $2y$', async () => (await bcrypt(password, 4)).replace('$2b$', '$2y$')],
    ['argon2id', () => argon(password, { type: argon2id, memoryCost: 4096, timeCost: 3, parallelism: 2 })],
    ['argon2i', () => argon(password, { type: argon2i, memoryCost: 4096, timeCost: 3 })],
    ['argon2d', () => argon(password, { type: argon2d, memoryCost: 4096, timeCost: 3 })],
  ])('with %s signs in with the old password, which is then hashed again', async (scheme, hashed) => {
    const username = `of.${scheme.replace(/[^a-z0-9]/g, '')}`;
    const text = jsonl(named(username, { hash: await hashed(), roles: ['organizer'] }));
    await importing(text);
    expect((await loginAs(username, `${password}!`)).codes).toEqual(['BAD_CREDENTIALS']);
    expect(await hashOf(username)).not.toMatch(/^pepper/);
    const { data, codes } = await loginAs(`${username}@EXAMPLE.org`, password);
    expect(codes).toEqual([]);
    const { data: me } = await node.ask('{ me { username isVerified roles { role { name } } } }', {}, bearer(data.login.accessToken));
    expect(me).toEqual({ me: { username, isVerified: false, roles: [{ role: { name: 'organizer' } }] } });
    expect(await hashOf(username)).toMatch(new RegExp(`^pepper-v1:${keyring.active}:\\$argon2id\\$v=19\\$m=19456,t=2,p=1\\$`));
    expect((await loginAs(username, password)).codes).toEqual([]);
    expect(await importing(text)).toMatchObject({ added: 0, alreadyThere: 1, refused: 0 });
  });

  it('with an inactive account cannot sign in', async () => {
    await importing(jsonl(named('asleep', { hash: await bcrypt(password, 4), isActive: false })));
    expect((await loginAs('asleep', password)).codes).toEqual(['BAD_CREDENTIALS']);
  });
});

describe('on a server', () => {
  it('concurrent imports of one file add each user once', async () => {
    const server = await seededDatabase(keyring, { engine: 'postgresql' });
    const text = jsonl(...Array.from({ length: 1200 }, (_, at) => named(`race.${at}`)));
    const outcomes = await Promise.all(Array.from({ length: 3 }, () => importing(text, { into: server })));
    expect(outcomes.map(({ added, alreadyThere }) => [added, alreadyThere]).sort()).toEqual([
      [0, 1200],
      [0, 1200],
      [1200, 0],
    ]);
    expect(await server.run(`select count(*)::int as count from users where username like 'race.%'`)).toEqual([{ count: 1200 }]);
    expect(await server.run(`select count(*)::int as count from audit_events where action = 'import_user'`)).toEqual([{ count: 1200 }]);
  });

  it.each([
    ['takes a name', `if new.username = 'late.2' then new.username = 'officer'; end if;`],
    ['removes a role', `delete from roles where name = 'steward';`],
  ])('an import is undone completely if another user %s meanwhile', async (_, meanwhile) => {
    const server = await seededDatabase(keyring, { engine: 'postgresql' });
    await server.run(`insert into roles (id, created_at, updated_at, name, display_name, is_system_role, based_on)
      values (gen_random_uuid(), now(), now(), 'steward', 'Steward', false, 'staff')`);
    await server.run(`create function meddle() returns trigger language plpgsql as $$ begin ${meanwhile} return new; end $$`);
    await server.run('create trigger meddle before insert on users for each row execute function meddle()');
    const before = await contentsOf(server);
    const text = jsonl(named('late.1', { roles: ['member', 'steward'] }), named('late.2'));
    await expect(importing(text, { into: server })).rejects.toMatchObject({
      name: 'ImportError',
      message: expect.stringContaining('Import it again'),
    });
    expect(await contentsOf(server)).toEqual(before);
    await server.run('drop trigger meddle on users');
    expect(await importing(text, { into: server })).toMatchObject({ added: 2 });
    expect(await usersLike('late.1', server)).toMatchObject([{ roles: ['member', 'steward'] }]);
  });
});
