import { beforeAll, describe, expect, it } from '@jest/globals';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { aLocal, type Answer, type Local } from './support/local.ts';
import { call, done, Guest, Office, password, type Told } from './user.kit.ts';

// Runs on a server, because the embedded database has one connection and so no races.
const rounds = 8;
let local: Local;
let office: Office;
let admin: string;

beforeAll(async () => {
  local = await aLocal({ engine: 'postgresql', comparesExecutions: false });
  office = new Office(local);
  admin = await office.roleId('admin');
});

/** Creates this many admins, signed in, who are the only permanent ones. */
async function admins(count: number): Promise<{ user: Told; guest: Guest }[]> {
  await local.sql(`update user_roles set expires_at = null from users u where u.id = user_id and u.username = 'admin'`, []);
  const made: { user: Told; guest: Guest }[] = [];
  for (let place = 0; place < count; place += 1) {
    const user = await office.settle('admin');
    made.push({ user, guest: await Guest.signIn(local, user.username, password) });
  }
  await local.sql(`update user_roles set expires_at = '2999-01-01' where role_id = $1 and not user_id = any($2)`, [
    admin,
    made.map(({ user }) => user.id),
  ]);
  return made;
}

const lasting = () =>
  office.count(
    `users u join user_roles a on a.user_id = u.id join roles r on r.id = a.role_id
     where r.based_on = 'admin' and a.expires_at is null and u.is_active and u.deleted_at is null`,
  );

const outcomes = (answers: readonly Answer<unknown>[]): string[] => answers.map(({ codes }) => codes.join() || 'done').sort();

describe('concurrent admins who remove the admin role from each other', () => {
  const end = (userId: string) => ({ input: { userId, roleId: admin, expiresAt: '2999-01-01T00:00:00Z' } });
  it.each([
    ['demote', (who: Guest, id: string) => call(who, 'unassignRole', { userId: id, roleId: admin })],
    ['deactivate', (who: Guest, id: string) => call(who, 'deactivateUser', { id })],
    ['delete', (who: Guest, id: string) => call(who, 'deleteUser', { id })],
  ] as const)('of two who %s each other, one succeeds, with or without a third admin', async (_, strike) => {
    for (let round = 0; round < rounds; round += 1) {
      const count = 2 + (round % 2);
      const [one, two] = await admins(count);
      if (!one || !two) throw new Error('There are no two');
      const answers = await Promise.all([strike(one.guest, two.user.id), strike(two.guest, one.user.id)]);
      // The other one is no longer an admin at their turn.
      expect(answers.filter(({ codes }) => codes.length === 0)).toHaveLength(1);
      for (const { codes } of answers) expect([[], ['FORBIDDEN'], ['UNAUTHENTICATED']]).toContainEqual(codes);
      expect(await lasting()).toBe(count - 1);
    }
  });

  it('of two who set each other an expiry, one succeeds', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const [one, two] = await admins(2);
      if (!one || !two) throw new Error('There are no two');
      const answers = await Promise.all([call(one.guest, 'assignRole', end(two.user.id)), call(two.guest, 'assignRole', end(one.user.id))]);
      expect(outcomes(answers)).toEqual(['CONFLICT', 'done']);
      expect(await lasting()).toBe(1);
    }
  });

  it('of six in a ring, at least one admin remains, whatever each does', async () => {
    for (let round = 0; round < 4; round += 1) {
      const ring = await admins(6);
      const answers = await Promise.all(
        ring.map(({ guest }, place) => {
          const { id } = (ring[(place + 1) % ring.length] as { user: Told }).user;
          const strikes = [
            () => call(guest, 'unassignRole', { userId: id, roleId: admin }),
            () => call(guest, 'deactivateUser', { id }),
            () => call(guest, 'deleteUser', { id }),
            () => call(guest, 'assignRole', end(id)),
          ];
          return (strikes[(place + round) % strikes.length] as () => Promise<Answer<unknown>>)();
        }),
      );
      expect(answers.flatMap(({ codes }) => codes)).not.toContain('INTERNAL');
      expect(await lasting()).toBeGreaterThanOrEqual(1);
    }
  });
});

describe('of many concurrent attempts', () => {
  it('one user gets a name, an address and a member record', async () => {
    const memberId = await office.value<string>(
      'select id from members m where deleted_at is null and not exists (select 1 from users where member_id = m.id) order by id limit 1',
    );
    const [{ username, email }, many] = [office.newcomer(), Array.from({ length: 8 })];
    for (const shared of [{ username }, { email }, { memberId }]) {
      const answers = await Promise.all(many.map(() => call(local.admin, 'createUser', { input: office.newcomer(shared) })));
      expect(outcomes(answers)).toEqual([...Array(7).fill('BAD_INPUT'), 'done']);
    }
  });

  it('an assignment is stored once, however often it is created', async () => {
    const user = await office.settle();
    const input = { userId: user.id, roleId: await office.roleId('officer') };
    const answers = await Promise.all(Array.from({ length: 8 }, () => call(local.admin, 'assignRole', { input })));
    expect(outcomes(answers)).toEqual(Array(8).fill('done'));
    expect(await office.count('user_roles where user_id = $1', user.id)).toBe(1);
  });

  it('a role is either deleted or assigned', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const [roleId, user] = [await office.customRole(`brief-${round}`, 'STAFF'), await office.settle()];
      const [gone, ...assigned] = await Promise.all([
        local.admin.ask('mutation ($id: ID!) { deleteRole(id: $id) { id } }', { id: roleId }),
        call(local.admin, 'assignRole', { input: { userId: user.id, roleId } }),
        call(local.admin, 'createUser', { input: office.newcomer({ roleIds: [roleId] }) }),
      ]);
      const held = await office.count('user_roles where role_id = $1', roleId);
      if (gone?.codes.length === 0) expect([outcomes(assigned), held]).toEqual([['NOT_FOUND', 'NOT_FOUND'], 0]);
      else {
        expect(gone?.codes).toEqual(['CONFLICT']);
        expect(held).toBeGreaterThanOrEqual(1);
        expect(assigned.flatMap(({ codes }) => codes)).toEqual([]);
      }
    }
  });

  it('one user gets the ownership', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const three = await admins(3);
      const [first, second, third] = three;
      if (!first || !second || !third) throw new Error('There are no three');
      await local.sql('update users set is_owner = false where is_owner', []);
      await local.sql('update users set is_owner = true where id = $1', [first.user.id]);
      const answers = await Promise.all(
        [second, third, second, third].map(({ user }) => call(first.guest, 'transferOwnership', { userId: user.id })),
      );
      expect(answers.filter(({ codes }) => codes.length === 0)).toHaveLength(1);
      expect(answers.flatMap(({ codes }) => codes)).toEqual(Array(3).fill('FORBIDDEN'));
      expect(await office.count('users where is_owner')).toBe(1);
    }
  });

  it('the owner is never a user who is deactivated concurrently', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const [owner, next, third] = await admins(3);
      if (!owner || !next || !third) throw new Error('There are no three');
      await local.sql('update users set is_owner = false where is_owner', []);
      await local.sql('update users set is_owner = true where id = $1', [owner.user.id]);
      const answers = await Promise.all([
        call(owner.guest, 'transferOwnership', { userId: next.user.id }),
        call(third.guest, 'deactivateUser', { id: next.user.id }),
        call(third.guest, 'unassignRole', { userId: next.user.id, roleId: admin }),
      ]);
      expect(answers.flatMap(({ codes }) => codes).filter((code) => code !== 'CONFLICT')).toEqual([]);
      expect(await office.count('users where is_owner and is_active')).toBe(1);
      expect(
        await office.count(
          'users u join user_roles a on a.user_id = u.id and a.role_id = $1 and a.expires_at is null where u.is_owner',
          admin,
        ),
      ).toBe(1);
    }
  });
});

describe('administration during activity of its users', () => {
  it('causes no deadlock with sign-ins, refreshes and password changes', async () => {
    for (let round = 0; round < 4; round += 1) {
      const user = await office.settle('staff');
      const guests = await Promise.all(Array.from({ length: 4 }, () => Guest.signIn(local, user.username, password)));
      const roleId = await office.roleId('officer');
      const change = 'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }';
      const answers = await Promise.all([
        ...guests.map((guest, place) => guest.ask(change, { input: { currentPassword: password, newPassword: `another river ${place}` } })),
        ...guests.map((guest) => guest.ask('mutation { updateProfile(input: { firstName: "Mara" }) { id } }')),
        ...guests.map((guest) => guest.ask('mutation { logoutAll }')),
        call(local.admin, 'assignRole', { input: { userId: user.id, roleId } }),
        call(local.admin, 'updateUser', { id: user.id, input: { lastName: 'Voss' } }),
        call(local.admin, 'unlockUser', { id: user.id }),
        call(local.admin, 'deactivateUser', { id: user.id }),
      ]);
      expect(answers.flatMap(({ codes }) => codes)).not.toContain('INTERNAL');
      expect(answers.slice(-4).flatMap(({ codes }) => codes)).toEqual([]);
      expect(await office.count('sessions where user_id = $1 and ended_at is null', user.id)).toBe(0);
      expect((await done(local.admin, 'reactivateUser', { id: user.id })).lastName).toBe('Voss');
    }
  });

  it('lets running requests of the user finish, although it waits for them', async () => {
    const user = await office.settle('staff');
    await Guest.signIn(local, user.username, password);
    const em = local.database.orm.em.fork() as SqlEntityManager;
    const deactivation = await em.transactional(async (transaction) => {
      await transaction.execute('update sessions set last_seen_at = now() where user_id = ?', [user.id]);
      const begun = call(local.admin, 'deactivateUser', { id: user.id });
      while ((await office.count(waiters)) === 0);
      // Like the event that names the actor.
      await transaction.execute('select id from users where id = ? for key share', [user.id]);
      return { begun };
    });
    expect((await deactivation.begun).codes).toEqual([]);
  });

  it('succeeds for both of two admins who change each other', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const [one, two] = await admins(2);
      if (!one || !two) throw new Error('There are no two');
      const free = await local.sql(
        'select id from members m where deleted_at is null and not exists (select 1 from users where member_id = m.id) order by id limit 2',
        [],
      );
      const answers = await Promise.all([
        call(one.guest, 'updateUser', { id: two.user.id, input: { memberId: free[0]?.['id'] } }),
        call(two.guest, 'updateUser', { id: one.user.id, input: { memberId: free[1]?.['id'] } }),
      ]);
      expect(outcomes(answers)).toEqual(['done', 'done']);
    }
  });
});

const waiters = `pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
