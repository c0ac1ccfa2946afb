import { beforeAll, describe, expect, it } from '@jest/globals';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { issueLink, unlockByName, UserError, verifyByName } from '../src/services/user/host-commands.ts';
import { aLocal, type Local } from './support/local.ts';
import { call, choosePassword, done, Guest, Office, password, saidOf, trySignIn } from './user.kit.ts';

const many = '1000/900';
let local: Local;
let office: Office;

beforeAll(async () => {
  const limits = { LIMIT_MAIL_ADDRESS: many, LIMIT_MAIL_ACCOUNT: many, LIMIT_SIGN_IN: many, LIMIT_TOKEN: many };
  local = await aLocal({ environment: { ...limits, LOGIN_ATTEMPTS: '3' } });
  office = new Office(local);
});

const host = () => ({ em: local.database.orm.em.fork() as SqlEntityManager, tools: { keyring: local.keyring, now: local.clock.now } });
const lifetimes = { invitation: 7 * 86_400, reset: 1800 };

async function lockOut(username: string): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt++) await trySignIn(local, username, 'not the password');
}

describe('an identifier at sign-in', () => {
  it('may have white space around it', async () => {
    const { email } = await office.settle('staff');
    for (const typed of [`${email} `, `\t${email}\n`, ` ${email.toUpperCase()}`])
      expect((await trySignIn(local, typed, password)).codes).toEqual([]);
  });

  it('matches one mailbox, in any spelling of its domain', async () => {
    const input = office.newcomer();
    const spelled = (domain: string): string => `${input.username}@${domain}`;
    const { email } = await done(local.admin, 'createUser', { input: { ...input, email: spelled('bücher.example') } });
    expect(email).toBe(spelled('xn--bcher-kva.example'));
    for (const domain of ['BÜCHER.example', 'bu\u0308cher.example', 'xn--bcher-kva.example', 'XN--BCHER-KVA.EXAMPLE'])
      expect(saidOf(await call(local.admin, 'createUser', { input: { ...office.newcomer(), email: spelled(domain) } }))).toEqual([
        'input.email is taken',
      ]);
    await choosePassword(local, await local.mailedToken(email));
    expect((await trySignIn(local, spelled('BÜCHER.example'), password)).codes).toEqual([]);
  });

  it('matches one mailbox with a sign that is composed to a letter', async () => {
    const input = office.newcomer();
    await done(local.admin, 'createUser', { input: { ...input, email: `kelvin@${input.username}.example` } });
    const other = { ...office.newcomer(), email: `\u212aelvin@${input.username}.example` };
    expect(saidOf(await call(local.admin, 'createUser', { input: other }))).toEqual(['input.email is taken']);
  });

  it('matches no mailbox with a dot at its end', async () => {
    for (const domain of ['union.example.', 'b\u00fccher.example.', 'b\u00fccher.example\u3002'])
      expect(saidOf(await call(local.admin, 'createUser', { input: { ...office.newcomer(), email: `a@${domain}` } }))).toEqual([
        'input.email must be an e-mail address',
      ]);
  });

  it('finds its user in a list, in any spelling', async () => {
    const input = office.newcomer();
    const email = `${input.username}@b\u00fccher-${input.username}.example`;
    const { id } = await done(local.admin, 'createUser', { input: { ...input, email } });
    const query = 'query ($filter: UserFilter) { users(filter: $filter) { nodes { id } } }';
    for (const filter of [
      { email: { eq: email } },
      { email: { in: [email.toUpperCase(), 'nobody@union.example'] } },
      { username: { eq: ` ${input.username.toUpperCase()}` } },
    ]) {
      const { data } = await local.admin.ask<{ users: { nodes: unknown[] } }>(query, { filter });
      expect({ filter, nodes: data?.users.nodes }).toEqual({ filter, nodes: [{ id }] });
    }
  });

  it('can be a token that contains white space', async () => {
    const { email } = await done(local.admin, 'createUser', { input: office.newcomer() });
    const token = await local.mailedToken(email);
    expect((await choosePassword(local, ` ${token.slice(0, 60)}\r\n${token.slice(60)} `)).codes).toEqual([]);
  });
});

describe('a locked account', () => {
  const query = `query ($filter: UserFilter, $id: ID!) {
    users(filter: $filter, first: 100) { edges { node { id } } } user(id: $id) { lockedUntil failedLoginAttempts } }`;
  type Seen = { users: { edges: { node: { id: string } }[] }; user: { lockedUntil: string | null; failedLoginAttempts: number | null } };

  it('can be found and seen by admins, and not by its user or officers', async () => {
    const user = await office.settle('staff');
    const own = await Guest.signIn(local, user.username, password);
    const variables = { id: user.id, filter: { lockedUntil: { gte: local.clock.now().toISOString() } } };
    const before = await local.admin.see<Seen>(query, variables);
    expect(before.user).toEqual({ lockedUntil: null, failedLoginAttempts: 0 });
    expect(before.users.edges.map(({ node }) => node.id)).not.toContain(user.id);
    await lockOut(user.username);
    const seen = await local.admin.see<Seen>(query, variables);
    expect(seen.user.failedLoginAttempts).toBe(3);
    expect(Date.parse(seen.user.lockedUntil ?? '')).toBeGreaterThan(local.clock.now().valueOf());
    expect(seen.users.edges.map(({ node }) => node.id)).toContain(user.id);
    for (const asker of [own, await Guest.signIn(local, 'officer')]) {
      expect((await asker.ask<Seen>(query, { id: user.id })).data.user).toEqual({ lockedUntil: null, failedLoginAttempts: null });
      expect((await asker.ask(query, variables)).codes).toEqual(['BAD_INPUT']);
    }
  });
});

describe('an operator on the host', () => {
  it('issues the invitation that was mailed, and then a new one', async () => {
    const { email, username, id } = await done(local.admin, 'createUser', { input: office.newcomer() });
    const { em, tools } = host();
    const issued = await issueLink({ em, ...tools }, username.toUpperCase(), lifetimes);
    expect(issued).toMatchObject({ kind: 'invitation', token: await local.mailedToken(email) });
    await office.value(`update one_time_tokens set expires_at = now() - interval '1 minute' where user_id = $1`, id);
    const again = await issueLink({ em: host().em, ...tools }, username, lifetimes);
    expect(again.kind).toBe('invitation');
    expect(again.token).not.toBe(issued.token);
    expect((await choosePassword(local, issued.token)).codes).toEqual(['BAD_INPUT']);
    expect((await choosePassword(local, again.token)).codes).toEqual([]);
    expect(await office.events(id)).toContain('user.issue_link of User by nobody succeeded');
  });

  it('issues a reset for the owner', async () => {
    const { id, username: owner } = await office.settle('admin');
    await office.value('update users set is_owner = true where id = $1', id);
    const { em, tools } = host();
    const { kind, token, expiresAt } = await issueLink({ em, ...tools }, owner, lifetimes);
    expect([kind, expiresAt.valueOf() - local.clock.now().valueOf()]).toEqual(['password-reset', expect.any(Number)]);
    expect((await choosePassword(local, token, `${password} of the owner`)).codes).toEqual([]);
    expect((await trySignIn(local, owner, `${password} of the owner`)).codes).toEqual([]);
  });

  it('issues a reset that verifies no address, also if another account has the address', async () => {
    const other = await office.settle('staff');
    const { id, username } = await office.settle('staff');
    await office.value('update users set is_verified = false, is_email_claimed = true where id = $1', id);
    await office.value('update users set email = (select email from users where id = $2) where id = $1', id, other.id);
    const { token } = await issueLink({ em: host().em, ...host().tools }, username, lifetimes);
    expect((await choosePassword(local, token, `${password} printed`)).codes).toEqual([]);
    expect((await trySignIn(local, username, `${password} printed`)).codes).toEqual([]);
    expect(await office.value('select is_verified from users where id = $1', id)).toBe(false);
  });

  it('unlocks an account and verifies an address', async () => {
    const { username, id } = await office.settle('staff');
    await lockOut(username);
    expect((await trySignIn(local, username, password)).codes).toEqual(['BAD_CREDENTIALS']);
    await unlockByName({ em: host().em, ...host().tools }, username);
    expect((await trySignIn(local, username, password)).codes).toEqual([]);
    await office.value('update users set is_verified = false where id = $1', id);
    await verifyByName({ em: host().em, ...host().tools }, username);
    expect(await office.value('select is_verified from users where id = $1', id)).toBe(true);
    expect(await office.events(id)).toEqual(
      expect.arrayContaining(['user.unlock of User by nobody succeeded', 'user.verify of User by nobody succeeded']),
    );
  });

  it('gets a message about an unknown name or a deactivated user', async () => {
    const { em, tools } = host();
    await expect(unlockByName({ em, ...tools }, 'nobody.of.that.name')).rejects.toThrow(UserError);
    const { id, username } = await office.settle('staff');
    await done(local.admin, 'deactivateUser', { id });
    await expect(issueLink({ em: host().em, ...tools }, username, lifetimes)).rejects.toThrow('is deactivated');
  });
});
