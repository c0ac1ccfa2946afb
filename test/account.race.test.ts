import { beforeAll, describe, expect, it } from '@jest/globals';
import { aLocal, type Answer, type Local } from './support/local.ts';

// Runs on a server, because the embedded database has one connection and so no races.
const old = 'unionhall-dev';
const parallel = 16;
const many = '1000/900';
const password = (round: number, place = 0): string => `a quiet river ${round}-${place}`;
const atOnce = <T>(work: (place: number) => Promise<T>, count = parallel): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, place) => work(place)));
/** Returns the number of answers without errors. All others must have this code. */
function winners(answers: readonly Answer<unknown>[], code: string): number {
  const lost = answers.filter(({ codes }) => codes.length > 0);
  expect(lost.flatMap(({ codes }) => codes)).toEqual(lost.map(() => code));
  return answers.length - lost.length;
}

let local: Local;
beforeAll(async () => {
  local = await aLocal({
    engine: 'postgresql',
    comparesExecutions: false,
    environment: { REGISTRATION: 'open', LIMIT_REGISTER: many, LIMIT_MAIL_ACCOUNT: many, LIMIT_MAIL_ADDRESS: many },
  });
});

const login = (identifier: string, given: string) =>
  local.anonymous.ask<{ login: { accessToken: string } }>(
    'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken } } }',
    { input: { identifier, password: given } },
  );
const count = async (sql: string, ...params: unknown[]): Promise<number> =>
  Number((await local.sql(`select count(*)::int as n from ${sql}`, params))[0]?.['n']);
const applicant = (username: string, email: string) => ({ username, email, password: password(0), firstName: 'Nora', lastName: 'Hand' });

describe('of many concurrent attempts', () => {
  it('one uses a reset token, and its password is set', async () => {
    for (let round = 0; round < 4; round += 1) {
      await local.anonymous.see('mutation { requestPasswordReset(email: "staff@unionhall.test") }');
      const token = await local.mailedToken('staff@unionhall.test');
      const query = 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) }';
      const answers = await atOnce((place) => local.anonymous.ask(query, { input: { token, newPassword: password(round, place) } }));
      expect(winners(answers, 'BAD_INPUT')).toBe(1);
      const place = answers.findIndex(({ codes }) => codes.length === 0);
      expect((await login('staff', password(round, place))).codes).toEqual([]);
    }
    expect(await count(`audit_events where action = 'reset_password'`)).toBe(4);
  });

  it('one uses a verification token', async () => {
    for (let round = 0; round < 4; round += 1) {
      await local.sql(`update users set is_verified = false where username = 'officer'`);
      await local.officer.see('mutation { requestEmailVerification }');
      const token = await local.mailedToken('officer@unionhall.test');
      const answers = await atOnce(() => local.anonymous.ask('mutation ($token: String!) { verifyEmail(token: $token) }', { token }));
      expect(winners(answers, 'BAD_INPUT')).toBe(1);
    }
    expect(await count(`audit_events where action = 'verify_email'`)).toBe(4);
  });

  it('only the last requested reset works', async () => {
    await atOnce(() => local.anonymous.see('mutation { requestPasswordReset(email: "vp@unionhall.test") }'));
    expect(await count(`one_time_tokens t join users u on u.id = t.user_id where u.username = 'vp' and t.used_at is null`)).toBe(1);
    expect(await local.mailbox('vp@unionhall.test')).toHaveLength(1);
  });

  it('one gets a username, and each claimed address is verified for one account', async () => {
    const query = 'mutation ($input: RegisterInput!) { register(input: $input) }';
    const named = await atOnce((place) => local.anonymous.ask(query, { input: applicant('Same.Name', `hand${place}@site.test`) }), 8);
    expect(winners(named, 'BAD_INPUT')).toBe(1);
    const email = 'shared@site.test';
    const claims = await atOnce((place) => local.anonymous.ask(query, { input: applicant(`claimant${place}`, email) }), 8);
    expect(winners(claims, 'BAD_INPUT')).toBe(8);
    const tokens = (await local.mailbox(email)).map(({ token }) => token);
    expect(tokens).toHaveLength(8);
    const verified = await atOnce(
      (place) => local.anonymous.ask('mutation ($token: String!) { verifyEmail(token: $token) }', { token: tokens[place] }),
      8,
    );
    expect(winners(verified, 'BAD_INPUT')).toBe(1);
    expect(await count('users where email = $1 and is_verified', email)).toBe(1);
  });

  it('one changes a password, from one or several sessions', async () => {
    const query = `mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken refreshToken } }`;
    let current = old;
    for (let round = 0; round < 4; round += 1) {
      const devices: string[] = [];
      for (let place = 0; place < 2 + 2 * (round % 2); place += 1) devices.push((await login('manager', current)).data.login.accessToken);
      const answers = await atOnce(
        (place) =>
          local.anonymous.ask(
            query,
            { input: { currentPassword: current, newPassword: password(round, place) } },
            { authorization: `Bearer ${devices[round < 2 ? 0 : place % devices.length]}` },
          ),
        4,
      );
      // If another change has ended the session, its password is not checked.
      for (const { codes } of answers) expect([[], ['BAD_CREDENTIALS'], ['UNAUTHENTICATED']]).toContainEqual(codes);
      expect(answers.filter(({ codes }) => codes.length === 0)).toHaveLength(1);
      current = password(
        round,
        answers.findIndex(({ codes }) => codes.length === 0),
      );
      expect((await login('manager', current)).codes).toEqual([]);
      expect(await count(`sessions s join users u on u.id = s.user_id where u.username = 'manager' and s.ended_at is null`)).toBe(2);
      await local.sql(
        `update sessions set ended_at = now(), end_reason = 'logout' where ended_at is null and user_id = (select id from users where username = 'manager')`,
      );
    }
  });

  it('one becomes the owner', async () => {
    const query = 'mutation ($input: SetupOwnerInput!) { setupOwner(input: $input) { accessToken user { isOwner } } }';
    const setupToken = local.service.setupToken;
    const answers = await atOnce((place) =>
      local.anonymous.ask(query, { input: { ...applicant(`founder${place}`, `founder${place}@site.test`), setupToken } }),
    );
    expect(winners(answers, 'CONFLICT')).toBe(1);
    expect(await count('users where is_owner')).toBe(1);
    expect(await count(`users where username like 'founder%'`)).toBe(1);
  });
});

describe('of two concurrent operations', () => {
  const verify = (token: string) => local.anonymous.ask('mutation ($token: String!) { verifyEmail(token: $token) }', { token });
  const changeEmail = (email: string) => local.officer.ask('mutation ($email: String!) { changeEmail(email: $email) { id } }', { email });

  it('a token for the previous address does not verify another one', async () => {
    for (let round = 0; round < 8; round += 1) {
      const [from, to] = [`from${round}@site.test`, `to${round}@site.test`];
      await local.sql(`update users set email = $1, is_verified = false where username = 'officer'`, [from]);
      await local.officer.see('mutation { requestEmailVerification }');
      const token = await local.mailedToken(from);
      const [verified, changed] = await Promise.all([verify(token), changeEmail(to)]);
      expect(changed.codes).toEqual([]);
      expect([[], ['BAD_INPUT']]).toContainEqual(verified.codes);
      expect(await local.sql(`select email, is_verified from users where username = 'officer'`)).toEqual([
        { email: to, is_verified: false },
      ]);
      expect((await verify(await local.mailedToken(to))).codes).toEqual([]);
    }
  });

  it('either the change or the reset of a password succeeds, and its password is set', async () => {
    const change = 'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }';
    const reset = 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) }';
    let current = old;
    for (let round = 0; round < 8; round += 1) {
      const { accessToken } = (await login('president', current)).data.login;
      await local.anonymous.see('mutation { requestPasswordReset(email: "president@unionhall.test") }');
      const token = await local.mailedToken('president@unionhall.test');
      const wanted = [password(round, 100), password(round, 101)] as const;
      const answers = await Promise.all([
        local.anonymous.ask(
          change,
          { input: { currentPassword: current, newPassword: wanted[0] } },
          { authorization: `Bearer ${accessToken}` },
        ),
        local.anonymous.ask(reset, { input: { token, newPassword: wanted[1] } }),
      ]);
      const [changed, wasReset] = answers.map(({ codes }) => codes);
      if (changed?.length === 0) expect(wasReset).toEqual(['BAD_INPUT']);
      else expect([wasReset, changed]).toEqual([[], [expect.stringMatching(/^(BAD_CREDENTIALS|UNAUTHENTICATED)$/)]]);
      const done = changed?.length === 0 ? 0 : 1;
      expect((await login('president', wanted[1 - done] ?? '')).codes).toEqual(['BAD_CREDENTIALS']);
      expect((await login('president', wanted[done])).codes).toEqual([]);
      current = wanted[done];
    }
  });
});
