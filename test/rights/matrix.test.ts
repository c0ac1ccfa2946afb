import { beforeAll, describe, expect, it } from '@jest/globals';
import { isObjectType, type GraphQLObjectType, type GraphQLSchema } from 'graphql';
import { aLocal, type Answer, type Local } from '../support/local.ts';
import {
  absent,
  agreement,
  lists,
  lookups,
  operations,
  people,
  plainLists,
  plainTypes,
  refusalOf,
  roles,
  rolesOf,
  words,
  type Username,
} from './agreement.ts';
import { fillIn, schemaOf, wide } from './kit.ts';
import { Ledger } from './ledger.ts';
import { dice, everything, Examiner, toGraphql } from './question.ts';

const askers = ['anonymous', ...people] as const;

const isLookup = (operation: string): boolean => Object.values<string>(lookups).includes(operation);

let local: Local;
let schema: GraphQLSchema;
let ledgers: ReadonlyMap<Username, Ledger>;
const ledgerOf = (who: Username): Ledger => ledgers.get(who) as Ledger;

beforeAll(async () => {
  local = await aLocal({ environment: wide });
  schema = await schemaOf(local);
  for (const who of people) await local[who].token();
  await fillIn(local.sql);
  ledgers = await Ledger.ofAll(local.sql, people);
  // Refusals of the vault are recorded at once, but the log must not change during the comparison.
  await local.sql(`create function stands_still() returns trigger language plpgsql as $$ begin return null; end $$`, []);
  await local.sql('create trigger stands_still before insert on audit_events for each row execute function stands_still()', []);
});

const rootTypes = ['Query', 'Mutation', 'Subscription'] as const;
type Root = (typeof rootTypes)[number];

/** Returns the refusal that a user gets from an operation. */
const refused = (operation: string, who: Username | 'anonymous', root: Root = 'Query') =>
  refusalOf(operations[root][operation] ?? [], rolesOf(who));

/**
 * Returns the roles that can see a field, from its description: "Visible to admins. Members see it for …. Otherwise
 * null."
 */
function viewersIn(description: string): Set<string> {
  const sentences = /^(.*) Otherwise (?:null|empty)\.$/.exec(description)?.[1]?.split(/(?<=\.) /) ?? [];
  const viewers = sentences.flatMap((sentence) => /^Visible to (.*)\.$|^(.*) see it for /.exec(sentence)?.slice(1) ?? []).join(' ');
  const named = { ...Object.fromEntries(roles.map((role) => [role, role])), 'signed-in': 'signed-in user' };
  return new Set(Object.entries(named).flatMap(([role, noun]) => (new RegExp(`\\b${noun}`, 'i').test(viewers) ? [role] : [])));
}

describe('the expected permissions', () => {
  const ofRecords = Object.entries(agreement).map(([type, { parts }]) => [type, Object.values(parts).flatMap(words)] as const);
  const ofPlain = Object.entries(plainTypes).map(([type, fields]) => [type, words(fields)] as const);

  it.each([...ofRecords, ...ofPlain])('cover every field of %s once', (type, fields) => {
    const published = schema.getType(type);
    expect(isObjectType(published) && Object.keys(published.getFields()).sort()).toEqual([...fields].sort());
  });

  it('are in the schema: who can see a field that not everyone with the record can see', () => {
    for (const [name, { parts, grants }] of Object.entries(agreement)) {
      const fields = (schema.getType(name) as GraphQLObjectType).getFields();
      const seeing = new Set(grants.flatMap(([to]) => words(to)));
      for (const [part, list] of Object.entries(parts)) {
        const showing = new Set(grants.filter(([, , shown]) => words(shown).includes(part)).flatMap(([to]) => words(to)));
        if (showing.size === seeing.size) continue;
        for (const field of words(list)) {
          expect([`${name}.${field}`, viewersIn(fields[field]?.description ?? '')]).toEqual([`${name}.${field}`, showing]);
        }
      }
    }
  });

  it('cover every type with operations', () => {
    const forms = [...Object.values(lists), ...Object.values(plainLists)].flatMap((type) => [`${type}Connection`, `${type}Edge`]);
    const published = Object.values(schema.getTypeMap()).filter((type) => isObjectType(type) && !type.name.startsWith('__'));
    const decided = [...Object.keys(agreement), ...Object.keys(plainTypes), ...forms, ...rootTypes];
    expect(published.map(({ name }) => name).sort()).toEqual(decided.sort());
    for (const form of forms) {
      const type = schema.getType(form);
      const expected = form.endsWith('Edge') ? ['cursor', 'node'] : ['edges', 'nodes', 'pageInfo', 'totalCount'];
      expect([form, isObjectType(type) && Object.keys(type.getFields()).sort()]).toEqual([form, expected]);
    }
  });

  it.each(rootTypes)('cover every %s', (root) => {
    const type = schema.getType(root);
    expect(isObjectType(type) && Object.keys(type.getFields()).sort()).toEqual(Object.keys(operations[root]).sort());
  });

  it('show something to each role, and hide something from each except the admin', () => {
    for (const who of people) {
      const hidden = Object.keys(agreement).flatMap((type) =>
        ledgerOf(who)
          .everyId(type)
          .filter((id) => !ledgerOf(who).row(type, id)),
      );
      // The admin can read everything except the sessions of others.
      expect([who, hidden.length > 0]).toEqual([who, true]);
      expect([who, ledgerOf(who).ids('Member').length > 0, ledgerOf(who).ids('Organization').length > 0]).toEqual([who, true, true]);
    }
  });
});

describe.each(askers)('%s', (who) => {
  const ask = (query: string): Promise<Answer<Record<string, unknown>>> => local[who].ask<Record<string, unknown>>(query);

  it('has exactly the agreed permissions, and can read them', async () => {
    const { data } = await ask('{ permissions { type operation isAllowed } }');
    const told = (data['permissions'] as { type: Uppercase<Root>; operation: string; isAllowed: boolean }[]).map(
      ({ type, operation, isAllowed }) => [type, operation, isAllowed] as const,
    );
    const agreed = rootTypes.flatMap((root) =>
      Object.keys(operations[root]).map((name) => [root.toUpperCase(), name, refused(name, who, root) === null] as const),
    );
    expect([...told].sort()).toEqual([...agreed].sort());
  });

  it.each(Object.entries({ ...lists, ...plainLists }))('finds exactly the visible rows in %s, and counts no more', async (list, type) => {
    const { data, codes } = await ask(`{ list: ${list}(first: 100) { totalCount pageInfo { hasNextPage } nodes { id } } }`);
    const code = refused(list, who);
    if (code !== null || who === 'anonymous') {
      expect([data, codes]).toEqual([{ list: null }, [code]]);
      return;
    }
    const { totalCount, pageInfo, nodes } = data['list'] as {
      totalCount: number;
      pageInfo: { hasNextPage: boolean };
      nodes: { id: string }[];
    };
    const expected = ledgerOf(who).ids(type);
    expect(nodes.map(({ id }) => id).sort()).toEqual([...expected].sort());
    expect({ totalCount, pageInfo }).toEqual({ totalCount: expected.length, pageInfo: { hasNextPage: false } });
  });

  it.each(Object.entries(lookups))('can look up exactly the visible rows in %s', async (list, lookup) => {
    const type = lists[list as keyof typeof lists];
    const ids = [...ledgerOf('admin').everyId(type), absent];
    const { data, errors } = await ask(`{ ${ids.map((id, place) => `a${place}: ${lookup}(id: "${id}") { id }`).join(' ')} }`);
    const code = refused(lookup, who);
    const visible = code === null && who !== 'anonymous' ? ledgerOf(who).ids(type) : [];
    const expected = Object.fromEntries(ids.map((id, place) => [`a${place}`, visible.includes(id) ? { id } : null]));
    expect(data).toEqual(expected);
    const codes = Object.fromEntries(errors.map(({ path, extensions }) => [path?.[0], extensions.code]));
    expect(codes).toEqual(
      Object.fromEntries(Object.keys(expected).flatMap((key) => (expected[key] === null ? [[key, code ?? 'NOT_FOUND']] : []))),
    );
  });

  it('can look up exactly the visible grievances by number', async () => {
    const rows = await local.sql('select id, grievance_number as number from grievances order by id', []);
    const asked = rows.map(({ number }, place) => `a${place}: grievanceByNumber(grievanceNumber: "${String(number)}") { id }`);
    const { data, codes } = await ask(`{ ${asked.join(' ')} }`);
    const code = refused('grievanceByNumber', who);
    const visible = code === null && who !== 'anonymous' ? ledgerOf(who).ids('Grievance') : [];
    expect(Object.values(data)).toEqual(rows.map(({ id }) => (visible.includes(id as string) ? { id } : null)));
    expect(codes).toEqual(rows.filter(({ id }) => !visible.includes(id as string)).map(() => code ?? 'NOT_FOUND'));
  });

  it('is refused everything that is not allowed, whatever the arguments', async () => {
    const arguments_: Record<string, readonly string[]> = {
      list: [
        '',
        'first: 0',
        'first: 101',
        'last: -1',
        'first: 1, last: 1',
        'after: "nonsense"',
        'before: "x"',
        'includeDeleted: true',
        'filter: {}',
      ],
      lookup: ['id: "nonsense"', `id: "${absent}"`, 'id: ""', `id: "${absent}", includeDeleted: true`],
      plain: ['', 'first: 0', 'first: 101', 'last: -1', 'first: 1, last: 1', 'after: "nonsense"', 'filter: {}'],
      number: ['grievanceNumber: "nonsense"', 'grievanceNumber: "GR-2026-0001", includeDeleted: true'],
      key: ['keyName: "nonsense"', 'keyName: ""'],
      node: ['id: "nonsense"', `id: "${absent}"`],
      nodes: ['ids: []', 'ids: ["nonsense"]', `ids: ["${absent}"]`],
      binding: ['employerId: "nonsense", on: "2026-03-26"', `employerId: "${absent}", on: "2026-03-26"`],
    };
    const named: Readonly<Record<string, string>> = {
      grievanceByNumber: 'number',
      secret: 'key',
      node: 'node',
      nodes: 'nodes',
      agreementFor: 'binding',
    };
    for (const operation of Object.keys(operations.Query)) {
      const code = refused(operation, who);
      if (code === null) continue;
      const plain = operation in plainLists ? 'plain' : null;
      const kind = plain ?? (operation in lists ? 'list' : isLookup(operation) ? 'lookup' : (named[operation] ?? 'none'));
      for (const each of arguments_[kind] ?? ['']) {
        const selection = kind === 'list' || kind === 'plain' ? 'totalCount' : kind === 'none' ? '__typename' : 'id';
        const { data, codes } = await ask(`{ x: ${operation}${each === '' ? '' : `(${each})`} { ${selection} } }`);
        expect([operation, each, data, codes]).toEqual([operation, each, { x: null }, [code]]);
      }
    }
  });
});

describe.each(people)('%s', (who) => {
  const roots: readonly (readonly [root: string, form: 'nodes' | 'edges' | 'list' | 'one', type: string, steps: number])[] = [
    ...Object.entries({ ...lists, ...plainLists }).map(([list, type]) => [`${list}(first: 100)`, 'nodes', type, 1] as const),
    ['roles', 'list', 'Role', 0],
    ['sessions', 'list', 'Session', 0],
    ['me', 'one', 'User', 2],
  ];

  it.each(roots)('sees exactly the agreed fields of %s', async (root, form, type, steps) => {
    if (refused(root.replace(/\(.*/, ''), who) !== null) return;
    const roll = dice(1);
    const question = everything(schema, type, steps, roll);
    const answer = await local[who].ask<{ root: unknown }>(toGraphql(root, form, question, roll));
    expect(answer.errors).toEqual([]);
    const examiner = new Examiner(schema, ledgerOf(who));
    const expected = root === 'me' ? [ledgerOf(who).asker.userId] : ledgerOf(who).ids(type);
    examiner.examine(answer.data.root, form, question, expected, root);
    expect(examiner.discrepancies).toEqual([]);
    // Every visible field had a value at least once: a field without values proves nothing.
    const own = question.leaves.map(({ field }) => field).filter((field) => field !== 'deletedAt' && ledgerOf(who).everSees(type, field));
    if (who === 'admin') expect(own.filter((field) => !examiner.met.has(`${type}.${field}`))).toEqual([]);
  });
});

describe('the actions on a case', () => {
  type Cases = Record<'cases', { nodes: { id: string; status: string; availableActions: string[] }[] }>;
  const casesOf = async (who: Username, list: string) =>
    (await local[who].see<Cases>(`{ cases: ${list}(first: 100) { nodes { id status availableActions } } }`)).cases.nodes;

  it('are open to users who handle grievances; the grievant can read', async () => {
    const admins = await casesOf('admin', 'grievances');
    for (const who of ['officer', 'staff'] as const) expect([who, await casesOf(who, 'grievances')]).toEqual([who, admins]);
    for (const who of ['member', 'testuser'] as const) {
      const own = await casesOf(who, 'grievances');
      expect([who, own.length > 0, own.flatMap(({ availableActions }) => availableActions)]).toEqual([who, true, []]);
    }
  });

  const applicant = ['UPDATE', 'SUBMIT', 'WITHDRAW'];
  const agreed: Record<string, Partial<Record<Username, string[]>>> = {
    DRAFT: { admin: applicant, staff: ['UPDATE', 'SUBMIT'], member: applicant, testuser: applicant },
    SUBMITTED: { admin: ['WITHDRAW'], member: ['WITHDRAW'], testuser: ['WITHDRAW'] },
    APPROVED: { admin: ['PAY'], officer: ['PAY'] },
  };

  it.each(['admin', 'officer', 'staff', 'member', 'testuser'] as const)('and on an application by %s are the agreed ones', async (who) => {
    const applications = await casesOf(who, 'benevolenceApplications');
    expect(applications.length).toBeGreaterThan(0);
    const waiting = await local.sql(
      `select id from benevolence_applications a where status in ('submitted', 'under_review') and 'admin' = (
         select level from unnest(array['vp', 'admin', 'manager', 'president']) with ordinality l(level, place) where level = any(a.required_levels)
         and not exists (select 1 from benevolence_reviews r where r.application_id = a.id and r.round = a.round and r.review_level = level)
         order by place limit 1)`,
      [],
    );
    for (const { id, status, availableActions } of applications) {
      const reviews = who === 'admin' && waiting.some((row) => row['id'] === id) ? ['REVIEW'] : [];
      expect([status, [...availableActions].sort()]).toEqual([status, [...(agreed[status]?.[who] ?? []), ...reviews].sort()]);
    }
  });
});
