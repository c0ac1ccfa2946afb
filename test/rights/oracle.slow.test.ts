import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isObjectType,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLSchema,
} from 'graphql';
import { calendarId } from '../../seeds/holiday.ts';
import { aLocal, type Answer, type Local } from '../support/local.ts';
import { fillIn, schemaOf, wide } from './kit.ts';
import { absent, agreement, lists, lookups, operations, people, plainLists, refusalOf, rolesOf, type Username } from './agreement.ts';
import { askerOf, Ledger } from './ledger.ts';
import { dice, everything, Examiner, toGraphql } from './question.ts';

type List = keyof typeof lists;

interface Page {
  totalCount: number;
  nodes: { id: string }[];
}

let local: Local;
let schema: GraphQLSchema;
let ledgers: ReadonlyMap<Username, Ledger>;

const ledgerOf = (who: Username): Ledger => ledgers.get(who) as Ledger;
const mayAsk = (who: Username, operation: string): boolean => refusalOf(operations.Query[operation] ?? [], rolesOf(who)) === null;
const listsOf = (who: Username): List[] => (Object.keys(lists) as List[]).filter((list) => mayAsk(who, list));
const idsOf = (page: Page | null): string[] => (page?.nodes ?? []).map(({ id }) => id).sort();
const sorted = (ids: readonly string[]): string[] => [...ids].sort();

beforeAll(async () => {
  local = await aLocal({ environment: wide });
  schema = await schemaOf(local);
  for (const who of people) await local[who].token();
  await fillIn(local.sql);
  ledgers = await Ledger.ofAll(local.sql, people);
});

type Whole = { readonly list: Page | null; readonly codes: readonly string[]; readonly paths: readonly string[] };

/** Reads one list with each of these arguments completely. */
async function several(who: Username, name: string, all: readonly string[]): Promise<Whole[]> {
  if (all.length > perDocument)
    return [...(await several(who, name, all.slice(0, perDocument))), ...(await several(who, name, all.slice(perDocument)))];
  const asked = all.map((args, place) => `a${place}: ${name}(first: 100${args && `, ${args}`}) { totalCount nodes { id } }`);
  const { data, errors } = await local[who].ask<Record<string, Page | null>>(`{ ${asked.join(' ')} }`);
  return all.map((_, place) => {
    const own = errors.filter(({ path }) => path?.[0] === `a${place}`).map(({ extensions }) => extensions);
    return {
      list: data[`a${place}`] ?? null,
      codes: own.map(({ code }) => code),
      paths: own.flatMap(({ fields }) => ((fields ?? []) as { path: string }[]).map(({ path }) => path)),
    };
  });
}

/** The number of lists within a document's token limit. */
const perDocument = 60;

const list = async (who: Username, name: string, args = ''): Promise<Whole> => (await several(who, name, [args]))[0] as Whole;

/** Returns an input of a list's arguments. */
function inputOf(name: List, argument: 'filter' | 'orderBy'): GraphQLInputObjectType {
  const arg = schema
    .getQueryType()
    ?.getFields()
    [name]?.args.find((each) => each.name === argument);
  const type = arg && getNamedType(arg.type);
  if (!isInputObjectType(type)) throw new Error(`${name} has no ${argument}`);
  return type;
}

/**
 * Returns the filters of one field each. `search` is tested separately, and `or` and `not` contain the same filters.
 */
const filtersOf = (name: List): string[] =>
  Object.keys(inputOf(name, 'filter').getFields()).filter((filter) => !['search', 'or', 'not'].includes(filter));

function ordersOf(name: List): string[] {
  const type = inputOf(name, 'orderBy').getFields()['field']?.type;
  const named = type && getNamedType(type);
  return isEnumType(named) ? named.getValues().map(({ name: value }) => value) : [];
}

/** `memberId` filters by `member`, `LAST_NAME` orders by `lastName`. */
const fieldOfFilter = (type: string, filter: string): string => {
  const published = schema.getType(type);
  return isObjectType(published) && filter in published.getFields() ? filter : filter.replace(/Id$/, '');
};
const fieldOfOrder = (order: string): string => order.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

const tables = { Member: 'members', Organization: 'organizations', User: 'users' } as const;

/** Fields that are searched, with their columns. */
const searched = {
  Member: { lastName: 'last_name', memberNumber: 'member_number', email: 'email', phone: 'phone' },
  Organization: { name: 'name', email: 'email', phone: 'phone' },
  User: { lastName: 'last_name', username: 'username', email: 'email' },
} as const;

describe.each(people)('%s', (who) => {
  it('cannot filter or sort by fields that they never see, and all other filters show the same rows', async () => {
    for (const name of listsOf(who)) {
      const type = lists[name];
      const ids = sorted(ledgerOf(who).ids(type));
      const asked = [
        ...filtersOf(name).map((filter) => ({
          field: fieldOfFilter(type, filter),
          path: `filter.${filter}`,
          args: `filter: { ${filter}: {} }`,
        })),
        ...filtersOf(name).map((filter) => ({
          field: fieldOfFilter(type, filter),
          path: `filter.or[1].${filter}`,
          args: `filter: { or: [{}, { ${filter}: {} }] }`,
        })),
        ...filtersOf(name).map((filter) => ({
          field: fieldOfFilter(type, filter),
          path: `filter.not[0].${filter}`,
          args: `filter: { not: [{ ${filter}: {} }] }`,
        })),
        ...ordersOf(name).flatMap((order) =>
          ['ASC', 'DESC'].map((direction) => ({
            field: fieldOfOrder(order),
            path: 'orderBy.field',
            args: `orderBy: { field: ${order}, direction: ${direction} }`,
          })),
        ),
      ];
      const answers = await several(
        who,
        name,
        asked.map(({ args }) => args),
      );
      for (const [place, { field, path, args }] of asked.entries()) {
        const { list: page, codes, paths } = answers[place] as Whole;
        // a condition without a comparison matches every record, so its negation matches none
        const rows = args.includes('not:') ? [] : ids;
        if (ledgerOf(who).everSees(type, field))
          expect([args, codes, idsOf(page), page?.totalCount]).toEqual([args, [], rows, rows.length]);
        else expect([args, page, codes, paths]).toEqual([args, null, ['BAD_INPUT'], [path]]);
      }
    }
  });

  it('finds with a condition and its negation together exactly the visible rows', async () => {
    for (const name of listsOf(who)) {
      const type = lists[name];
      const filters = filtersOf(name)
        .filter((filter) => {
          const { type: of } = inputOf(name, 'filter').getFields()[filter] as { type: GraphQLInputType };
          return 'isNull' in (getNamedType(of) as GraphQLInputObjectType).getFields();
        })
        .filter((filter) => ledgerOf(who).everSees(type, fieldOfFilter(type, filter)));
      const args = filters.flatMap((filter) => [true, false].map((isNull) => `filter: { ${filter}: { isNull: ${isNull} } }`));
      const pages = (await several(who, name, args)).map(({ list: page }) => page as Page);
      for (const [place, filter] of filters.entries()) {
        const found = pages.slice(2 * place, 2 * place + 2).flatMap(idsOf);
        expect([filter, sorted(found)]).toEqual([filter, sorted(ledgerOf(who).ids(type))]);
      }
    }
  });

  it('searches only visible fields of visible rows', async () => {
    for (const name of listsOf(who)) {
      if (!('search' in inputOf(name, 'filter').getFields())) continue;
      const type = lists[name];
      const rows = await local.sql(
        `select * from ${tables[type as keyof typeof tables]} where deleted_at is null order by id limit 12`,
        [],
      );
      for (const [field, column] of Object.entries(searched[type as keyof typeof searched])) {
        const texts = rows.map((row) => row[column] as string | null).filter((text) => text !== null);
        const pages = await several(
          who,
          name,
          texts.map((text) => `filter: { search: ${JSON.stringify(text)} }`),
        );
        for (const [place, text] of texts.entries()) {
          const { list: page, codes } = pages[place] as Whole;
          const found = rows.filter((row) => row[column] === text).map(({ id }) => id as string);
          const seen = found.filter((id) => ledgerOf(who).ids(type).includes(id) && ledgerOf(who).sees(type, id, field));
          expect([type, field, text, codes]).toEqual([type, field, text, []]);
          // a hidden e-mail address contains no text of a visible field
          expect([type, field, text, idsOf(page).filter((id) => found.includes(id))]).toEqual([type, field, text, sorted(seen)]);
          expect([type, field, page?.totalCount]).toEqual([type, field, idsOf(page).length]);
        }
      }
    }
  });

  it('gets the same response for a hidden row and a missing one', async () => {
    const bare = (answer: Answer): unknown =>
      JSON.parse(JSON.stringify(answer.errors), (key, value: unknown) => (key === 'requestId' || key === 'path' ? undefined : value));
    for (const name of listsOf(who)) {
      const type = lists[name];
      const ask = (id: string, more = '') => local[who].ask(`query ($id: ID!) { ${lookups[name]}(id: $id${more}) { id } }`, { id });
      const missing = await ask(absent);
      expect([name, missing.status, missing.codes]).toEqual([name, 200, ['NOT_FOUND']]);
      const hidden = ledgerOf(who)
        .everyId(type)
        .filter((id) => !ledgerOf(who).has(type, id));
      for (const id of hidden.slice(0, 3)) {
        const refused = await ask(id);
        expect([name, refused.status, refused.data, bare(refused)]).toEqual([name, missing.status, missing.data, bare(missing)]);
      }
      for (const id of ['', 'nonsense', absent.slice(1), `${absent}'`, '1', '../']) {
        expect([name, id, (await ask(id)).codes]).toEqual([name, id, ['BAD_INPUT']]);
      }
    }
  });

  it('can request deleted rows only as an admin', async () => {
    for (const name of listsOf(who)) {
      const type = lists[name];
      const { list: page, codes } = await list(who, name, 'includeDeleted: true');
      const deleted = ledgerOf(who)
        .everyId(type)
        .find((id) => !ledgerOf('admin').has(type, id));
      const lookup = await local[who].ask<{ one: { id: string } | null }>(
        `{ one: ${lookups[name]}(id: "${deleted ?? absent}", includeDeleted: true) { id } }`,
      );
      if (who === 'admin') {
        const every = sorted(ledgerOf(who).everyId(type));
        expect([name, codes, idsOf(page), page?.totalCount]).toEqual([name, [], every, every.length]);
        expect([name, lookup.data.one?.id]).toEqual([name, deleted]);
      } else {
        expect([name, page, codes, lookup.codes]).toEqual([name, null, ['FORBIDDEN'], ['FORBIDDEN']]);
      }
    }
  });

  it('cannot reach deleted rows through a list inside a record', async () => {
    const { data, codes } = await local[who].ask<{ members: { nodes: { id: string; grievances: Page | null }[] } }>(
      '{ members(first: 100) { nodes { id grievances(first: 100, includeDeleted: true) { totalCount nodes { id } } } } }',
    );
    const found = data.members.nodes.flatMap(({ grievances }) => grievances?.nodes ?? []).map(({ id }) => id);
    if (who === 'admin') {
      expect([codes, sorted(found)]).toEqual([[], sorted(ledgerOf(who).everyId('Grievance'))]);
    } else {
      expect(found).toEqual([]);
      expect(codes.every((code) => code === 'FORBIDDEN')).toBe(true);
    }
  });

  it('learns nothing from a forged cursor', async () => {
    const forge = (...parts: unknown[]): string => Buffer.from(JSON.stringify(parts)).toString('base64url');
    for (const name of listsOf(who)) {
      const type = lists[name];
      const columns = [
        ...filtersOf(name).map((filter) => fieldOfFilter(type, filter)),
        'passwordHash',
        'notes',
        'deletedAt',
        'id',
        't."id"',
      ];
      const defaults = ordersOf(name).map(fieldOfOrder);
      const forged = [
        ...columns.filter((column) => !defaults.includes(column)).map((column) => forge(column, 'ASC', 'a', absent)),
        forge(),
        forge(null, null, null, null),
        forge({ toString: 'name' }, 'ASC', 'a', absent),
        ...['ASC', 'DESC', 'asc; select 1', '__proto__'].map((direction) => forge('id', direction, absent, absent)),
        'nonsense',
        '',
        '{}',
        Buffer.from('{"length":4}').toString('base64url'),
        Buffer.from('"text"').toString('base64url'),
      ];
      const answers = await several(
        who,
        name,
        forged.map((after) => `after: ${JSON.stringify(after)}`),
      );
      for (const [place, after] of forged.entries()) {
        const { list: page, codes } = answers[place] as Whole;
        expect([name, after, page, codes]).toEqual([name, after, null, ['BAD_INPUT']]);
      }
    }
  });
});

describe('a cursor with any value', () => {
  const values = ['', 'a', '\uffff', '\ud800', '%', 'null', 0, -1, 2 ** 31, 1e300, 1.5, true, null, [], {}, absent];
  const days = ['0000-01-01', '0001-01-01', '9999-12-31', '2026-02-29', '2026-02-30', '2026-13-01', 'infinity', 'today'];
  const instants = days.flatMap((day) => [`${day}T00:00:00.000Z`, `${day}T24:00:00.000Z`, `${day}T23:59:60.000Z`]);
  const amounts = ['-1', '0.00', 'NaN', '99999999999', '1e5'];
  const forged = [...values, ...days, ...instants, ...amounts];

  it.each(Object.keys(lists) as List[])('leads to rows or BAD_INPUT in %s, never to an internal error', async (name) => {
    for (const order of ordersOf(name)) {
      const cursors = forged.map((value) => Buffer.from(JSON.stringify([fieldOfOrder(order), 'ASC', value, absent])).toString('base64url'));
      const answers = await several(
        'admin',
        name,
        cursors.map((after) => `orderBy: { field: ${order} }, after: "${after}"`),
      );
      const faults = answers
        .map(({ codes }, place) => [order, forged[place], codes])
        .filter(([, , codes]) => !['', 'BAD_INPUT'].includes(String(codes)));
      expect(faults).toEqual([]);
    }
  });
});

describe('a list inside a record', () => {
  const counted = async (filter: string) => {
    const { members } = await local.organizer.see<{ members: { nodes: { saltingActivities: Page }[] } }>(
      `{ members(first: 100) { nodes { saltingActivities(first: 1, filter: ${filter}) { totalCount nodes { id } } } } }`,
    );
    return members.nodes.reduce((sum, { saltingActivities }) => sum + saltingActivities.totalCount, 0);
  };

  it('counts what passes its filter, for each parent', async () => {
    const [row] = await local.sql(
      `select count(*)::int as count from salting_activities a join members m on m.id = a.member_id
       where a.deleted_at is null and m.deleted_at is null and a.cards_signed >= 1`,
      [],
    );
    expect(await counted('{ cardsSigned: { gte: 1 } }')).toBe(row?.['count']);
  });

  it('does not lead from a hidden parent back to hidden rows', async () => {
    type Tree = { members: { nodes: { grievances: { nodes: { employer: { id: string; grievances: Page } }[] } }[] } };
    const { members } = await local.member.see<Tree>(
      '{ members { nodes { grievances { nodes { employer { id grievances(first: 100) { totalCount nodes { id } } } } } } } }',
    );
    const employers = members.nodes.flatMap(({ grievances }) => grievances.nodes.map(({ employer }) => employer));
    expect(employers.length).toBeGreaterThan(0);
    for (const { id, grievances } of employers) {
      const own = ledgerOf('member').children('Grievance', 'employer_id', id);
      expect([idsOf(grievances), grievances.totalCount]).toEqual([sorted(own), own.length]);
    }
  });
});

describe('the same document with other variables', () => {
  it('returns everything that is selected, although a first request skipped some of it', async () => {
    const [id] = ledgerOf('officer').ids('Grievance');
    const query = `query ($id: ID!, $more: Boolean!) {
      case: grievance(id: $id) @include(if: $more) { grievanceNumber employer { name } }
      case: grievance(id: $id) { status }
    }`;
    expect(await local.officer.see<object>(query, { id, more: false })).toEqual({ case: { status: expect.any(String) } });
    expect(await local.officer.see<object>(query, { id, more: true })).toEqual({
      case: { status: expect.any(String), grievanceNumber: expect.any(String), employer: { name: expect.any(String) } },
    });
  });

  it('is answered with the permissions of each caller, although another one sent it before', async () => {
    const query = '{ members(first: 100) { totalCount nodes { id notes employments { jobTitle } } } }';
    type Members = { members: { totalCount: number; nodes: { id: string; notes: string | null; employments: unknown[] | null }[] } };
    for (const who of ['admin', 'instructor', 'member', 'organizer', 'testuser', 'admin'] as const) {
      const { members } = await local[who].see<Members>(query);
      expect([who, idsOf(members), members.totalCount]).toEqual([
        who,
        sorted(ledgerOf(who).ids('Member')),
        ledgerOf(who).ids('Member').length,
      ]);
      for (const { id, notes } of members.nodes)
        expect([who, notes]).toEqual([who, ledgerOf(who).sees('Member', id, 'notes') ? 'member notes' : null]);
    }
  });
});

describe('changed permissions', () => {
  const assign = (username: string, role: string) =>
    local.sql(
      `insert into user_roles (id, created_at, updated_at, user_id, role_id, assigned_at, review_levels)
       select gen_random_uuid(), now(), now(), u.id, r.id, now(), '{}' from users u, roles r where u.username = $1 and r.name = $2`,
      [username, role],
    );
  const unassign = (username: string, role: string) =>
    local.sql(
      `delete from user_roles where user_id = (select id from users where username = $1) and role_id = (select id from roles where name = $2)`,
      [username, role],
    );
  const expire = (username: string, at: string) =>
    local.sql(`update user_roles set expires_at = ${at} where user_id = (select id from users where username = $1)`, [username]);

  /** Compares everything that a caller can query with the expected permissions of their current roles. */
  async function examine(who: Username): Promise<readonly string[]> {
    const ledger = await Ledger.of(local.sql, await askerOf(local.sql, who));
    const examiner = new Examiner(schema, ledger);
    const roll = dice(7);
    for (const [name, type] of Object.entries(lists)) {
      const question = everything(schema, type, 2, roll);
      const { data, codes } = await local[who].ask<{ root: unknown } | null>(toGraphql(`${name}(first: 100)`, 'nodes', question, roll));
      const code = refusalOf(operations.Query[name] ?? [], ledger.asker.roles);
      expect([name, codes]).toEqual([name, code === null ? [] : [code]]);
      if (code === null) examiner.examine(data?.root, 'nodes', question, ledger.ids(type), name);
    }
    return examiner.discrepancies;
  }

  it('end with the assignment, at the next request', async () => {
    try {
      await expire('officer', `now() - interval '1 millisecond'`);
      for (const name of Object.keys(lists)) {
        expect([name, (await local.officer.ask(`{ ${name} { totalCount } }`)).codes]).toEqual([name, ['FORBIDDEN']]);
      }
      expect((await local.officer.ask('{ roles { id } }')).codes).toEqual(['FORBIDDEN']);
      const me = await local.officer.see<{ me: { username: string; member: unknown; roles: { role: { name: string } }[] } }>(
        '{ me { username member { id } roles { role { name } } } sessions { isCurrent } permissions { isAllowed } }',
      );
      expect(me.me).toEqual({ username: 'officer', member: null, roles: [{ role: { name: 'officer' } }] });
      expect(await examine('officer')).toEqual([]);
    } finally {
      await expire('officer', 'null');
    }
    expect((await list('officer', 'grievances')).codes).toEqual([]);
  });

  it('end at their expiry, by the clock of the service', async () => {
    try {
      await expire('instructor', `now() + interval '60 seconds'`);
      expect((await list('instructor', 'members')).codes).toEqual([]);
      local.clock.turn(61);
      expect((await list('instructor', 'members')).codes).toEqual(['FORBIDDEN']);
    } finally {
      local.clock.turn(-61);
      await expire('instructor', 'null');
    }
  });

  it.each([
    [
      'is deactivated',
      `update users set is_active = false where username = 'instructor'`,
      `update users set is_active = true where username = 'instructor'`,
    ],
    [
      'is deleted',
      `update users set deleted_at = now() where username = 'instructor'`,
      `update users set deleted_at = null where username = 'instructor'`,
    ],
    [
      'has their session ended',
      `update sessions set ended_at = now(), end_reason = 'revoked' where user_id = (select id from users where username = 'instructor')`,
      `update sessions set ended_at = null, end_reason = null where user_id = (select id from users where username = 'instructor')`,
    ],
  ])('end at the next request when a user %s', async (_what, change, undo) => {
    expect((await list('instructor', 'members')).codes).toEqual([]);
    await local.sql(change, []);
    try {
      for (const query of [
        '{ members { totalCount } }',
        '{ me { id } }',
        '{ sessions { id } }',
        '{ roles { id } }',
        'mutation { logout }',
      ]) {
        expect([query, (await local.instructor.ask(query)).codes]).toEqual([query, ['UNAUTHENTICATED']]);
      }
    } finally {
      await local.sql(undo, []);
    }
    expect((await list('instructor', 'members')).codes).toEqual([]);
  });

  it.each([
    ['testuser', 'organizer'],
    ['testuser', 'instructor'],
    ['testuser', 'staff'],
    ['organizer', 'member'],
    ['instructor', 'organizer'],
  ] as const)('are the union for %s who is %s too', async (who, role) => {
    await assign(who, role);
    try {
      expect(await examine(who)).toEqual([]);
    } finally {
      await unassign(who, role);
    }
    expect(await examine(who)).toEqual([]);
  });

  it('show a member who organizes their whole own record, and of others what organizers see, also in filters', async () => {
    await assign('testuser', 'organizer');
    try {
      const ledger = await Ledger.of(local.sql, await askerOf(local.sql, 'testuser'));
      const own = ledger.asker.memberId as string;
      const [row] = await local.sql('select classification from members where id = $1', [own]);
      const by = async (filter: string) => idsOf((await list('testuser', 'members', `filter: ${filter}`)).list);
      expect(ledger.ids('Member').length).toBeGreaterThan(1);
      expect(await by(`{ classification: { eq: ${String(row?.['classification']).toUpperCase()} } }`)).toEqual([own]);
      expect(await by('{ city: { contains: "o" } }')).toEqual([own]);
      expect(await by('{ hireDate: { gte: "1900-01-01" } }')).toEqual([own]);
      expect(await by('{ hireDate: { isNull: false } }')).toEqual([own]);
      expect(await by('{ hireDate: { isNull: true } }')).toEqual(sorted(ledger.ids('Member').filter((id) => id !== own)));
      const contacts = await local.sql('select id, email, phone from members where deleted_at is null and email is not null', []);
      const mine = contacts.find(({ id }) => id === own);
      for (const { email, phone } of contacts) {
        expect(await by(`{ search: "${String(email)}" }`)).toEqual(email === mine?.['email'] ? [own] : []);
        if (phone !== null) expect(await by(`{ search: "${String(phone)}" }`)).toEqual(phone === mine?.['phone'] ? [own] : []);
      }
      expect(mine?.['email']).toEqual(expect.any(String));
      const { codes } = await list('testuser', 'organizations', 'orderBy: { field: ORG_TYPE }');
      expect(codes).toEqual([]);
    } finally {
      await unassign('testuser', 'organizer');
    }
  });

  it('of a custom role are those of its base role', async () => {
    await unassign('instructor', 'instructor');
    await assign('instructor', 'clerk');
    try {
      expect((await askerOf(local.sql, 'instructor')).roles).toEqual(['staff']);
      expect(await examine('instructor')).toEqual([]);
      const { roles } = await local.instructor.see<{ roles: { name: string; basedOn: string; isSystemRole: boolean }[] }>(
        '{ roles { name basedOn isSystemRole } }',
      );
      expect(roles).toEqual([{ name: 'clerk', basedOn: 'STAFF', isSystemRole: false }]);
    } finally {
      await unassign('instructor', 'clerk');
      await assign('instructor', 'instructor');
    }
  });

  it('of a member without a linked record include only the local', async () => {
    const userId = ledgerOf('testuser').asker.userId;
    const memberId = ledgerOf('testuser').asker.memberId;
    await local.sql('update users set member_id = null where id = $1', [userId]);
    try {
      expect(await examine('testuser')).toEqual([]);
      const [union] = await local.sql(`select id from organizations where org_type = 'union' and deleted_at is null`, []);
      expect(idsOf((await list('testuser', 'organizations')).list)).toEqual([union?.['id']]);
      expect((await list('testuser', 'members')).list?.totalCount).toBe(0);
    } finally {
      await local.sql('update users set member_id = $2 where id = $1', [userId, memberId]);
    }
  });

  it('give only the caller without relations while the password must be changed', async () => {
    await local.sql(`update users set password_must_change = true where username = 'staff'`, []);
    try {
      for (const name of Object.keys(operations.Query)) {
        const isList = name in lists || name in plainLists;
        const isBare =
          isList ||
          [
            'me',
            'sessions',
            'roles',
            'holidayCalendars',
            'bargainingUnits',
            'referralBooks',
            'permissions',
            'isConfigured',
            'vault',
            'secrets',
            'settings',
          ].includes(name) ||
          name.endsWith('Summary');
        const selection = ['isConfigured', 'dueDate'].includes(name) ? '' : '{ __typename }';
        const limit = `(calendarId: "${calendarId}", from: "2026-03-26", days: 10, dayUnit: WORKING)`;
        const id = `(${{ grievanceByNumber: 'grievanceNumber', secret: 'keyName', nodes: 'ids' }[name] ?? 'id'}: "${absent}")`;
        const binding = `(employerId: "${absent}", on: "2026-03-26")`;
        const book = `(bookId: "${absent}")`;
        const args = isBare ? '' : ({ dueDate: limit, agreementFor: binding, outOfWorkList: book }[name] ?? id);
        const allowed = ['me', 'permissions', 'isConfigured', 'dueDate'].includes(name);
        const refused = mayAsk('staff', name)
          ? 'PASSWORD_CHANGE_REQUIRED'
          : expect.stringMatching(/^(PASSWORD_CHANGE_REQUIRED|FORBIDDEN)$/);
        expect([name, (await local.staff.ask(`{ ${name}${args} ${selection} }`)).codes]).toEqual([name, allowed ? [] : [refused]]);
      }
    } finally {
      await local.sql(`update users set password_must_change = false where username = 'staff'`, []);
    }
  });

  it('give no way from the caller to other records while the password must be changed', async () => {
    await local.sql(`update users set password_must_change = true where username = 'officer'`, []);
    try {
      const { data } = await local.officer.ask<{ me: { id: string; member: { employments: unknown; grievances: unknown } | null } }>(
        '{ me { id member { employments { organization { name grievances { nodes { notes member { address } } } } } grievances { totalCount } } } }',
      );
      expect(data.me.id).toBe(ledgerOf('officer').asker.userId);
      expect(data.me.member).toBe(null);
    } finally {
      await local.sql(`update users set password_must_change = false where username = 'officer'`, []);
    }
  });
});

describe('a deleted row', () => {
  /** A row of each table that others refer to. */
  let grievance: Readonly<Record<'id' | 'member_id' | 'employer_id' | 'grievance_number', string>>;
  beforeEach(async () => {
    const [row] = await local.sql(
      `select id, member_id, employer_id, grievance_number from grievances where deleted_at is null and member_id = $1 order by id limit 1`,
      [ledgerOf('member').asker.memberId],
    );
    grievance = row as typeof grievance;
  });

  async function whileDeleted(table: string, id: string, act: () => Promise<void>): Promise<void> {
    const before = ledgers;
    await local.sql(`update ${table} set deleted_at = now() where id = $1`, [id]);
    try {
      ledgers = await Ledger.ofAll(local.sql, people);
      await act();
    } finally {
      await local.sql(`update ${table} set deleted_at = null where id = $1`, [id]);
      ledgers = before;
    }
  }

  /** Checks that lists and lookups of all users match the ledgers. */
  async function isGone(name: List, id: string): Promise<void> {
    for (const who of people) {
      if (!mayAsk(who, name)) continue;
      const { list: page } = await list(who, name);
      const left = sorted(ledgerOf(who).ids(lists[name]));
      expect([who, idsOf(page), page?.totalCount, left.includes(id)]).toEqual([who, left, left.length, false]);
      expect([who, (await local[who].ask(`{ ${lookups[name]}(id: "${id}") { id } }`)).codes]).toEqual([who, ['NOT_FOUND']]);
    }
  }

  it('employer is gone from lists, lookups and counts, but its cases still show it', async () => {
    await whileDeleted('organizations', grievance.employer_id, async () => {
      await isGone('organizations', grievance.employer_id);
      for (const who of ['admin', 'officer', 'staff', 'member'] as const) {
        const { one } = await local[who].see<{ one: { employer: { id: string; name: string } } }>(
          `{ one: grievance(id: "${grievance.id}") { employer { id name } } }`,
        );
        expect([who, one.employer.id, typeof one.employer.name]).toEqual([who, grievance.employer_id, 'string']);
      }
    });
  });

  it('member is gone from lists, lookups and counts, but their cases still show them', async () => {
    await whileDeleted('members', grievance.member_id, async () => {
      await isGone('members', grievance.member_id);
      const query = `{ grievance(id: "${grievance.id}") { member { id fullName } }
        benevolenceApplications(first: 100, filter: { memberId: { eq: "${grievance.member_id}" } }) { nodes { member { id fullName } } } }`;
      for (const who of ['admin', 'officer', 'staff', 'member'] as const) {
        type Cases = { grievance: { member: { id: string } }; benevolenceApplications: { nodes: { member: { id: string } }[] } };
        const { grievance: one, benevolenceApplications } = await local[who].see<Cases>(query);
        expect(benevolenceApplications.nodes.length).toBeGreaterThan(0);
        for (const { member } of [one, ...benevolenceApplications.nodes]) expect([who, member.id]).toEqual([who, grievance.member_id]);
      }
    });
  });

  it('grievance is gone from lists, lookups, counts, the lookup by number and the lists inside records', async () => {
    await whileDeleted('grievances', grievance.id, async () => {
      await isGone('grievances', grievance.id);
      for (const who of ['admin', 'officer', 'staff', 'member'] as const) {
        const byNumber = await local[who].ask(`{ grievanceByNumber(grievanceNumber: "${grievance.grievance_number}") { id } }`);
        expect([who, byNumber.codes]).toEqual([who, ['NOT_FOUND']]);
        const { members } = await local[who].see<{ members: { nodes: { grievances: Page }[] } }>(
          '{ members(first: 100) { nodes { grievances(first: 100) { totalCount nodes { id } } } } }',
        );
        const found = members.nodes.flatMap(({ grievances }) => idsOf(grievances));
        expect([who, sorted(found)]).toEqual([who, sorted(ledgerOf(who).ids('Grievance'))]);
        expect(members.nodes.reduce((sum, { grievances }) => sum + grievances.totalCount, 0)).toBe(found.length);
      }
    });
  });

  it('user cannot be found, but their name stands where they acted', async () => {
    const [row] = await local.sql(
      `select u.id, e.grievance_id from users u join case_events e on e.actor_id = u.id join grievances g on g.id = e.grievance_id
       where u.username = 'gone' and g.deleted_at is null limit 1`,
      [],
    );
    expect((await local.admin.ask(`{ user(id: "${String(row?.['id'])}") { id } }`)).codes).toEqual(['NOT_FOUND']);
    const { grievance: one } = await local.officer.see<{ grievance: { history: { actor: { fullName: string } }[] } }>(
      `{ grievance(id: "${String(row?.['grievance_id'])}") { history { actor { fullName } } } }`,
    );
    expect(one.history.map(({ actor }) => actor.fullName)).toContain('Gone Person');
  });
});

describe('the expected permissions', () => {
  it('name no table with rows that no role can read', () => {
    for (const type of Object.keys(agreement)) expect([type, ledgerOf('admin').ids(type).length > 0]).toEqual([type, true]);
  });
});
