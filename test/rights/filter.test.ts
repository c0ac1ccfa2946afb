import { beforeAll, describe, expect, it } from '@jest/globals';
import { entities } from '../../src/entities/index.ts';
import { Grievance } from '../../src/entities/grievance.ts';
import { Organization } from '../../src/entities/organization.ts';
import { Kept } from '../../src/entities/record.ts';
import type { RoleName } from '../../src/entities/role.ts';
import { Viewer } from '../../src/entities/viewer.ts';
import { mayAct } from '../../src/permissions/index.ts';
import { aLocal, type Local } from '../support/local.ts';
import { agreement, people, type Username } from './agreement.ts';
import { fillIn } from './kit.ts';
import { Ledger, type Asker } from './ledger.ts';

/**
 * Returns the type of an entity in the expected permissions: accounts for users, without their names. Assignments have
 * another name.
 */
const typeOf = (entity: string): string | undefined =>
  entity === 'UserRole' ? 'RoleAssignment' : entity in agreement ? entity : undefined;

let local: Local;
let ledgers: ReadonlyMap<Username, Ledger>;

beforeAll(async () => {
  local = await aLocal();
  for (const who of people) await local[who].token();
  await fillIn(local.sql);
  ledgers = await Ledger.ofAll(local.sql, people);
});

/** Returns a user as the viewer of a request. */
const viewerOf = ({ userId, memberId, roles }: Asker): Viewer =>
  new Viewer(
    {
      userId,
      memberId,
      sessionId: '01900000-0000-7000-8000-000000000001',
      isOwner: false,
      passwordMustChange: false,
      mustVerify: false,
      mustEnroll: false,
      closedOperations: new Set(),
      hasSteppedUp: true,
      roles: new Set(roles as readonly RoleName[]),
      reviewLevels: new Set(),
    },
    mayAct,
  );

/** Returns the ids that the entity manager finds for a viewer. */
async function found(viewer: Viewer, entity: (typeof entities)[number], filters?: false | { alive: false }): Promise<string[]> {
  const em = local.database.orm.em.fork();
  em.setFilterParams('visible', { viewer, now: new Date() });
  const rows = await em.find<object>(entity, {}, filters === undefined ? {} : { filters });
  return rows.map((row) => (row as { id: string }).id).sort();
}

describe.each(people)('the entity manager finds for %s', (who) => {
  it.each(entities.map((entity) => [entity.name, entity] as const))('the agreed rows of %s', async (name, entity) => {
    const type = typeOf(name);
    const ledger = ledgers.get(who) as Ledger;
    const viewer = viewerOf(ledger.asker);
    const ids = (deleted: boolean) => (type === undefined ? [] : [...ledger.ids(type, { deleted })].sort());
    expect(await found(viewer, entity, { alive: false })).toEqual(ids(true));
    if (entity.prototype instanceof Kept) expect(await found(viewer, entity)).toEqual(ids(false));
  });
});

describe('the entity manager', () => {
  it('finds nothing for an anonymous caller', async () => {
    for (const entity of entities) expect([entity.name, await found(Viewer.anonymous, entity)]).toEqual([entity.name, []]);
  });

  it('finds nothing for a user whose roles have expired, except themselves', async () => {
    const asker = { ...(ledgers.get('admin') as Ledger).asker, roles: [] };
    const ledger = await Ledger.of(local.sql, asker);
    for (const entity of entities) {
      const type = typeOf(entity.name);
      expect([entity.name, await found(viewerOf(asker), entity)]).toEqual([entity.name, type ? [...ledger.ids(type)].sort() : []]);
    }
    expect(ledger.ids('User')).toEqual([asker.userId]);
  });

  it('throws if no viewer is set', async () => {
    const em = local.database.orm.em.fork();
    for (const entity of entities) await expect(em.find<object>(entity, {})).rejects.toThrow();
  });

  it.each([
    ['member', 'members', 'member_id'],
    ['employer', 'organizations', 'employer_id'],
  ])('finds a case whose %s was deleted, like a read', async (_what, table, column) => {
    const ledger = ledgers.get('officer') as Ledger;
    await local.sql(`update ${table} set deleted_at = now() where id in (select ${column} from grievances)`, []);
    try {
      expect(await found(viewerOf(ledger.asker), Grievance)).toEqual([...ledger.ids('Grievance')].sort());
    } finally {
      await local.sql(`update ${table} set deleted_at = null`, []);
    }
  });

  it('does not join hidden rows', async () => {
    const { asker } = ledgers.get('member') as Ledger;
    const em = local.database.orm.em.fork();
    em.setFilterParams('visible', { viewer: viewerOf(asker), now: new Date() });
    const organizations: unknown = await em.find(Organization, {}, { populate: ['contacts', 'grievances', 'saltingActivities'] as never });
    const plain = organizations as {
      contacts: Iterable<unknown>;
      grievances: Iterable<{ id: string }>;
      saltingActivities: Iterable<unknown>;
    }[];
    expect(plain.flatMap(({ contacts, saltingActivities }) => [...contacts, ...saltingActivities])).toEqual([]);
    const own = (ledgers.get('member') as Ledger).ids('Grievance');
    expect(plain.flatMap(({ grievances }) => [...grievances].map(({ id }) => id)).sort()).toEqual([...own].sort());
  });
});
