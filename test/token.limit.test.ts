import { beforeAll, describe, expect, it } from '@jest/globals';
import { aLocal, type Local } from './support/local.ts';

const turns = 20;

/** A wrong token for each operation that accepts one from an anonymous caller, with the expected code. */
const wrong = {
  setup_owner: {
    query: 'mutation ($input: SetupOwnerInput!) { setupOwner(input: $input) { accessToken } }',
    variables: {
      input: {
        setupToken: `sut1.${'A'.repeat(43)}`,
        username: 'mallory',
        email: 'mallory@unionhall.test',
        password: 'a quiet river at dawn',
        firstName: 'Mallory',
        lastName: 'Hand',
      },
    },
    code: 'BAD_CREDENTIALS',
  },
  reset_password: {
    query: 'mutation { resetPassword(input: { token: "wrong", newPassword: "a quiet river at dawn" }) }',
    variables: {},
    code: 'BAD_INPUT',
  },
  verify_email: { query: 'mutation { verifyEmail(token: "wrong") }', variables: {}, code: 'BAD_INPUT' },
  refresh: { query: 'mutation { refresh(refreshToken: "wrong") { accessToken } }', variables: {}, code: 'UNAUTHENTICATED' },
} as const;

describe.each(Object.entries(wrong))('a wrong token: %s', (action, { query, variables, code }) => {
  let local: Local;
  beforeAll(async () => {
    local = await aLocal({ comparesExecutions: false, environment: { LIMIT_TOKEN: '20/300' } });
    local.clock.stop();
  });

  it('is refused several times from one address, then limited, and counted in the audit log', async () => {
    const codes: (string | undefined)[] = [];
    for (let n = 0; n < 30; n += 1) codes.push((await local.anonymous.ask(query, variables)).codes[0]);
    expect(codes).toEqual([...Array.from({ length: turns }, () => code), ...Array.from({ length: 10 }, () => 'RATE_LIMITED')]);
    expect(
      await local.sql('select reason, outcome, count, key, actor_id from denials where action = $1 order by reason', [action]),
    ).toEqual([
      { reason: 'rate_limited', outcome: 'denied', count: 10, key: '127.0.0.1', actor_id: null },
      { reason: 'wrong_token', outcome: 'failed', count: turns, key: '127.0.0.1', actor_id: null },
    ]);
  });
});

describe('a valid token', () => {
  const reset = 'mutation ($token: String!) { resetPassword(input: { token: $token, newPassword: "a quiet river at dawn" }) }';
  const weak = 'mutation ($token: String!) { resetPassword(input: { token: $token, newPassword: "password" }) }';
  const environment = { LIMIT_TOKEN: '2/300', LIMIT_MAIL_ACCOUNT: '1000/900', LIMIT_MAIL_ADDRESS: '1000/900' };

  it('takes no turn, also if the new password is refused, and none is left after many wrong tokens', async () => {
    const local = await aLocal({ comparesExecutions: false, environment });
    local.clock.stop();
    const mailed = async (): Promise<object> => {
      await local.anonymous.see('mutation { requestPasswordReset(email: "member@unionhall.test") }');
      return { token: await local.mailedToken('member@unionhall.test') };
    };
    for (let n = 0; n < 3; n += 1) {
      const token = await mailed();
      expect((await local.anonymous.ask(weak, token)).codes).toEqual(['BAD_INPUT']);
      expect((await local.anonymous.ask(reset, token)).codes).toEqual([]);
    }
    const last = await mailed();
    for (const code of ['BAD_INPUT', 'BAD_INPUT', 'RATE_LIMITED'])
      expect((await local.anonymous.ask(reset, { token: 'wrong' })).codes).toEqual([code]);
    expect((await local.anonymous.ask(reset, last)).codes).toEqual(['RATE_LIMITED']);
    local.clock.turn(300);
    expect((await local.anonymous.ask(reset, last)).codes).toEqual([]);
  });

  it('is not missing like a forged one: a browser without a cookie is refused without a turn', async () => {
    const local = await aLocal({ comparesExecutions: false, environment });
    local.clock.stop();
    for (let n = 0; n < 5; n += 1)
      expect((await local.anonymous.ask('mutation { refresh { accessToken } }')).codes).toEqual(['UNAUTHENTICATED']);
  });

  it('of a reset is accepted after outdated refresh tokens from the same address', async () => {
    const local = await aLocal({ comparesExecutions: false, environment });
    local.clock.stop();
    await local.anonymous.see('mutation { requestPasswordReset(email: "member@unionhall.test") }');
    const token = await local.mailedToken('member@unionhall.test');
    for (const code of ['UNAUTHENTICATED', 'UNAUTHENTICATED', 'RATE_LIMITED'])
      expect((await local.anonymous.ask(wrong.refresh.query)).codes).toEqual([code]);
    expect((await local.anonymous.ask(reset, { token })).codes).toEqual([]);
  });
});
