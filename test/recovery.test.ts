import { beforeAll, describe, expect, it } from '@jest/globals';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { endSessions } from '../src/services/sign-in/sign-out.ts';
import { removeSecondFactorOf } from '../src/services/user/remove-second-factor.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { shownBy } from './factor.kit.ts';
import { aLocal, type Local } from './support/local.ts';

const password = 'unionhall-dev';
const loginQuery = `mutation ($input: LoginInput!) { login(input: $input) { __typename
  ... on SignedIn { accessToken refreshToken user { username mustEnrollSecondFactor } } ... on SecondFactorRequired { challenge } } }`;

interface SignedIn {
  __typename: string;
  accessToken: string;
  refreshToken: string;
  user: { username: string; mustEnrollSecondFactor: boolean };
}

let local: Local;
beforeAll(async () => {
  local = await aLocal();
});

const signIn = async (identifier: string, at = local): Promise<SignedIn> =>
  (await at.anonymous.see<{ login: SignedIn }>(loginQuery, { input: { identifier, password } })).login;
const bearer = ({ accessToken }: { accessToken: string }) => ({ authorization: `Bearer ${accessToken}` });
const ask = (query: string, by: { accessToken: string }, variables: object = {}, at = local) =>
  at.anonymous.ask<Record<string, Record<string, string>>>(query, variables, bearer(by));
const idOf = async (username: string) => String((await local.sql('select id from users where username = $1', [username]))[0]?.['id']);
const subjectsOf = async (username: string) => (await local.mailbox(`${username}@unionhall.test`)).map(({ subject }) => subject);
const eventsOf = async (action: string) =>
  await local.sql('select target_id, outcome from audit_events where action = $1 order by id', [action]);

async function enrol(by: { accessToken: string }, at = local): Promise<void> {
  const { data, codes } = await ask('mutation { beginTotp { secret } }', by, {}, at);
  expect(codes).toEqual([]);
  const code = shownBy(data['beginTotp']?.['secret'] ?? '', at.clock.now());
  expect((await ask('mutation ($code: String!) { confirmTotp(code: $code) { codes } }', by, { code }, at)).codes).toEqual([]);
}

describe('endSessions', () => {
  const end = 'mutation ($id: ID!) { endSessions(userId: $id) { username isActive } }';

  it('ends the sessions of another user, who can sign in again and is notified', async () => {
    const [one, two, other] = [await signIn('staff'), await signIn('staff'), await signIn('vp')];
    const id = await idOf('staff');
    expect((await local.admin.ask(end, { id })).data).toEqual({ endSessions: { username: 'staff', isActive: true } });
    for (const ended of [one, two]) expect((await ask('{ me { id } }', ended)).codes).toEqual(['UNAUTHENTICATED']);
    expect((await ask('{ me { id } }', other)).codes).toEqual([]);
    expect(await subjectsOf('staff')).toEqual(['You were signed out everywhere']);
    expect(await eventsOf('user.end_sessions')).toEqual([{ target_id: id, outcome: 'succeeded' }]);
    expect((await signIn('staff')).__typename).toBe('SignedIn');
  });

  it('refuses the caller’s own account, and requires step-up', async () => {
    expect((await local.admin.ask(end, { id: await idOf('admin') })).codes).toEqual(['FORBIDDEN']);
    expect((await local.admin.ask(end, { id: 'x' })).codes).toEqual(['BAD_INPUT']);
    const strict = await aLocal();
    await strict.admin.see('{ me { id } }');
    strict.clock.turn(601);
    expect((await strict.admin.ask(end, { id: await idOf('staff') })).codes).toEqual(['STEP_UP_REQUIRED']);
  });
});

describe('removeSecondFactor', () => {
  const remove = 'mutation ($id: ID!) { removeSecondFactor(userId: $id) { username hasTotp } }';

  it('lets a user in who has lost phone and codes, ends the sessions and notifies the user', async () => {
    const before = await signIn('officer');
    await enrol(before);
    expect((await signIn('officer')).__typename).toBe('SecondFactorRequired');
    const id = await idOf('officer');
    expect((await local.admin.ask(remove, { id })).data).toEqual({ removeSecondFactor: { username: 'officer', hasTotp: false } });
    expect((await ask('{ me { id } }', before)).codes).toEqual(['UNAUTHENTICATED']);
    expect((await signIn('officer')).__typename).toBe('SignedIn');
    expect((await subjectsOf('officer')).at(-1)).toBe('Your second factor was removed');
    expect(await eventsOf('user.remove_second_factor')).toEqual([{ target_id: id, outcome: 'succeeded' }]);
    expect(await local.sql('select from backup_codes')).toEqual([]);
    expect((await local.admin.ask(remove, { id })).codes).toEqual(['CONFLICT']);
  });

  it('removes nothing if a second factor was never confirmed', async () => {
    const id = await idOf('member');
    await local.sql(
      `insert into totp_credentials (id, created_at, updated_at, user_id, sealed_seed, failed_attempts)
       values (gen_random_uuid(), now(), now(), $1, 'begun', 0)`,
      [id],
    );
    expect((await local.admin.ask(remove, { id })).codes).toEqual(['CONFLICT']);
    await local.sql('delete from totp_credentials where user_id = $1', [id]);
  });

  it('refuses the caller’s own account, and that of the owner, which needs the host', async () => {
    expect((await local.admin.ask(remove, { id: await idOf('admin') })).codes).toEqual(['FORBIDDEN']);
    const owner = await signIn('president');
    await enrol(owner);
    await local.sql(`update users set is_owner = true where username = 'president'`);
    expect((await local.admin.ask(remove, { id: await idOf('president') })).codes).toEqual(['CONFLICT']);
    const mailed: object[] = [];
    const mail = { enqueue: async (_: unknown, job: object) => void mailed.push(job) };
    const tools = { keyring: Keyring.parse(Keyring.generate()), mail, endSessions, now: local.clock.now };
    const em = () => local.database.orm.em.fork() as SqlEntityManager;
    await expect(removeSecondFactorOf({ em: em(), ...tools }, 'nobody')).rejects.toThrow('The user nobody does not exist.');
    await removeSecondFactorOf({ em: em(), ...tools }, 'PRESIDENT');
    await expect(removeSecondFactorOf({ em: em(), ...tools }, 'president')).rejects.toThrow('president has no second factor.');
    expect(mailed).toEqual([expect.objectContaining({ alert: 'second-factor-removed', userId: await idOf('president') })]);
    expect((await ask('{ me { id } }', owner)).codes).toEqual(['UNAUTHENTICATED']);
    expect((await signIn('president')).__typename).toBe('SignedIn');
  });
});

describe('a required second factor', () => {
  it('closes everything except its set-up, and says so at sign-in, on me and by a code', async () => {
    const strict = await aLocal({ environment: { REQUIRE_SECOND_FACTOR: 'admin,officer' } });
    const officer = await signIn('officer', strict);
    expect(officer.user).toEqual({ username: 'officer', mustEnrollSecondFactor: true });
    const codes = async (query: string) => (await ask(query, officer, {}, strict)).codes;
    for (const query of ['{ users { nodes { id } } }', '{ sessions { id } }', 'mutation { updateProfile(input: {}) { id } }'])
      expect(await codes(query)).toEqual(['SECOND_FACTOR_ENROLLMENT_REQUIRED']);
    expect((await ask('{ me { username mustEnrollSecondFactor } }', officer, {}, strict)).data['me']).toEqual(officer.user);
    strict.clock.turn(601);
    expect(await codes('mutation { beginTotp { secret } }')).toEqual(['STEP_UP_REQUIRED']);
    expect(await codes(`mutation { reauthenticate(input: { password: "${password}" }) }`)).toEqual([]);
    await enrol(officer, strict);
    expect(await codes('{ users { nodes { id } } }')).toEqual([]);
    expect((await ask('{ me { username mustEnrollSecondFactor } }', officer, {}, strict)).data['me']).toEqual({
      username: 'officer',
      mustEnrollSecondFactor: false,
    });
    const member = await signIn('member', strict);
    expect(member.user.mustEnrollSecondFactor).toBe(false);
    expect((await ask('{ grievances { totalCount } }', member, {}, strict)).codes).toEqual([]);
  });

  it('is hidden from other users', async () => {
    const { users } = await local.admin.see<{ users: { nodes: { username: string; mustEnrollSecondFactor: boolean | null }[] } }>(
      '{ users { nodes { username mustEnrollSecondFactor } } }',
    );
    for (const { username, mustEnrollSecondFactor } of users.nodes)
      expect([username, mustEnrollSecondFactor]).toEqual([username, username === 'admin' ? false : null]);
  });
});

describe('renewSession', () => {
  const renew = 'mutation ($input: ReauthenticateInput!) { renewSession(input: $input) { accessToken refreshToken user { username } } }';

  it('authenticates again, and returns a new access token with the existing refresh token', async () => {
    const signedIn = await signIn('instructor');
    local.clock.turn(601);
    expect((await ask('mutation { beginTotp { secret } }', signedIn)).codes).toEqual(['STEP_UP_REQUIRED']);
    expect((await ask(renew, signedIn, { input: { password: 'wrong' } })).codes).toEqual(['BAD_CREDENTIALS']);
    const { data } = await ask(renew, signedIn, { input: { password } });
    const renewed = data['renewSession'] as unknown as SignedIn;
    expect(renewed).toMatchObject({ refreshToken: signedIn.refreshToken, user: { username: 'instructor' } });
    expect(renewed.accessToken).not.toBe(signedIn.accessToken);
    for (const by of [renewed, signedIn]) expect((await ask('mutation { beginTotp { secret } }', by)).codes).toEqual([]);
  });
});
