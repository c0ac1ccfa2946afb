import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { aLocal, type Local } from './support/local.ts';
import {
  call,
  choosePassword,
  done,
  Guest,
  nobody,
  Office,
  password,
  saidOf,
  seededPassword,
  trySignIn,
  type Call,
  type Told,
} from './user.kit.ts';

const many = '1000/900';
let local: Local;
let office: Office;

beforeAll(async () => {
  local = await aLocal({ environment: { REGISTRATION: 'open', LIMIT_MAIL_ADDRESS: many, LIMIT_MAIL_ACCOUNT: many, LIMIT_REGISTER: many } });
  office = new Office(local);
});

/** A member record without a linked user. */
const freeMember = () =>
  office.value<string>(
    'select id from members m where deleted_at is null and not exists (select 1 from users where member_id = m.id) order by id limit 1',
  );

/** The message about a whole request, before its parts are checked. */
const noNul = 'variables must not contain the character U+0000';

describe('createUser', () => {
  it('creates an account with roles and a member record, and records who assigned them', async () => {
    const [roleIds, memberId] = [[await office.roleId('officer'), await office.roleId('staff')], await freeMember()];
    const input = office.newcomer({ roleIds, memberId, firstName: '  Zoë ', lastName: "O'Hare" });
    const { id, roles, ...said } = await done(local.admin, 'createUser', { input });
    expect(said).toEqual({
      username: input.username,
      email: input.email,
      firstName: 'Zoë',
      lastName: "O'Hare",
      isActive: true,
      isVerified: false,
      isOwner: false,
      deletedAt: null,
      member: { id: memberId },
    });
    expect(
      roles.map(({ role, assignedBy, expiresAt, reviewLevels }) => [role.name, assignedBy?.fullName, expiresAt, reviewLevels]).sort(),
    ).toEqual([
      ['officer', 'Ruth Calloway', null, []],
      ['staff', 'Ruth Calloway', null, []],
    ]);
    expect(await office.events(id)).toEqual(['user.create of User by admin succeeded']);
    for (const roleId of roleIds) expect(await office.events(roleId)).toContain('role.assign of Role by admin succeeded');
  });

  it('mails an invitation, whose token sets the first password once', async () => {
    const user = await done(local.admin, 'createUser', { input: office.newcomer({ roleIds: [await office.roleId('staff')] }) });
    const [letter, ...others] = await local.mailbox(user.email);
    expect(others).toEqual([]);
    expect(letter).toMatchObject({ subject: 'Choose a password for your Unionhall account' });
    expect(letter?.text).toContain(`https://union.example/accept-invitation?token=`);
    const token = letter?.token ?? '';
    expect((await choosePassword(local, token, user.username)).codes).toEqual(['BAD_INPUT']);
    expect((await choosePassword(local, token)).codes).toEqual([]);
    expect((await choosePassword(local, token, `${password} again`)).codes).toEqual(['BAD_INPUT']);
    const guest = await Guest.signIn(local, user.username, password);
    const { data } = await guest.ask<{ me: { isVerified: boolean; passwordMustChange: boolean } }>(
      '{ me { isVerified passwordMustChange } }',
    );
    expect(data.me).toEqual({ isVerified: true, passwordMustChange: false });
    expect(await guest.refusals('{ grievances { totalCount } }')).toEqual([]);
  });

  it('works as docs/identity.md shows', async () => {
    const page = await readFile('docs/identity.md', 'utf8');
    const [, pasted = ''] = /## Users and roles[^]*?```graphql\n([^]*?)```/.exec(page) ?? [];
    const { createUser } = await local.admin.see<{ createUser: Told }>(pasted);
    const roles = [{ role: { name: 'officer' }, assignedBy: { fullName: 'Ruth Calloway' }, expiresAt: '2030-01-04T22:00:00.000Z' }];
    expect(createUser).toMatchObject({ roles });
    expect(await local.mailedToken('dana.reyes@local.example')).toMatch(/^prt1\./);
  });

  it('allows no sign-in before that, with any password', async () => {
    const user = await done(local.admin, 'createUser', { input: office.newcomer() });
    const stored = await office.value<string>('select password_hash from users where id = $1', user.id);
    for (const guess of [stored, 'none', 'null', user.username, seededPassword, ' ', `pepper-v1:k1:${stored}`])
      expect([guess, (await trySignIn(local, user.username, guess)).codes]).toEqual([guess, ['BAD_CREDENTIALS']]);
    expect(await office.count('sessions where user_id = $1', user.id)).toBe(0);
  });

  it('lets an invitation work for the configured time, and a reset after it', async () => {
    const other = await aLocal({ environment: { INVITATION_TTL: '3600' } });
    other.clock.stop();
    const elsewhere = new Office(other);
    const [early, late] = [
      await done(other.admin, 'createUser', { input: elsewhere.newcomer() }),
      await done(other.admin, 'createUser', { input: elsewhere.newcomer() }),
    ];
    other.clock.turn(3590);
    expect((await choosePassword(other, await other.mailedToken(early.email))).codes).toEqual([]);
    const token = await other.mailedToken(late.email);
    other.clock.turn(11);
    expect((await choosePassword(other, token)).codes).toEqual(['BAD_INPUT']);
    await other.anonymous.see(`mutation { requestPasswordReset(email: "${late.email}") }`);
    expect((await choosePassword(other, await other.mailedToken(late.email))).codes).toEqual([]);
    expect((await trySignIn(other, late.username, password)).codes).toEqual([]);
  });

  it('assigns roles until their expiry, and not longer', async () => {
    const other = await aLocal();
    other.clock.stop();
    const elsewhere = new Office(other);
    const rolesExpireAt = new Date(other.clock.now().valueOf() + 60_000).toISOString();
    const input = elsewhere.newcomer({ roleIds: [await elsewhere.roleId('officer')], rolesExpireAt });
    const user = await done(other.admin, 'createUser', { input });
    expect(user.roles.map(({ expiresAt }) => expiresAt)).toEqual([rolesExpireAt]);
    await choosePassword(other, await other.mailedToken(user.email));
    const guest = await Guest.signIn(other, user.email, password);
    expect(await guest.refusals()).toEqual([]);
    other.clock.turn(61);
    expect(await guest.refusals()).toEqual(['FORBIDDEN']);
    expect(await guest.refusals('{ me { id } }')).toEqual([]);
  });

  it('accepts an address that another account only claims, and voids the claim', async () => {
    const input = office.newcomer();
    const { roleIds, ...claimed } = office.newcomer({ email: input.email.toUpperCase() });
    await local.anonymous.see('mutation ($input: RegisterInput!) { register(input: $input) }', { input: { ...claimed, password } });
    const token = await local.mailedToken(input.email);
    await done(local.admin, 'createUser', { input });
    expect((await local.anonymous.ask('mutation ($token: String!) { verifyEmail(token: $token) }', { token })).codes).toEqual([
      'BAD_INPUT',
    ]);
    const claim = await office.userId(claimed.username);
    expect((await call(local.admin, 'verifyUser', { id: claim })).codes).toEqual(['CONFLICT']);
    expect(await office.events(claim)).toEqual(['register of User by ' + claimed.username + ' succeeded']);
    expect(roleIds).toEqual([]);
  });

  const longer = (length: number) => 'x'.repeat(length);
  it.each<[string, object, string[]]>([
    [
      'a username of one letter',
      { username: 'x' },
      ['input.username must have 2 to 50 characters: unaccented letters, digits, ".", "_" and "-"'],
    ],
    ['a username of 51 letters', { username: longer(51) }, ['input.username must have at most 50 characters']],
    [
      'a username with a blank',
      { username: 'no ra' },
      ['input.username must have 2 to 50 characters: unaccented letters, digits, ".", "_" and "-"'],
    ],
    ['an empty username', { username: ' ' }, ['input.username must not be empty']],
    ['a username with a NUL', { username: 'no\0ra' }, [noNul]],
    ['an address that is none', { email: 'nora' }, ['input.email must be an e-mail address']],
    ['an address with a second one', { email: 'a@b.test,c@d.test' }, ['input.email must be an e-mail address']],
    ['an address with a header', { email: 'a@b.test\r\nBcc: c@d.test' }, ['input.email must be an e-mail address']],
    ['an address that is too long', { email: `${longer(60)}@${longer(200)}` }, ['input.email must have at most 254 characters']],
    ['a name of nothing', { firstName: '' }, ['input.firstName must not be empty']],
    ['a name with a NUL', { lastName: 'Ha\0nd' }, [noNul]],
    ['a name with half a character', { lastName: 'Ha\ud800' }, ['input.lastName must not contain NUL or invalid Unicode characters']],
    ['a name of two lines', { lastName: 'Ha\nnd' }, ['input.lastName must have 1 to 100 characters']],
    ['a name of 101 characters', { firstName: longer(101) }, ['input.firstName must have at most 100 characters']],
    ['a role id that is none', { roleIds: ['officer'] }, ['input.roleIds[0] must be a UUID']],
    ['a role id with a NUL', { roleIds: [`${nobody}\0`] }, [noNul]],
    ['a role named twice', { roleIds: [nobody, nobody.toUpperCase()] }, ['input.roleIds must not list a role twice']],
    ['too many roles', { roleIds: Array(21).fill(nobody) }, ['input.roleIds must have at most 20 ids']],
    ['a member id that is none', { memberId: '1' }, ['input.memberId must be a UUID']],
    ['an end that is past', { rolesExpireAt: '2020-01-01T00:00:00Z' }, ['input.rolesExpireAt must be in the future']],
    ['a username that is taken', { username: 'Officer' }, ['input.username is taken']],
    ['an address that is taken', { email: 'OFFICER@unionhall.TEST' }, ['input.email is taken']],
    [
      'all that is wrong at once',
      { username: '', email: 'x', firstName: ' ', roleIds: ['1'], memberId: '', rolesExpireAt: '0001-01-01T00:00:00Z' },
      [
        'input.username must not be empty',
        'input.firstName must not be empty',
        'input.email must be an e-mail address',
        'input.roleIds[0] must be a UUID',
        'input.memberId must be a UUID',
        'input.rolesExpireAt must be in the future',
      ],
    ],
    [
      'all that is taken at once',
      { username: 'officer', email: 'staff@unionhall.test' },
      ['input.username is taken', 'input.email is taken'],
    ],
  ])('refuses %s', async (_, changes, fields) => {
    const before = await office.count('users');
    const answer = await call(local.admin, 'createUser', { input: office.newcomer(changes) });
    expect([answer.codes, saidOf(answer)]).toEqual([['BAD_INPUT'], fields]);
    expect(await office.count('users')).toBe(before);
  });

  it('refuses a member record that another user is linked to, and one that does not exist', async () => {
    const linked = await office.value<string>(`select member_id from users where username = 'member'`);
    const taken = await call(local.admin, 'createUser', { input: office.newcomer({ memberId: linked.toUpperCase() }) });
    expect([taken.codes, saidOf(taken)]).toEqual([['BAD_INPUT'], ['input.memberId is taken']]);
    expect((await call(local.admin, 'createUser', { input: office.newcomer({ memberId: nobody }) })).codes).toEqual(['NOT_FOUND']);
    const [gone] = await local.sql(
      `update members set deleted_at = now() where id = (select id from members m where not exists (select 1 from users where member_id = m.id)
       order by id desc limit 1) returning id`,
      [],
    );
    expect((await call(local.admin, 'createUser', { input: office.newcomer({ memberId: gone?.['id'] }) })).codes).toEqual(['NOT_FOUND']);
  });

  it('gives the address and the member record of a deleted user to a new account, and never the username', async () => {
    const free = await freeMember();
    const former = await done(local.admin, 'createUser', { input: office.newcomer({ memberId: free }) });
    await done(local.admin, 'deleteUser', { id: former.id });
    const again = { ...office.newcomer({ memberId: free }), email: former.email.toUpperCase() };
    expect(saidOf(await call(local.admin, 'createUser', { input: { ...again, username: former.username } }))).toEqual([
      'input.username is taken',
    ]);
    const { id } = await done(local.admin, 'createUser', { input: again });
    expect(await office.value('select member_id from users where id = $1', id)).toBe(free);
    expect((await choosePassword(local, await local.mailedToken(former.email))).codes).toEqual([]);
    expect(saidOf(await call(local.admin, 'createUser', { input: { ...again, username: 'a.third' } }))).toEqual([
      'input.email is taken',
      'input.memberId is taken',
    ]);
  });

  it('refuses a role that does not exist, and stores nothing', async () => {
    const input = office.newcomer({ roleIds: [await office.roleId('staff'), nobody] });
    const jobs = await office.count(`pgboss.job where name = 'mail'`);
    expect((await call(local.admin, 'createUser', { input })).codes).toEqual(['NOT_FOUND']);
    expect(await office.count('users where username = $1', input.username)).toBe(0);
    expect(await office.count(`pgboss.job where name = 'mail'`)).toBe(jobs);
  });

  it.each(['isOwner', 'isVerified', 'isActive', 'passwordHash', 'password', 'id', 'isSelfRegistered', 'failedLoginAttempts', 'roles'])(
    'refuses %s for its length',
    async (name) => {
      for (const operation of ['createUser', 'updateUser'] as const) {
        const answer = await call(local.admin, operation, {
          id: nobody,
          input: { ...(operation === 'createUser' && office.newcomer()), [name]: true },
        });
        expect([operation, answer.codes]).toEqual([operation, ['BAD_INPUT']]);
      }
    },
  );
});

describe('updateUser', () => {
  it('changes submitted fields and keeps the rest', async () => {
    const [user, memberId] = [await office.settle('member'), await freeMember()];
    const changed = await done(local.admin, 'updateUser', { id: user.id.toUpperCase(), input: { firstName: ' Mara ', memberId } });
    expect(changed).toMatchObject({
      firstName: 'Mara',
      lastName: 'Hand',
      username: user.username,
      email: user.email,
      isVerified: true,
      member: { id: memberId },
    });
    const cleared = await done(local.admin, 'updateUser', { id: user.id, input: { memberId: null, lastName: 'Voss' } });
    expect(cleared).toMatchObject({ firstName: 'Mara', lastName: 'Voss', member: null });
    expect((await done(local.admin, 'updateUser', { id: user.id, input: {} })).lastName).toBe('Voss');
    expect(await office.events(user.id)).toContain('user.update of User by admin succeeded');
  });

  it('takes effect at the next request: the user sees their own cases, and after unlinking none', async () => {
    const user = await office.settle('member');
    const guest = await Guest.signIn(local, user.username, password);
    const cases = async () => (await guest.ask<{ members: { totalCount: number } }>('{ members { totalCount } }')).data.members.totalCount;
    expect(await cases()).toBe(0);
    await done(local.admin, 'updateUser', { id: user.id, input: { memberId: await freeMember() } });
    expect(await cases()).toBe(1);
    await done(local.admin, 'updateUser', { id: user.id, input: { memberId: null } });
    expect(await cases()).toBe(0);
  });

  it('stores a new address as unverified, mails it a token, and notifies the previous one', async () => {
    const user = await office.settle('staff');
    const email = `new.${user.email}`;
    const before = (await local.mailbox(user.email)).length;
    expect(await done(local.admin, 'updateUser', { id: user.id, input: { email } })).toMatchObject({ email, isVerified: false });
    const letters = (await local.mailbox(user.email)).slice(before);
    expect(letters.map(({ subject, token }) => [subject, token])).toEqual([['Your e-mail address was changed', '']]);
    const token = await local.mailedToken(email);
    expect((await local.anonymous.ask('mutation ($token: String!) { verifyEmail(token: $token) }', { token })).codes).toEqual([]);
    expect(await office.value('select is_verified from users where id = $1', user.id)).toBe(true);
    expect((await done(local.admin, 'updateUser', { id: user.id, input: { email: email.toUpperCase() } })).isVerified).toBe(true);
    expect(await local.mailbox(email)).toHaveLength(1);
  });

  it('voids a reset that was mailed to the previous address', async () => {
    const user = await office.settle('staff');
    await local.anonymous.see(`mutation { requestPasswordReset(email: "${user.email}") }`);
    const token = await local.mailedToken(user.email);
    await done(local.admin, 'updateUser', { id: user.id, input: { email: `new.${user.email}` } });
    expect((await choosePassword(local, token)).codes).toEqual(['BAD_INPUT']);
  });

  it('sends the invitation to the new address, and voids the earlier one', async () => {
    const user = await done(local.admin, 'createUser', { input: office.newcomer() });
    const email = `right.${user.email}`;
    const first = await local.mailedToken(user.email);
    await done(local.admin, 'updateUser', { id: user.id, input: { email } });
    expect((await choosePassword(local, first)).codes).toEqual(['BAD_INPUT']);
    expect((await local.mailbox(email)).map(({ subject }) => subject)).toEqual(['Choose a password for your Unionhall account']);
    expect((await choosePassword(local, await local.mailedToken(email))).codes).toEqual([]);
    expect(await local.mailbox(user.email)).toHaveLength(1);
  });

  it('notifies the user of a new username', async () => {
    const user = await office.settle('staff');
    await done(local.admin, 'updateUser', { id: user.id, input: { username: `${user.username}.new` } });
    const letter = (await local.mailbox(user.email)).at(-1);
    expect(letter).toMatchObject({ subject: 'Your username was changed', token: '' });
    expect(letter?.text).toContain(`"${user.username}.new"`);
    expect((await trySignIn(local, `${user.username}.new`, password)).codes).toEqual([]);
  });

  it.each<[string, object, string[]]>([
    [
      'null for what is required',
      { username: null, email: null, firstName: null, lastName: null },
      [
        'input.username must not be null',
        'input.email must not be null',
        'input.firstName must not be null',
        'input.lastName must not be null',
      ],
    ],
    ['a username that is taken', { username: 'STAFF' }, ['input.username is taken']],
    ['an address that is taken', { email: 'Staff@Unionhall.test' }, ['input.email is taken']],
    ['a member id that is none', { memberId: 'm' }, ['input.memberId must be a UUID']],
    ['a NUL', { firstName: '\0' }, [noNul]],
  ])('refuses %s', async (_, input, fields) => {
    const answer = await call(local.admin, 'updateUser', { id: await office.userId('vp'), input });
    expect([answer.codes, saidOf(answer)]).toEqual([['BAD_INPUT'], fields]);
  });

  it('refuses a member record that does not exist, and changes nothing', async () => {
    const id = await office.userId('vp');
    expect((await call(local.admin, 'updateUser', { id, input: { firstName: 'Other', memberId: nobody } })).codes).toEqual(['NOT_FOUND']);
    expect(await office.value('select first_name from users where id = $1', id)).toBe('Samuel');
  });

  it('lets an admin link their own account once, so that no admin unlinks it to decide their own case', async () => {
    const [id, memberId] = [await office.userId('admin'), await freeMember()];
    expect((await done(local.admin, 'updateUser', { id, input: { memberId } })).member).toEqual({ id: memberId });
    expect((await done(local.admin, 'updateUser', { id, input: { memberId: memberId.toUpperCase() } })).member).toEqual({ id: memberId });
    for (const other of [null, await freeMember()])
      expect((await call(local.admin, 'updateUser', { id, input: { memberId: other } })).codes).toEqual(['FORBIDDEN']);
    expect(await office.value('select member_id from users where id = $1', id)).toBe(memberId);
  });
});

describe('verifyUser', () => {
  it('verifies an address manually, which activates a registered account', async () => {
    const { roleIds, ...input } = office.newcomer();
    expect(roleIds).toEqual([]);
    await local.anonymous.see('mutation ($input: RegisterInput!) { register(input: $input) }', { input: { ...input, password } });
    const guest = await Guest.signIn(local, input.username, password);
    expect(await guest.refusals()).toEqual(['FORBIDDEN']);
    const id = await office.userId(input.username);
    expect((await done(local.admin, 'verifyUser', { id })).isVerified).toBe(true);
    expect(await guest.refusals()).toEqual([]);
    expect(await office.events(id)).toContain('user.verify of User by admin succeeded');
  });
});

describe('deactivateUser', () => {
  it('blocks a user in all sessions at the next request, and locks the vault', async () => {
    const user = await office.settle('officer');
    const [one, other] = [await Guest.signIn(local, user.username, password), await Guest.signIn(local, user.email, password)];
    await openVault(user.id);
    expect((await done(local.admin, 'deactivateUser', { id: user.id })).isActive).toBe(false);
    for (const guest of [one, other]) expect(await guest.refusals('{ me { id } }')).toEqual(['UNAUTHENTICATED']);
    expect((await trySignIn(local, user.username, password)).codes).toEqual(['BAD_CREDENTIALS']);
    expect(await vaultSessions(user.id)).toBe(0);
    expect(await office.count(`sessions where user_id = $1 and end_reason is distinct from 'user_disabled'`, user.id)).toBe(0);
    expect(await office.events(user.id)).toContain('user.deactivate of User by admin succeeded');
  });

  it('voids mailed tokens, also after the account is active again', async () => {
    const user = await office.settle('staff');
    await local.anonymous.see(`mutation { requestPasswordReset(email: "${user.email}") }`);
    const token = await local.mailedToken(user.email);
    await done(local.admin, 'deactivateUser', { id: user.id });
    expect((await choosePassword(local, token)).codes).toEqual(['BAD_INPUT']);
    expect((await done(local.admin, 'reactivateUser', { id: user.id })).isActive).toBe(true);
    expect((await choosePassword(local, token)).codes).toEqual(['BAD_INPUT']);
    expect((await trySignIn(local, user.username, password)).codes).toEqual([]);
    expect(await office.events(user.id)).toContain('user.reactivate of User by admin succeeded');
  });

  it('can be undone for an invited user, and the invitation is mailed again', async () => {
    const user = await done(local.admin, 'createUser', { input: office.newcomer() });
    const first = await local.mailedToken(user.email);
    await done(local.admin, 'deactivateUser', { id: user.id });
    await done(local.admin, 'reactivateUser', { id: user.id });
    expect((await choosePassword(local, first)).codes).toEqual(['BAD_INPUT']);
    expect((await choosePassword(local, await local.mailedToken(user.email))).codes).toEqual([]);
  });

  it('cannot be undone while the member of the account is deleted', async () => {
    const { createMember } = await local.staff.see<{ createMember: { id: string } }>(
      'mutation ($input: CreateMemberInput!) { createMember(input: $input) { id } }',
      { input: { memberNumber: 'GONE1', firstName: 'Ola', lastName: 'Berg', classification: 'FOREMAN' } },
    );
    const user = await office.settle('staff');
    await done(local.admin, 'updateUser', { id: user.id, input: { memberId: createMember.id } });
    await done(local.admin, 'deactivateUser', { id: user.id });
    await local.staff.see('mutation ($id: ID!) { deleteMember(id: $id) { id } }', { id: createMember.id });
    const { codes, errors } = await call(local.admin, 'reactivateUser', { id: user.id });
    expect([codes, errors[0]?.extensions['state']]).toEqual([['CONFLICT'], 'deleted_member']);
    await done(local.admin, 'updateUser', { id: user.id, input: { memberId: null } });
    expect((await done(local.admin, 'reactivateUser', { id: user.id })).isActive).toBe(true);
  });

  it('may be repeated', async () => {
    const user = await office.settle('staff');
    for (let time = 0; time < 2; time += 1) expect((await done(local.admin, 'deactivateUser', { id: user.id })).isActive).toBe(false);
  });

  it.each(['deactivateUser', 'deleteUser'] as const)('%s is FORBIDDEN on one’s own account, in any form of the id', async (operation) => {
    const id = await office.userId('admin');
    for (const each of [id, id.toUpperCase()]) expect((await call(local.admin, operation, { id: each })).codes).toEqual(['FORBIDDEN']);
    expect(await office.value('select is_active and deleted_at is null from users where id = $1', id)).toBe(true);
  });
});

describe('unlockUser', () => {
  it('resets the wrong passwords of the user, the devices and the sessions, and the wrong codes', async () => {
    const user = await office.settle('staff');
    const guest = await Guest.signIn(local, user.username, password);
    for (let time = 0; time < 6; time += 1) await trySignIn(local, user.username, 'wrong');
    expect((await trySignIn(local, user.username, password)).codes).toEqual(['BAD_CREDENTIALS']);
    const lock = new Date(local.clock.now().valueOf() + 3_600_000);
    await local.sql('update devices set failed_login_attempts = 5, locked_until = $2 where user_id = $1', [user.id, lock]);
    await local.sql('update sessions set failed_login_attempts = 5, locked_until = $2 where user_id = $1', [user.id, lock]);
    await local.sql(
      `insert into totp_credentials (id, created_at, updated_at, user_id, sealed_seed, failed_attempts, locked_until)
       values (gen_random_uuid(), now(), now(), $1, 'none', 10, $2)`,
      [user.id, lock],
    );
    await done(local.admin, 'unlockUser', { id: user.id });
    const counts = 'failed_login_attempts = 0 and locked_until is null';
    expect(await office.count(`users where id = $1 and ${counts}`, user.id)).toBe(1);
    for (const table of ['devices', 'sessions']) {
      expect([table, await office.count(`${table} where user_id = $1`, user.id)]).not.toEqual([table, 0]);
      expect([table, await office.count(`${table} where user_id = $1 and not (${counts})`, user.id)]).toEqual([table, 0]);
    }
    expect(await office.count('totp_credentials where user_id = $1 and failed_attempts = 0 and locked_until is null', user.id)).toBe(1);
    expect((await trySignIn(local, user.username, password)).codes).toEqual([]);
    expect(await guest.refusals('{ me { id } }')).toEqual([]);
    expect(await office.events(user.id)).toContain('user.unlock of User by admin succeeded');
  });
});

describe('deleteUser', () => {
  it('deletes a user, who leaves all lists, and whose name stays on their records', async () => {
    const user = await office.settle('admin');
    const guest = await Guest.signIn(local, user.username, password);
    const officer = await office.roleId('officer');
    const made = await done(guest, 'createUser', { input: office.newcomer({ roleIds: [officer] }) });
    await openVault(user.id);
    const { deletedAt } = await done(local.admin, 'deleteUser', { id: user.id });
    expect(deletedAt).not.toBeNull();
    expect(await guest.refusals('{ me { id } }')).toEqual(['UNAUTHENTICATED']);
    expect((await trySignIn(local, user.username, password)).codes).toEqual(['BAD_CREDENTIALS']);
    expect(await vaultSessions(user.id)).toBe(0);
    const lookUp =
      'query ($id: ID!, $all: Boolean!) { user(id: $id, includeDeleted: $all) { fullName roles { assignedBy { fullName } } } }';
    expect((await local.admin.ask(lookUp, { id: user.id, all: false })).codes).toEqual(['NOT_FOUND']);
    expect((await local.admin.ask(lookUp, { id: user.id, all: true })).codes).toEqual([]);
    expect((await local.officer.ask(lookUp, { id: user.id, all: true })).codes).toEqual(['FORBIDDEN']);
    expect((await local.officer.ask<{ user: object }>(lookUp, { id: made.id, all: false })).data.user).toEqual({
      fullName: 'Nora Hand',
      roles: [{ assignedBy: { fullName: 'Nora Hand' } }],
    });
    expect(await office.events(user.id)).toContain('user.delete of User by admin succeeded');
  });

  it('happens once: a deleted user is not found', async () => {
    const user = await office.settle('staff');
    await done(local.admin, 'deleteUser', { id: user.id });
    const input = { userId: user.id, roleId: await office.roleId('staff') };
    for (const operation of ['deleteUser', 'deactivateUser', 'reactivateUser', 'verifyUser', 'unlockUser'] as const)
      expect([operation, (await call(local.admin, operation, { id: user.id })).codes]).toEqual([operation, ['NOT_FOUND']]);
    expect((await call(local.admin, 'updateUser', { id: user.id, input: { firstName: 'X' } })).codes).toEqual(['NOT_FOUND']);
    expect((await call(local.admin, 'assignRole', { input })).codes).toEqual(['NOT_FOUND']);
    expect((await call(local.admin, 'unassignRole', input)).codes).toEqual(['NOT_FOUND']);
  });

  it('is refused while the user represents a member in an open grievance, and not afterwards', async () => {
    const user = await office.settle('staff');
    const open = await office.value<string>(
      'select id from grievances where resolution_date is null and deleted_at is null order by id limit 1',
    );
    await local.sql('update grievances set assigned_user_id = $1 where id = $2', [user.id, open]);
    const answer = await call(local.admin, 'deleteUser', { id: user.id });
    expect([answer.codes, answer.errors[0]?.extensions['state']]).toEqual([['CONFLICT'], 'open_cases']);
    const ended = await office.value<string>('select id from grievances where resolution_date is not null order by id limit 1');
    await local.sql('update grievances set assigned_user_id = null where id = $1', [open]);
    await local.sql('update grievances set assigned_user_id = $1 where id = $2', [user.id, ended]);
    expect((await done(local.admin, 'deleteUser', { id: user.id })).deletedAt).not.toBeNull();
  });
});

describe('an id', () => {
  const calls: readonly (readonly [Call, string, (id: string) => Promise<object>])[] = [
    ...(['verifyUser', 'deactivateUser', 'reactivateUser', 'unlockUser', 'deleteUser'] as const).map(
      (name) => [name, 'id', (id: string) => Promise.resolve({ id })] as const,
    ),
    ['updateUser', 'id', (id) => Promise.resolve({ id, input: {} })],
    ['assignRole', 'input.userId', async (id) => ({ input: { userId: id, roleId: await office.roleId('staff') } })],
    ['unassignRole', 'userId', async (id) => ({ userId: id, roleId: await office.roleId('staff') })],
    ['assignRole', 'input.roleId', async (id) => ({ input: { userId: await office.userId('vp'), roleId: id } })],
    ['unassignRole', 'roleId', async (id) => ({ userId: await office.userId('vp'), roleId: id })],
  ];

  it.each(calls)('of %s at %s exists, and has the right form', async (operation, path, variables) => {
    expect((await call(local.admin, operation, await variables(nobody))).codes).toEqual(['NOT_FOUND']);
    for (const id of ['', '0', "' or true --", `${nobody}0`, 'x'.repeat(5000), '00000000-0000-0000-0000-0000000000zz']) {
      const answer = await call(local.admin, operation, await variables(id));
      expect([id, answer.codes, saidOf(answer)]).toEqual([id, ['BAD_INPUT'], [`${path} must be a UUID`]]);
    }
    expect(saidOf(await call(local.admin, operation, await variables(`${nobody}\0`)))).toEqual([noNul]);
  });

  it.each(calls)('of %s at %s does not reveal to others whether it exists', async (operation, _, variables) => {
    for (const id of [nobody, await office.userId('staff'), 'nonsense'])
      for (const who of ['officer', 'staff', 'member', 'president'] as const)
        expect((await call(local[who], operation, await variables(id))).codes).toEqual(['FORBIDDEN']);
  });
});

describe('the owner', () => {
  let own: Local;
  let house: Office;
  let owner: Guest;
  let ownerId: string;

  beforeAll(async () => {
    own = await aLocal();
    house = new Office(own);
    const input = { ...house.newcomer({ username: 'founder', email: 'founder@site.test' }), roleIds: undefined, password };
    const query = 'mutation ($input: SetupOwnerInput!) { setupOwner(input: $input) { accessToken } }';
    await own.anonymous.see(query, { input: { ...input, setupToken: own.service.setupToken } });
    owner = await Guest.signIn(own, 'founder', password);
    ownerId = await house.userId('founder');
  });

  it.each<[string, Call, () => Promise<object>]>([
    ['deactivated', 'deactivateUser', async () => ({ id: ownerId })],
    ['deleted', 'deleteUser', async () => ({ id: ownerId })],
    ['demoted', 'unassignRole', async () => ({ userId: ownerId, roleId: await house.roleId('admin') })],
    [
      'brought to an end',
      'assignRole',
      async () => ({ input: { userId: ownerId, roleId: await house.roleId('admin'), expiresAt: '2999-01-01T00:00:00Z' } }),
    ],
    ['reached elsewhere', 'updateUser', async () => ({ id: ownerId, input: { email: 'taken.over@site.test' } })],
  ])('cannot be %s by another admin', async (_, operation, variables) => {
    const answer = await call(own.admin, operation, await variables());
    expect([answer.codes, answer.errors[0]?.extensions['state']]).toEqual([['CONFLICT'], 'owner']);
    const stored = await own.sql(
      'select u.email, u.is_active, u.deleted_at, a.expires_at from users u join user_roles a on a.user_id = u.id where u.id = $1',
      [ownerId],
    );
    expect(stored).toEqual([{ email: 'founder@site.test', is_active: true, deleted_at: null, expires_at: null }]);
  });

  it('can be renamed by an admin, and changes their own address', async () => {
    expect((await done(own.admin, 'updateUser', { id: ownerId, input: { firstName: 'Ada' } })).firstName).toBe('Ada');
    expect((await done(owner, 'updateUser', { id: ownerId, input: { email: 'ada@site.test' } })).email).toBe('ada@site.test');
    expect((await done(owner, 'updateUser', { id: ownerId, input: { email: 'founder@site.test' } })).email).toBe('founder@site.test');
  });

  it('may lose roles without admin permissions', async () => {
    const roleId = await house.roleId('staff');
    await done(own.admin, 'assignRole', { input: { userId: ownerId, roleId } });
    expect((await done(own.admin, 'unassignRole', { userId: ownerId, roleId })).roles).toHaveLength(1);
  });

  it('alone can transfer the ownership', async () => {
    for (const who of ['admin', 'officer', 'member'] as const)
      expect((await call(own[who], 'transferOwnership', { userId: await house.userId('admin') })).codes).toEqual(['FORBIDDEN']);
    expect((await call(own.anonymous, 'transferOwnership', { userId: ownerId })).codes).toEqual(['UNAUTHENTICATED']);
    const { data } = await owner.ask<{ permissions: { operation: string; isAllowed: boolean }[] }>(
      '{ permissions { operation isAllowed } }',
    );
    expect(data.permissions.find(({ operation }) => operation === 'transferOwnership')?.isAllowed).toBe(true);
  });

  it.each<[string, string, string]>([
    ['is no admin', `select id from users where username = 'officer'`, 'CONFLICT'],
    ['is the owner', `select id from users where username = 'founder'`, 'CONFLICT'],
    ['does not exist', `select '${nobody}'`, 'NOT_FOUND'],
    ['has no id', `select 'admin'`, 'BAD_INPUT'],
    ['is not verified', `update users set is_verified = false where username = 'admin' returning id`, 'CONFLICT'],
    ['is not active', `update users set is_verified = true, is_active = false where username = 'admin' returning id`, 'CONFLICT'],
    ['was deleted', `update users set is_active = true, deleted_at = now() where username = 'admin' returning id`, 'NOT_FOUND'],
    ['has no password yet', `update users set deleted_at = null, password_hash = 'none' where username = 'admin' returning id`, 'CONFLICT'],
    [
      'is an admin for a while',
      `update user_roles set expires_at = '2999-01-01' where user_id = (select id from users where username = 'admin') returning user_id`,
      'CONFLICT',
    ],
  ])('cannot transfer it to a user who %s', async (_, sql, code) => {
    const { password_hash: hash } = (await own.sql(`select password_hash from users where username = 'admin'`, []))[0] ?? {};
    const userId = await house.value<string>(sql);
    expect((await call(owner, 'transferOwnership', { userId })).codes).toEqual([code]);
    await own.sql(`update users set password_hash = $1 where username = 'admin'`, [hash]);
    expect(await house.value('select username from users where is_owner')).toBe('founder');
  });

  it('transfers it to another admin, and stays an admin', async () => {
    await own.sql('update user_roles set expires_at = null', []);
    const [userId, custom] = [
      await house.userId('president'),
      await house.value<string>(
        `insert into roles (id, created_at, updated_at, name, display_name, is_system_role, based_on)
       values (gen_random_uuid(), now(), now(), 'chair', 'Chair', false, 'admin') returning id`,
      ),
    ];
    await done(owner, 'assignRole', { input: { userId, roleId: custom } });
    await openVault(ownerId, own);
    expect(await done(owner, 'transferOwnership', { userId })).toMatchObject({ username: 'president', isOwner: true });
    expect(await house.count('users where is_owner')).toBe(1);
    expect(await vaultSessions(ownerId, own)).toBe(0);
    for (const address of ['founder@site.test', 'president@unionhall.test'])
      expect((await own.mailbox(address)).at(-1)?.subject).toBe('The ownership of Unionhall was transferred');
    expect(await house.events(userId)).toContain('user.transfer_ownership of User by founder succeeded');
    expect((await call(owner, 'transferOwnership', { userId: ownerId })).codes).toEqual(['FORBIDDEN']);
    expect(await owner.refusals()).toEqual([]);
    const next = await Guest.signIn(own, 'president');
    expect((await done(next, 'deactivateUser', { id: ownerId })).isActive).toBe(false);
    expect(await owner.refusals('{ me { id } }')).toEqual(['UNAUTHENTICATED']);
  });
});

describe('hidden parts of users', () => {
  it.each(['passwordHash', 'failedLoginAttempts', 'isSelfRegistered', 'passwordMustChange', 'hasTotp'])(
    'cannot be filtered or sorted by: %s',
    async (column) => {
      const order = column.replace(/(?=[A-Z])/g, '_').toUpperCase();
      for (const who of ['admin', 'officer', 'member'] as const) {
        expect((await local[who].ask(`{ users(filter: { ${column}: { isNull: true } }) { totalCount } }`)).codes).toEqual(['BAD_INPUT']);
        expect((await local[who].ask(`{ users(orderBy: { field: ${order}, direction: ASC }) { totalCount } }`)).codes).toEqual([
          'BAD_INPUT',
        ]);
      }
    },
  );

  it('include the deleted ones, for all except admins', async () => {
    const query = '{ users(includeDeleted: true, first: 100) { nodes { deletedAt } } }';
    const { data } = await local.admin.ask<{ users: { nodes: { deletedAt: string | null }[] } }>(query);
    expect(data.users.nodes.filter(({ deletedAt }) => deletedAt !== null).length).toBeGreaterThan(0);
    for (const who of ['officer', 'staff', 'organizer', 'instructor', 'member'] as const)
      expect([who, (await local[who].ask(query)).codes]).toEqual([who, ['FORBIDDEN']]);
  });
});

/** Marks the vault as unlocked in every session of a user, in the database only. */
async function openVault(userId: string, at: Local = local): Promise<void> {
  await at.sql(
    `insert into vault_sessions (id, created_at, updated_at, session_id, token_hash, wrapped_key, last_used_at, expires_at)
     select gen_random_uuid(), now(), now(), id, md5(id::text), 'none', now(), now() + interval '1 hour' from sessions where user_id = $1`,
    [userId],
  );
  expect(await vaultSessions(userId, at)).toBeGreaterThan(0);
}

const vaultSessions = (userId: string, at: Local = local): Promise<number> =>
  new Office(at).count('vault_sessions v join sessions s on s.id = v.session_id where s.user_id = $1', userId);
