import { beforeAll, describe, expect, it } from '@jest/globals';
import { aLocal, type Local } from './support/local.ts';
import { choosePassword, done, Office, password, type Told } from './user.kit.ts';

const week = 7 * 86_400;
const many = '1000/900';
let local: Local;
let office: Office;

beforeAll(async () => {
  local = await aLocal({ environment: { LIMIT_MAIL_ADDRESS: many, LIMIT_MAIL_ACCOUNT: many, LIMIT_SIGN_IN: many } });
  office = new Office(local);
});

const invite = (): Promise<Told> => done(local.admin, 'createUser', { input: office.newcomer() });
const askForReset = (email: string) => local.anonymous.see(`mutation { requestPasswordReset(email: "${email}") }`);
const subjects = async (email: string): Promise<string[]> => (await local.mailbox(email)).map(({ subject }) => subject);
const invitation = 'Choose a password for your Unionhall account';

describe('an invitation', () => {
  it('keeps its token and its expiry when a reset is requested meanwhile', async () => {
    const { id, email } = await invite();
    const token = await local.mailedToken(email);
    const until = () => office.value<Date>('select expires_at from one_time_tokens where user_id = $1', id);
    const term = await until();
    for (let asked = 0; asked < 3; asked++) await askForReset(email);
    expect(await until()).toEqual(term);
    expect(await local.mailedToken(email)).toBe(token);
    expect(await subjects(email)).toEqual([invitation, invitation, invitation, invitation]);
    expect((await choosePassword(local, token)).codes).toEqual([]);
  });

  it('works until it expires, and not longer, after a requested reset', async () => {
    const other = await aLocal();
    other.clock.stop();
    const { email } = await done(other.admin, 'createUser', { input: new Office(other).newcomer() });
    const token = await other.mailedToken(email);
    await other.anonymous.see(`mutation { requestPasswordReset(email: "${email}") }`);
    other.clock.turn(week - 10);
    await other.anonymous.see(`mutation { requestPasswordReset(email: "${email}") }`);
    other.clock.turn(11);
    expect((await choosePassword(other, token)).codes).toEqual(['BAD_INPUT']);
    await other.anonymous.see(`mutation { requestPasswordReset(email: "${email}") }`);
    expect((await choosePassword(other, await other.mailedToken(email))).codes).toEqual([]);
  });

  it('does not return after it was accepted: a reset has another token', async () => {
    const { email } = await invite();
    const token = await local.mailedToken(email);
    await choosePassword(local, token);
    await askForReset(email);
    const reset = await local.mailedToken(email);
    expect((await choosePassword(local, token, `${password} again`)).codes).toEqual(['BAD_INPUT']);
    expect((await choosePassword(local, reset, `${password} again`)).codes).toEqual([]);
  });

  it('causes no mail about a changed password when it is accepted, but a later reset does', async () => {
    const { email } = await invite();
    await choosePassword(local, await local.mailedToken(email));
    expect(await subjects(email)).toEqual([invitation]);
    await askForReset(email);
    await choosePassword(local, await local.mailedToken(email), `${password} again`);
    expect(await subjects(email)).toEqual([invitation, 'Reset your password', 'Your password was changed']);
  });
});
