import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Database } from '../src/database/index.ts';
import { AuditEvent } from '../src/entities/audit.ts';
import { isGenuine } from '../src/services/audit/event.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { retireKey } from '../src/services/key.ts';
import { countKeys, renewSeeds, formatKeyUses, type KeyUse } from '../src/services/credential/key-use.ts';
import { shownBy } from './factor.kit.ts';
import { Clock } from './support/local.ts';
import { Mailboxes } from './support/mailbox.ts';
import { aNode, bearer, seededDatabase, type Node } from './support/node.ts';

const texts = { k1: `k1:${randomBytes(32).toString('base64')}`, k2: `k2:${randomBytes(32).toString('base64')}` };
/** Returns a keyring of these keys, the active one first. */
const ring = (...kids: (keyof typeof texts)[]): Keyring => Keyring.parse(kids.map((kid) => texts[kid]).join(','));

interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}
interface Login extends Partial<Tokens> {
  readonly challenge?: string;
}

const tokens = 'accessToken refreshToken deviceToken';
const me = '{ me { username } }';
const login = `mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { ${tokens} } ... on SecondFactorRequired { challenge } } }`;
const complete = `mutation ($input: CompleteLoginInput!) { completeLogin(input: $input) { ${tokens} } }`;
const refresh = `mutation ($token: String!) { refresh(refreshToken: $token) { ${tokens} } }`;
const reset = 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) }';

const signIn = async (node: Node, identifier: string, password = 'unionhall-dev') => {
  const { data, codes } = await node.ask<{ login: Login }>(login, { input: { identifier, password } });
  return { codes, ...data?.login };
};
const signedIn = async (node: Node, identifier: string, password?: string): Promise<Tokens> => {
  const { codes, accessToken, refreshToken } = await signIn(node, identifier, password);
  expect(codes).toEqual([]);
  if (!accessToken || !refreshToken) throw new Error(`${identifier} was not given tokens`);
  return { accessToken, refreshToken };
};
const whoIs = async (node: Node, accessToken: string): Promise<unknown> => {
  const { data, codes } = await node.ask<{ me: { username: string } | null }>(me, {}, bearer(accessToken));
  return data?.me?.username ?? codes[0] ?? null;
};
const renew = async (node: Node, token: string) => {
  const { data, codes } = await node.ask<{ refresh: Tokens }>(refresh, { token });
  return { codes, refreshToken: data?.refresh?.refreshToken ?? '', accessToken: data?.refresh?.accessToken ?? '' };
};
const kidOf = (accessToken: string): unknown =>
  (JSON.parse(Buffer.from(accessToken.split('.')[0] ?? '', 'base64url').toString()) as { kid: unknown }).kid;

/** Returns the value of one column for one user. */
const stored = async ({ run }: Database, username: string, column: string, from = 'users u'): Promise<unknown> => {
  const [row] = await run(`select ${column} as value from ${from} where u.username = $1`, [username]);
  return row?.['value'];
};
const useOf = (uses: readonly KeyUse[], kid: string): KeyUse | undefined => uses.find((use) => use.kid === kid);

/** A user with a second factor: the authenticator and the printed codes. */
async function enrol(node: Node, clock: Clock, { accessToken }: Tokens): Promise<{ secret: string; codes: readonly string[] }> {
  const begun = await node.ask<{ beginTotp: { secret: string } }>('mutation { beginTotp { secret } }', {}, bearer(accessToken));
  const { secret } = begun.data.beginTotp;
  const code = shownBy(secret, clock.now());
  const confirmed = await node.ask<{ confirmTotp: { codes: string[] } }>(
    'mutation ($code: String!) { confirmTotp(code: $code) { codes } }',
    { code },
    bearer(accessToken),
  );
  return { secret, codes: confirmed.data.confirmTotp.codes };
}

describe('while a key is replaced', () => {
  const clock = new Clock();
  let database: Database;
  let node: Node;
  let officer: Tokens;
  let vp: Tokens;
  let staff: { secret: string; codes: readonly string[] };
  let admin: { secret: string; codes: readonly string[] };
  const mailed: Record<string, string> = {};
  let begunBefore: string;

  /** Restarts the service with these keys. */
  const restart = async (...kids: (keyof typeof texts)[]): Promise<void> => {
    await node?.stop();
    node = await aNode({ database, keyring: ring(...kids), clock });
  };
  const mailboxes = (...kids: (keyof typeof texts)[]): Mailboxes => new Mailboxes({ database, keyring: ring(...kids), now: clock.now });
  const askReset = async (username: string): Promise<void> => {
    const { codes } = await node.ask(`mutation { requestPasswordReset(email: "${username}@unionhall.test") }`);
    expect(codes).toEqual([]);
  };
  const finish = async (challenge: string | undefined, code: string, method: 'TOTP' | 'BACKUP_CODE') =>
    node.ask<{ completeLogin: Tokens }>(complete, { input: { challenge, code, method } });

  beforeAll(async () => {
    database = await seededDatabase(ring('k1'));
    await restart('k1');
    [officer, vp] = [await signedIn(node, 'officer'), await signedIn(node, 'vp')];
    staff = await enrol(node, clock, await signedIn(node, 'staff'));
    admin = await enrol(node, clock, await signedIn(node, 'admin'));
    begunBefore = (await signIn(node, 'staff')).challenge ?? '';
    for (const username of ['instructor', 'president']) await askReset(username);
    mailed['read'] = await mailboxes('k1').tokenOf('instructor@unionhall.test');
    const made = 'mutation { createOrganization(input: { name: "Mill", orgType: EMPLOYER }) { id } }';
    const { accessToken } = await signedIn(node, 'manager');
    expect((await node.ask(made, {}, { ...bearer(accessToken), 'idempotency-key': 'once' })).codes).toEqual([]);
    await askReset('organizer'); // waits in the queue until the keys were changed
    await restart('k2', 'k1');
  }, 60_000);

  it('access tokens of the old key are accepted until they expire, and new ones use the new key', async () => {
    expect([kidOf(officer.accessToken), await whoIs(node, officer.accessToken)]).toEqual(['k1', 'officer']);
    const { accessToken } = await signedIn(node, 'officer');
    expect([kidOf(accessToken), await whoIs(node, accessToken)]).toEqual(['k2', 'officer']);
  });

  it('a refresh token of the old key gets a successor of the new one, and a retry gets the same', async () => {
    expect(officer.refreshToken).toMatch(/^rft1\.k1\./);
    const next = await renew(node, officer.refreshToken);
    expect(next).toMatchObject({ codes: [], refreshToken: expect.stringMatching(/^rft1\.k2\./) });
    expect((await renew(node, officer.refreshToken)).refreshToken).toBe(next.refreshToken);
    expect((await renew(node, next.refreshToken)).codes).toEqual([]);
    // an old one under any key counts as theft
    expect((await renew(node, officer.refreshToken)).codes).toEqual(['UNAUTHENTICATED']);
    expect(await whoIs(node, next.accessToken)).toBe('UNAUTHENTICATED');
  });

  it('a password under the old key signs in, and its hash is renewed', async () => {
    expect(await stored(database, 'manager', 'password_hash')).toMatch(/^pepper-v1:k1:/);
    expect((await signIn(node, 'manager', 'wrong')).codes).toEqual(['BAD_CREDENTIALS']);
    expect(await stored(database, 'manager', 'password_hash')).toMatch(/^pepper-v1:k1:/);
    await signedIn(node, 'manager');
    expect(await stored(database, 'manager', 'password_hash')).toMatch(/^pepper-v1:k2:/);
    await signedIn(node, 'manager');
  });

  it('a seed that is sealed under the old key opens and is sealed again, also for a sign-in in progress', async () => {
    const seed = () => stored(database, 'staff', 'c.sealed_seed', 'users u join totp_credentials c on c.user_id = u.id');
    expect(await seed()).toMatch(/^seal-v1:k1:/);
    clock.turn(60);
    const { data, codes } = await finish(begunBefore, shownBy(staff.secret, clock.now()), 'TOTP');
    expect(codes).toEqual([]);
    expect(await whoIs(node, data.completeLogin.accessToken)).toBe('staff');
    expect(await seed()).toMatch(/^seal-v1:k2:/);
    clock.turn(60);
    const { challenge } = await signIn(node, 'staff');
    expect((await finish(challenge, shownBy(staff.secret, clock.now()), 'TOTP')).codes).toEqual([]);
  });

  it('a backup code that was hashed under the old key is accepted', async () => {
    const { challenge } = await signIn(node, 'staff');
    expect((await finish(challenge, staff.codes[3] ?? '', 'BACKUP_CODE')).codes).toEqual([]);
  });

  it.each([
    ['was read before', 'instructor', () => mailed['read']],
    ['waited in the queue', 'organizer', () => mailboxes('k2', 'k1').tokenOf('organizer@unionhall.test')],
  ])('a token whose mail %s is accepted', async (_, username, tokenOf) => {
    const token = await tokenOf();
    expect(token).toMatch(/^prt1\.k1\./);
    const newPassword = `the new one of ${randomBytes(4).toString('hex')}`;
    expect((await node.ask(reset, { input: { token, newPassword } })).codes).toEqual([]);
    await signedIn(node, username, newPassword);
  });

  it('records under either key verify', async () => {
    const events = await database.orm.em.fork().find(AuditEvent, {}, { filters: false });
    const kids = new Set(events.map(({ mac }) => mac.split('.')[0]));
    expect([...kids].sort()).toEqual(['k1', 'k2']);
    expect(events.filter((event) => !isGenuine(event, ring('k2', 'k1')))).toEqual([]);
  });

  it('the dependencies on each key are counted', async () => {
    const uses = await countKeys({ em: database.orm.em, keyring: ring('k2', 'k1') }, clock.now());
    expect(uses.map(({ kid, state }) => [kid, state])).toEqual([
      ['k2', 'active'],
      ['k1', 'kept'],
    ]);
    const under = async (column: string, kid: string, where: string): Promise<unknown> => {
      const [row] = await database.run(`select count(*)::int as count from ${where} and ${column} like $1`, [kid]);
      return row?.['count'];
    };
    for (const kid of ['k1', 'k2']) {
      expect(useOf(uses, kid)?.counts).toEqual({
        sessions: await under('refresh_kid', kid, 'sessions where ended_at is null'),
        passwords: await under('password_hash', `pepper-v1:${kid}:%`, 'users where true'),
        'TOTP seeds': 1,
        'backup codes': kid === 'k1' ? 19 : 0,
        'mailed tokens': kid === 'k1' ? 1 : 0,
        'idempotency keys': kid === 'k1' ? 1 : 0,
        'vault keys': await under('sealed_private_key', `seal-v1:${kid}:%`, 'user_keys where true'),
        'open vaults': 0,
        'audit events': await under('mac', `${kid}.%`, 'audit_events where true'),
        'audit seals': await under('kid', kid, 'audit_seals where true'),
      });
    }
    const [head = '', ...rows] = formatKeyUses(uses).split('\n');
    expect(head).toMatch(
      /^key +is +sessions +passwords +TOTP seeds +backup codes +mailed tokens +idempotency keys +vault keys +open vaults +audit events +audit seals$/,
    );
    expect(rows.map((row) => row.split(/ +/).slice(0, 2))).toEqual([
      ['k2', 'active'],
      ['k1', 'kept'],
    ]);
    expect(new Set([head, ...rows].map((row) => row.length)).size).toBe(1);
  });

  it('access tokens of the old key expire at their time', async () => {
    expect(await whoIs(node, vp.accessToken)).toBe('vp');
    clock.turn(1830);
    expect(await whoIs(node, vp.accessToken)).toBe('UNAUTHENTICATED');
    expect((await renew(node, vp.refreshToken)).refreshToken).toMatch(/^rft1\.k2\./);
  });

  describe('after the old key was removed', () => {
    let late: Tokens;
    let waiting: string | undefined;
    let lateToken: string;

    beforeAll(async () => {
      await restart('k1', 'k2'); // like a node that was updated late
      late = await signedIn(node, 'officer');
      await signedIn(node, 'vp');
      await askReset('officer');
      lateToken = await mailboxes('k1').tokenOf('officer@unionhall.test');
      await askReset('manager');
      await restart('k2', 'k1');
      waiting = (await signIn(node, 'admin')).challenge; // renews the password but not yet the seed
      await retireKey(database.run, 'k1');
      await restart('k2');
    }, 60_000);

    it('its tokens are refused, and no session ends', async () => {
      expect(await whoIs(node, late.accessToken)).toBe('UNAUTHENTICATED');
      expect((await renew(node, late.refreshToken)).codes).toEqual(['UNAUTHENTICATED']);
      const newPassword = 'the new one of the officer';
      expect((await node.ask(reset, { input: { token: lateToken, newPassword } })).codes).toEqual(['BAD_INPUT']);
      expect(await database.run(`select count(*)::int as count from sessions where refresh_kid = 'k1' and ended_at is null`)).not.toEqual([
        { count: 0 },
      ]);
    });

    it('passwords under it are refused like wrong ones', async () => {
      const gone = await node.ask(login, { input: { identifier: 'vp', password: 'unionhall-dev' } });
      const wrong = await node.ask(login, { input: { identifier: 'manager', password: 'wrong' } });
      expect(await stored(database, 'vp', 'password_hash')).toMatch(/^pepper-v1:k1:/);
      const plain = (body: string) => body.replace(/"requestId":"[^"]+"/, '');
      expect([gone.status, plain(gone.body)]).toEqual([wrong.status, plain(wrong.body)]);
    });

    it('codes of a second factor under it are refused', async () => {
      expect((await finish(waiting, shownBy(admin.secret, clock.now()), 'TOTP')).codes).toEqual(['BAD_CREDENTIALS']);
      expect((await finish(waiting, admin.codes[0] ?? '', 'BACKUP_CODE')).codes).toEqual(['BAD_CREDENTIALS']);
    });

    it('mails whose token cannot be created are dropped and logged', async () => {
      const post = mailboxes('k2');
      expect(await post.of('manager@unionhall.test')).toEqual([]);
      expect(post.warnings).toEqual([expect.stringContaining('the token cannot be recreated with the keyring')]);
    });

    it('records under it no longer verify, and count as records of a missing key', async () => {
      const [event] = await database.orm.em.fork().find(AuditEvent, { mac: { $like: 'k1.%' } }, { filters: false, limit: 1 });
      expect(event && isGenuine(event, ring('k2'))).toBe(false);
      expect(event && isGenuine(event, ring('k2', 'k1'))).toBe(true);
      const uses = await countKeys({ em: database.orm.em, keyring: ring('k2') }, clock.now());
      expect(useOf(uses, 'k1')).toMatchObject({ state: 'gone', counts: { 'TOTP seeds': 1, 'mailed tokens': 0 } });
      expect(useOf(uses, '(unknown)')).toMatchObject({ state: 'gone', counts: { sessions: 0, 'mailed tokens': 2 } });
    });

    it('all users who signed in meanwhile are served', async () => {
      await signedIn(node, 'manager');
      clock.turn(60);
      const { challenge } = await signIn(node, 'staff');
      expect((await finish(challenge, shownBy(staff.secret, clock.now()), 'TOTP')).codes).toEqual([]);
    });
  });
});

describe('two nodes, one with the new keyring', () => {
  const clock = new Clock();
  let database: Database;
  let before: Node;
  let after: Node;

  beforeAll(async () => {
    database = await seededDatabase(ring('k1'), { engine: 'postgresql' });
    before = await aNode({ database, keyring: ring('k1', 'k2'), clock });
    after = await aNode({ database, keyring: ring('k2', 'k1'), clock });
  }, 60_000);

  it('accept each other’s tokens in turn', async () => {
    let { accessToken, refreshToken } = await signedIn(before, 'officer');
    for (const [node, kid] of [
      [after, 'k2'],
      [before, 'k1'],
      [after, 'k2'],
      [before, 'k1'],
    ] as const) {
      expect(await whoIs(node, accessToken)).toBe('officer');
      ({ accessToken, refreshToken } = await renew(node, refreshToken));
      expect([kidOf(accessToken), refreshToken.split('.')[1]]).toEqual([kid, kid]);
    }
    for (const node of [after, before]) expect(await whoIs(node, accessToken)).toBe('officer');
  });

  it('accept passwords that the other has hashed', async () => {
    for (const [node, kid] of [
      [after, 'k2'],
      [before, 'k1'],
      [after, 'k2'],
    ] as const) {
      await signedIn(node, 'vp');
      expect(await stored(database, 'vp', 'password_hash')).toMatch(new RegExp(`^pepper-v1:${kid}:`));
    }
    for (let round = 0; round < 3; round += 1) {
      const answers = await Promise.all([before, after, before, after].map((node) => signIn(node, 'manager')));
      expect(answers.filter(({ accessToken }) => accessToken !== undefined).length).toBeGreaterThan(0);
      await signedIn(round % 2 === 0 ? before : after, 'manager');
    }
  });

  it('return one successor for concurrent requests, in every round', async () => {
    let { refreshToken } = await signedIn(before, 'president');
    for (let round = 0; round < 10; round += 1) {
      const answers = await Promise.all(Array.from({ length: 16 }, (_, at) => renew(at % 2 === 0 ? before : after, refreshToken)));
      expect(answers.flatMap(({ codes }) => codes)).toEqual([]);
      expect(new Set(answers.map((answer) => answer.refreshToken)).size).toBe(1);
      refreshToken = answers[0]?.refreshToken ?? '';
    }
    expect(await database.run(`select count(*)::int as count from audit_events where action = 'refresh_reuse'`)).toEqual([{ count: 0 }]);
  });

  it('open a second factor that the other has sealed', async () => {
    const { secret } = await enrol(after, clock, await signedIn(after, 'staff'));
    for (const [node, kid] of [
      [before, 'k1'],
      [after, 'k2'],
      [before, 'k1'],
    ] as const) {
      clock.turn(60);
      const { challenge } = await signIn(node, 'staff');
      const input = { challenge, code: shownBy(secret, clock.now()), method: 'TOTP' };
      expect((await node.ask(complete, { input })).codes).toEqual([]);
      const seed = await stored(database, 'staff', 'c.sealed_seed', 'users u join totp_credentials c on c.user_id = u.id');
      expect(seed).toMatch(new RegExp(`^seal-v1:${kid}:`));
    }
  });

  it('keep running while a command reseals every seed; one that does not open is unchanged', async () => {
    const seeds = () => database.run('select sealed_seed from totp_credentials order by id', []);
    const em = () => database.orm.em.fork() as SqlEntityManager;
    const secrets = new Map<string, string>();
    for (const who of ['officer', 'instructor']) secrets.set(who, (await enrol(before, clock, await signedIn(before, who))).secret);
    expect((await seeds()).map(({ sealed_seed }) => String(sealed_seed).split(':')[1])).toEqual(['k1', 'k1', 'k1']);
    const none = await renewSeeds({ em: em(), keyring: ring('k2'), now: clock.now });
    expect([none, (await seeds()).every(({ sealed_seed }) => String(sealed_seed).startsWith('seal-v1:k1:'))]).toEqual([
      { renewed: 0, unreadable: 3 },
      true,
    ]);
    const tools = { keyring: ring('k2', 'k1'), now: clock.now };
    const [one, other] = await Promise.all([renewSeeds({ em: em(), ...tools }), renewSeeds({ em: em(), ...tools })]);
    expect([one.renewed + other.renewed, one.unreadable + other.unreadable]).toEqual([3, 0]);
    expect(await renewSeeds({ em: em(), ...tools })).toEqual({ renewed: 0, unreadable: 0 });
    expect(useOf(await countKeys({ em: database.orm.em, keyring: ring('k2', 'k1') }, clock.now()), 'k1')?.counts['TOTP seeds']).toBe(0);
    clock.turn(60);
    for (const [who, secret] of secrets) {
      const { challenge } = await signIn(after, who);
      const input = { challenge, code: shownBy(secret, clock.now()), method: 'TOTP' };
      expect((await after.ask(complete, { input })).codes).toEqual([]);
    }
  });

  it('refuse but end no session if the other node did not get the new key first', async () => {
    const own = await seededDatabase(ring('k1'), { engine: 'postgresql' });
    const untold = await aNode({ database: own, keyring: ring('k1'), clock });
    const told = await aNode({ database: own, keyring: ring('k2', 'k1'), clock });
    const { accessToken, refreshToken } = await signedIn(told, 'organizer');
    expect(await whoIs(untold, accessToken)).toBe('UNAUTHENTICATED');
    expect((await renew(untold, refreshToken)).codes).toEqual(['UNAUTHENTICATED']);
    expect((await signIn(untold, 'organizer')).codes).toEqual(['BAD_CREDENTIALS']);
    expect(await whoIs(told, accessToken)).toBe('organizer');
    expect((await renew(told, refreshToken)).codes).toEqual([]);
    await expect(aNode({ database: own, keyring: ring('k1'), clock })).rejects.toThrow(/lacks the key k2/);
  });
});
