import { beforeAll, describe, expect, it } from '@jest/globals';
import { aLocal, type Answer, type Local } from './support/local.ts';
import { call, done, Guest, nobody, Office, password, saidOf } from './user.kit.ts';

let local: Local;
let office: Office;

beforeAll(async () => {
  local = await aLocal();
  office = new Office(local);
});

interface Kept {
  id: string;
  name: string;
  displayName: string;
  description: string | null;
  isSystemRole: boolean;
  basedOn: string;
}

const fields = 'id name displayName description isSystemRole basedOn';
const create = (input: object, who: Pick<typeof local.admin, 'ask'> = local.admin): Promise<Answer<{ role: Kept } | null>> =>
  who.ask(`mutation ($input: CreateRoleInput!) { role: createRole(input: $input) { ${fields} } }`, { input });
const update = (id: string, input: object): Promise<Answer<{ role: Kept } | null>> =>
  local.admin.ask(`mutation ($id: ID!, $input: UpdateRoleInput!) { role: updateRole(id: $id, input: $input) { ${fields} } }`, {
    id,
    input,
  });
const remove = (id: string): Promise<Answer<{ role: Kept } | null>> =>
  local.admin.ask(`mutation ($id: ID!) { role: deleteRole(id: $id) { ${fields} } }`, { id });
const steward = (changes: object = {}) => ({ name: 'steward', displayName: 'Shop steward', basedOn: 'STAFF', ...changes });
const later = (seconds: number): string => new Date(local.clock.now().valueOf() + seconds * 1000).toISOString();

describe('createRole', () => {
  it('creates a role with the permissions of its base role', async () => {
    const { data } = await create(steward({ displayName: ' Shop steward ', description: 'Walks the floor.' }));
    const { id, ...said } = data?.role ?? { id: '' };
    expect(said).toEqual({
      name: 'steward',
      displayName: 'Shop steward',
      description: 'Walks the floor.',
      isSystemRole: false,
      basedOn: 'STAFF',
    });
    expect(await office.events(id)).toEqual(['role.create of Role by admin succeeded']);
    const user = await office.settle('steward');
    const guest = await Guest.signIn(local, user.username, password);
    expect(await guest.refusals('{ grievances { totalCount } members { totalCount } }')).toEqual([]);
    expect(await guest.refusals('{ saltingActivities { totalCount } }')).toEqual(['FORBIDDEN']);
    const { data: own } = await guest.ask<{ roles: { name: string }[] }>('{ roles { name } }');
    expect(own.roles).toEqual([{ name: 'steward' }]);
  });

  it('omits a blank description', async () => {
    expect((await create(steward({ name: 'blank', description: '  ' }))).data?.role.description).toBeNull();
  });

  const form = 'input.name must have 1 to 50 characters: lowercase letters, digits, "_" and "-", starting with a letter';
  it.each<[string, object, string[]]>([
    ['a name that is taken', { name: 'officer' }, ['input.name is taken']],
    ['a name in upper case', { name: 'Officer' }, [form]],
    ['a name of two words', { name: 'shop steward' }, [form]],
    ['a name with an accent', { name: 'prêt' }, [form]],
    ['a name of nothing', { name: '' }, ['input.name must not be empty']],
    ['a name of 51 letters', { name: 'x'.repeat(51) }, ['input.name must have at most 50 characters']],
    ['a name to read that is empty', { name: 'n1', displayName: ' ' }, ['input.displayName must not be empty']],
    [
      'a name to read of 101 characters',
      { name: 'n1', displayName: 'x'.repeat(101) },
      ['input.displayName must have at most 100 characters'],
    ],
    ['a name to read of two lines', { name: 'n1', displayName: 'a\nb' }, ['input.displayName must be one line']],
    ['a description without end', { name: 'n1', description: 'x'.repeat(2001) }, ['input.description must have at most 2000 characters']],
    ['half a character', { name: 'n1', description: 'x\udc00' }, ['input.description must not contain NUL or invalid Unicode characters']],
    [
      'all that is wrong at once',
      { name: 'A', displayName: '', description: 'x'.repeat(2001) },
      ['input.displayName must not be empty', form, 'input.description must have at most 2000 characters'],
    ],
    ['a basis that is none', { name: 'n1', basedOn: 'OWNER' }, []],
    ['a basis that is custom', { name: 'n1', basedOn: 'STEWARD' }, []],
    ['to be a system role', { name: 'n1', isSystemRole: true }, []],
  ])('refuses %s', async (_, changes, said) => {
    const before = await office.count('roles');
    const answer = await create(steward(changes));
    expect([answer.codes, saidOf(answer).filter((each) => each.startsWith('input.') && said.length > 0)]).toEqual([['BAD_INPUT'], said]);
    expect(await office.count('roles')).toBe(before);
  });

  it('works after a refusal in the same request', async () => {
    const query = `mutation {
      a: createRole(input: { name: "officer", displayName: "A", basedOn: STAFF }) { id }
      b: createRole(input: { name: "after-it", displayName: "B", basedOn: STAFF }) { name }
    }`;
    expect((await local.admin.ask(query)).codes).toEqual(['BAD_INPUT']);
  });
});

describe('updateRole', () => {
  it('changes the texts of a custom role, never its permissions', async () => {
    const id = await office.customRole('clerk', 'staff'.toUpperCase());
    expect((await update(id, { displayName: 'Clerk of the hall' })).data?.role).toMatchObject({
      name: 'clerk',
      displayName: 'Clerk of the hall',
    });
    expect((await update(id, { description: 'Answers.' })).data?.role).toMatchObject({
      displayName: 'Clerk of the hall',
      description: 'Answers.',
    });
    expect((await update(id, { description: null })).data?.role.description).toBeNull();
    expect(saidOf(await update(id, { displayName: null }))).toEqual(['input.displayName must not be null']);
    for (const change of [{ basedOn: 'ADMIN' }, { name: 'other' }, { isSystemRole: true }])
      expect((await update(id, change)).codes).toEqual(['BAD_INPUT']);
    expect(await office.events(id)).toEqual([
      'role.create of Role by admin succeeded',
      ...Array(3).fill('role.update of Role by admin succeeded'),
    ]);
  });

  it.each(['admin', 'officer', 'staff', 'organizer', 'instructor', 'member'])('changes only the description of %s', async (name) => {
    const id = await office.roleId(name);
    const [before] = await local.sql('select display_name from roles where id = $1', [id]);
    const answer = await update(id, { displayName: 'Boss', description: 'Other.' });
    expect([answer.codes, answer.errors[0]?.extensions['state']]).toEqual([['CONFLICT'], 'system_role']);
    const { data } = await update(id, { description: `What ${name} does.`, displayName: before?.['display_name'] });
    expect(data?.role).toMatchObject({
      name,
      displayName: before?.['display_name'],
      description: `What ${name} does.`,
      isSystemRole: true,
    });
    expect((await remove(id)).codes).toEqual(['CONFLICT']);
  });
});

describe('deleteRole', () => {
  it('deletes a custom role and returns it', async () => {
    const id = await office.customRole('passing', 'MEMBER');
    expect((await remove(id)).data?.role).toMatchObject({ id, name: 'passing' });
    expect((await remove(id)).codes).toEqual(['NOT_FOUND']);
    expect(await office.events(id)).toEqual(['role.create of Role by admin succeeded', 'role.delete of Role by admin succeeded']);
    expect((await create(steward({ name: 'passing' }))).codes).toEqual([]);
  });

  it('refuses a role that a user has, also a deactivated one, and ignores former users', async () => {
    const id = await office.customRole('held', 'STAFF');
    const [one, two, three] = [await office.settle('held'), await office.settle('held'), await office.settle('held')];
    const held = await remove(id);
    expect([held.codes, held.errors[0]?.extensions['state']]).toEqual([['CONFLICT'], 'held']);
    await done(local.admin, 'unassignRole', { userId: one.id, roleId: id });
    await done(local.admin, 'deleteUser', { id: two.id });
    await done(local.admin, 'deactivateUser', { id: three.id });
    expect((await remove(id)).codes).toEqual(['CONFLICT']);
    await local.sql(`update user_roles set expires_at = now() - interval '1 second' where user_id = $1`, [three.id]);
    expect((await remove(id)).codes).toEqual([]);
    expect(await office.count('user_roles where role_id = $1', id)).toBe(0);
  });

  it.each([
    ['absent', nobody, 'NOT_FOUND'],
    ['no id', 'held', 'BAD_INPUT'],
  ])('and updateRole report which role is %s', async (_, id, code) => {
    expect((await remove(id)).codes).toEqual([code]);
    expect((await update(id, { description: 'x' })).codes).toEqual([code]);
  });

  it('and its siblings are only for admins', async () => {
    const id = await office.roleId('staff');
    for (const who of ['officer', 'staff', 'member'] as const)
      for (const query of [
        'mutation { createRole(input: { name: "x", displayName: "X", basedOn: ADMIN }) { id } }',
        `mutation { updateRole(id: "${id}", input: { description: "x" }) { id } }`,
        `mutation { deleteRole(id: "${nobody}") { id } }`,
      ])
        expect((await local[who].ask(query)).codes).toEqual(['FORBIDDEN']);
  });
});

describe('assignRole', () => {
  it('makes an acting officer until an expiry, with a notification, and not longer', async () => {
    const other = await aLocal();
    other.clock.stop();
    const elsewhere = new Office(other);
    const user = await elsewhere.settle('member');
    const guest = await Guest.signIn(other, user.username, password);
    expect(await guest.refusals('{ grievanceSteps: grievances { totalCount } saltingActivities { totalCount } }')).toEqual(['FORBIDDEN']);
    const expiresAt = new Date(other.clock.now().valueOf() + 60_000).toISOString();
    const input = { userId: user.id, roleId: await elsewhere.roleId('officer'), expiresAt, reviewLevels: ['VP'] };
    const { roles } = await done(other.admin, 'assignRole', { input });
    expect(roles.map(({ role, expiresAt: end, reviewLevels }) => [role.name, end, reviewLevels])).toEqual([
      ['member', null, []],
      ['officer', expiresAt, ['VP']],
    ]);
    expect(await elsewhere.events(user.id)).toContain('role.assign of User by admin succeeded');
    expect(await elsewhere.events(input.roleId)).toContain('role.assign of Role by admin succeeded');
    expect((await other.mailbox(user.email)).at(-1)?.subject).toBe('Your roles were changed');
    expect(await guest.refusals('{ saltingActivities { totalCount } }')).toEqual([]);
    other.clock.turn(60);
    expect(await guest.refusals('{ saltingActivities { totalCount } }')).toEqual(['FORBIDDEN']);
    expect(await guest.refusals('{ grievances { totalCount } }')).toEqual([]);
    // A new assignment does not use the expired term.
    const again = await done(await Guest.signIn(other, 'admin'), 'assignRole', { input: { userId: user.id, roleId: input.roleId } });
    expect(again.roles.find(({ role }) => role.name === 'officer')).toMatchObject({ expiresAt: null, reviewLevels: [] });
    expect(await guest.refusals('{ saltingActivities { totalCount } }')).toEqual([]);
  });

  it('again changes the submitted terms, keeps the others, and records who changed them', async () => {
    const [user, roleId] = [await office.settle(), await office.roleId('officer')];
    const [first, second] = [later(3600), later(7200)];
    const assign = async (terms: object, who: Guest | typeof local.admin = local.admin) => {
      const { roles } = await done(who, 'assignRole', { input: { userId: user.id, roleId, ...terms } });
      expect(roles).toHaveLength(1);
      const { expiresAt, reviewLevels, assignedBy } = roles[0] ?? {};
      return [expiresAt, reviewLevels, assignedBy?.fullName];
    };
    const chair = await Guest.signIn(local, (await office.settle('admin')).username, password);
    expect(await assign({ expiresAt: first, reviewLevels: ['PRESIDENT', 'VP'] })).toEqual([first, ['PRESIDENT', 'VP'], 'Ruth Calloway']);
    expect(await assign({ expiresAt: second }, chair)).toEqual([second, ['PRESIDENT', 'VP'], 'Nora Hand']);
    expect(await assign({ reviewLevels: ['MANAGER'] })).toEqual([second, ['MANAGER'], 'Ruth Calloway']);
    expect(await assign({ expiresAt: null })).toEqual([null, ['MANAGER'], 'Ruth Calloway']);
    expect(await assign({ reviewLevels: null })).toEqual([null, [], 'Ruth Calloway']);
    expect(await office.count('user_roles where user_id = $1', user.id)).toBe(1);
  });

  it.each<[string, string, object, string[]]>([
    ['an end that is now past', 'officer', { expiresAt: '2026-01-01T00:00:00Z' }, ['input.expiresAt must be in the future']],
    ['an end in the year 1', 'officer', { expiresAt: '0001-01-01T00:00:00Z' }, ['input.expiresAt must be in the future']],
    ['a level named twice', 'officer', { reviewLevels: ['VP', 'VP'] }, ['input.reviewLevels must not list a level twice']],
    [
      'ids that are none, and a past end',
      '',
      { userId: 'x', roleId: 'y', expiresAt: '2026-01-01T00:00:00Z' },
      ['input.userId must be a UUID', 'input.roleId must be a UUID', 'input.expiresAt must be in the future'],
    ],
    ...['staff', 'organizer', 'instructor', 'member'].map((name): [string, string, object, string[]] => [
      `levels of a role that gives what ${name} gives`,
      name,
      { reviewLevels: ['VP'] },
      ['input.reviewLevels must be empty: only admins and officers review applications'],
    ]),
  ])('refuses %s', async (_, name, terms, said) => {
    const input = { userId: await office.userId('vp'), roleId: name === '' ? '' : await office.roleId(name), ...terms };
    const answer = await call(local.admin, 'assignRole', { input });
    expect([answer.codes, saidOf(answer)]).toEqual([['BAD_INPUT'], said]);
  });

  it('accepts levels for a custom role if its base role allows them', async () => {
    const [reviewing, other] = [await office.customRole('trustee', 'OFFICER'), await office.customRole('helper', 'STAFF')];
    const { id: userId } = await office.settle();
    expect((await call(local.admin, 'assignRole', { input: { userId, roleId: reviewing, reviewLevels: ['VP'] } })).codes).toEqual([]);
    expect((await call(local.admin, 'assignRole', { input: { userId, roleId: other, reviewLevels: ['VP'] } })).codes).toEqual([
      'BAD_INPUT',
    ]);
    expect((await call(local.admin, 'assignRole', { input: { userId, roleId: other, reviewLevels: [] } })).codes).toEqual([]);
  });

  it('gives a deactivated user a role that counts after reactivation, without a mail', async () => {
    const user = await office.settle();
    await done(local.admin, 'deactivateUser', { id: user.id });
    const before = (await local.mailbox(user.email)).length;
    await done(local.admin, 'assignRole', { input: { userId: user.id, roleId: await office.roleId('staff') } });
    expect(await local.mailbox(user.email)).toHaveLength(before);
    await done(local.admin, 'reactivateUser', { id: user.id });
    expect(await (await Guest.signIn(local, user.username, password)).refusals('{ grievances { totalCount } }')).toEqual([]);
  });
});

describe('unassignRole', () => {
  it('removes the role from the next request on, locks the vault, and keeps the session', async () => {
    const user = await office.settle('officer', 'member');
    const guest = await Guest.signIn(local, user.username, password);
    await local.sql(
      `insert into vault_sessions (id, created_at, updated_at, session_id, token_hash, wrapped_key, last_used_at, expires_at)
       select gen_random_uuid(), now(), now(), id, md5(id::text), 'none', now(), now() + interval '1 hour' from sessions where user_id = $1`,
      [user.id],
    );
    const open = () => office.count('vault_sessions v join sessions s on s.id = v.session_id where s.user_id = $1', user.id);
    expect(await open()).toBeGreaterThan(0);
    const roleId = await office.roleId('officer');
    const { roles } = await done(local.admin, 'unassignRole', { userId: user.id, roleId });
    expect(roles.map(({ role }) => role.name)).toEqual(['member']);
    expect(await guest.refusals('{ saltingActivities { totalCount } }')).toEqual(['FORBIDDEN']);
    expect(await guest.refusals('{ me { id } }')).toEqual([]);
    expect(await open()).toBe(0);
    expect(await office.events(user.id)).toContain('role.unassign of User by admin succeeded');
    expect(await office.events(roleId)).toContain('role.unassign of Role by admin succeeded');
    expect((await local.mailbox(user.email)).at(-1)?.subject).toBe('Your roles were changed');
    expect((await call(local.admin, 'unassignRole', { userId: user.id, roleId })).codes).toEqual(['NOT_FOUND']);
  });

  it('is refused for invalid ids, all at once', async () => {
    expect(saidOf(await call(local.admin, 'unassignRole', { userId: '1', roleId: '2' }))).toEqual([
      'userId must be a UUID',
      'roleId must be a UUID',
    ]);
  });
});

describe('the caller’s own roles', () => {
  it('cannot be changed by the caller, in any form of the id, nor through a second role', async () => {
    const id = await office.userId('admin');
    const [admin, second] = [await office.roleId('admin'), await office.customRole('second', 'ADMIN')];
    await local.sql(
      `insert into user_roles (id, created_at, updated_at, user_id, role_id, assigned_at, review_levels) values (gen_random_uuid(), now(), now(), $1, $2, now(), '{}')`,
      [id, second],
    );
    for (const userId of [id, id.toUpperCase()])
      for (const roleId of [admin, second, nobody, await office.roleId('officer')]) {
        expect((await call(local.admin, 'assignRole', { input: { userId, roleId } })).codes).toEqual(['FORBIDDEN']);
        expect((await call(local.admin, 'unassignRole', { userId, roleId })).codes).toEqual(['FORBIDDEN']);
      }
    expect((await remove(second)).codes).toEqual(['CONFLICT']);
    expect(await office.count('user_roles where user_id = $1', id)).toBe(2);
  });

  it('cannot be changed by an admin through a role that only gives the permissions of an admin', async () => {
    const user = await office.settle('second');
    const guest = await Guest.signIn(local, user.username, password);
    expect(await guest.refusals('mutation { createRole(input: { name: "by-second", displayName: "X", basedOn: MEMBER }) { id } }')).toEqual(
      [],
    );
    const input = { userId: user.id, roleId: await office.roleId('admin') };
    expect((await call(guest, 'assignRole', { input })).codes).toEqual(['FORBIDDEN']);
  });
});

describe('the last admin', () => {
  let own: Local;
  let house: Office;
  let admin: string;
  let acting: Guest;
  let actingId: string;

  beforeAll(async () => {
    own = await aLocal();
    house = new Office(own);
    admin = await house.roleId('admin');
    const user = await house.settle();
    const expiresAt = new Date(own.clock.now().valueOf() + 86_400_000).toISOString();
    await done(own.admin, 'assignRole', { input: { userId: user.id, roleId: admin, expiresAt } });
    acting = await Guest.signIn(own, user.username, password);
    actingId = user.id;
  });

  /** All ways in which an acting admin could remove the last admin. */
  const attempts = async () => {
    const id = await house.userId('admin');
    return [
      await call(acting, 'deactivateUser', { id }),
      await call(acting, 'deleteUser', { id }),
      await call(acting, 'unassignRole', { userId: id, roleId: admin }),
      await call(acting, 'assignRole', { input: { userId: id, roleId: admin, expiresAt: '2999-01-01T00:00:00Z' } }),
    ];
  };
  const lasting = ['CONFLICT last_admin', 'CONFLICT last_admin', 'CONFLICT last_admin', 'CONFLICT last_admin'];
  const refused = async () => (await attempts()).map(({ codes, errors }) => `${String(codes)} ${String(errors[0]?.extensions['state'])}`);

  it('cannot be removed by a temporary admin', async () => {
    expect(await refused()).toEqual(lasting);
    expect(await acting.refusals()).toEqual([]);
  });

  it.each([
    ['was only invited', `update users set password_hash = 'none' where id = $1`],
    ['is deactivated', `update users set is_active = false where id = $1`],
    ['was deleted', `update users set deleted_at = now() where id = $1`],
    ['registered and never verified', `update users set is_self_registered = true, is_verified = false where id = $1`],
    ['is one for a while', `update user_roles set expires_at = now() + interval '9 years' where user_id = $1`],
    ['was one', `update user_roles set expires_at = now() - interval '1 second' where user_id = $1`],
  ])('cannot be replaced by a user who %s', async (_, sql) => {
    const { id } = await house.settle('admin');
    await own.sql(sql, [id]);
    expect(await refused()).toEqual(lasting);
  });

  it('may change roles without admin permissions, and have terms without an expiry', async () => {
    const [userId, roleId] = [await house.userId('admin'), await house.roleId('staff')];
    await done(acting, 'assignRole', { input: { userId, roleId } });
    await done(acting, 'assignRole', { input: { userId, roleId: admin, reviewLevels: ['VP'] } });
    expect((await done(acting, 'unassignRole', { userId, roleId })).roles).toHaveLength(1);
  });

  it('stays admin with a second role when the first is removed', async () => {
    const userId = await house.userId('admin');
    const second = await house.customRole('chair', 'ADMIN');
    await done(acting, 'assignRole', { input: { userId, roleId: second } });
    await done(acting, 'unassignRole', { userId, roleId: admin });
    const answer = await call(acting, 'unassignRole', { userId, roleId: second });
    expect([answer.codes, answer.errors[0]?.extensions['state']]).toEqual([['CONFLICT'], 'last_admin']);
    await done(acting, 'assignRole', { input: { userId, roleId: admin } });
  });

  it('is no longer the last when another user has a custom admin role, who then is the last', async () => {
    const { id, username } = await house.settle('chair');
    const chair = await Guest.signIn(own, username, password);
    const former = await Guest.signIn(own, 'admin');
    await done(chair, 'unassignRole', { userId: await house.userId('admin'), roleId: admin });
    expect(await former.refusals('mutation { createRole(input: { name: "late", displayName: "L", basedOn: ADMIN }) { id } }')).toEqual([]);
    await done(chair, 'unassignRole', { userId: await house.userId('admin'), roleId: await house.roleId('chair') });
    expect(await former.refusals('mutation { createRole(input: { name: "later", displayName: "L", basedOn: ADMIN }) { id } }')).toEqual([
      'FORBIDDEN',
    ]);
    expect((await call(acting, 'deactivateUser', { id })).codes).toEqual(['CONFLICT']);
    // A temporary admin is not the last one.
    expect((await done(chair, 'deactivateUser', { id: actingId })).isActive).toBe(false);
  });
});
