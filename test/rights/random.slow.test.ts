import { beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  type GraphQLEnumType,
  type GraphQLInputObjectType,
  type GraphQLSchema,
} from 'graphql';
import { aLocal, type Local } from '../support/local.ts';
import { lists, operations, refusalOf, roles, type Role } from './agreement.ts';
import { fillIn, schemaOf, wide } from './kit.ts';
import { askerOf, Ledger, type Stored } from './ledger.ts';
import { dice, everything, Examiner, snake, toGraphql } from './question.ts';

/** The number of random callers: set `RIGHTS_RUNS` for more. */
const runs = Number(process.env['RIGHTS_RUNS'] ?? 60);

type List = keyof typeof lists;

let local: Local;
let schema: GraphQLSchema;

beforeAll(async () => {
  local = await aLocal({ environment: wide });
  schema = await schemaOf(local);
  await local.testuser.token();
  await fillIn(local.sql);
});

/** The assignments of one caller: some in force, and some expired. */
const holdings = fc.record({ held: fc.subarray([...roles], { maxLength: 2 }), expired: fc.subarray([...roles], { maxLength: 2 }) });

/** The member record of the caller: their own, none, or one with cases but without a user. */
const links = fc.constantFrom('own', 'none', 'other');

const comparisons = fc.record({ field: fc.nat(), row: fc.nat(), how: fc.constantFrom('eq', 'notIn', 'isNull', 'contains', 'gte') });

const questions = fc.record({
  list: fc.constantFrom(...(Object.keys(lists) as List[])),
  seed: fc.integer(),
  steps: fc.nat(3),
  form: fc.constantFrom('nodes' as const, 'edges' as const),
  /** Selects random filter and order fields; null for none. */
  filter: fc.option(fc.array(comparisons, { minLength: 1, maxLength: 2 })),
  /** How the conditions are combined: the first alone, as alternatives, or negated. */
  put: fc.constantFrom('alone' as const, 'or' as const, 'not' as const),
  order: fc.option(fc.record({ field: fc.nat(), direction: fc.constantFrom('ASC', 'DESC') })),
});

async function hold({ held, expired }: { held: Role[]; expired: Role[] }, link: string, own: string): Promise<void> {
  const user = `(select id from users where username = 'testuser')`;
  await local.sql(`delete from user_roles where user_id = ${user}`, []);
  for (const role of roles) {
    const isHeld = held.includes(role);
    if (!isHeld && !expired.includes(role)) continue;
    await local.sql(
      `insert into user_roles (id, created_at, updated_at, user_id, role_id, assigned_at, expires_at, review_levels)
       select gen_random_uuid(), now(), now(), ${user}, r.id, now(), ${isHeld ? 'null' : `now() - interval '1 ms'`}, '{}'
       from roles r where r.name = $1`,
      [role],
    );
  }
  const other = `(select g.member_id from grievances g where g.deleted_at is null
    and not exists (select 1 from users u where u.member_id = g.member_id) order by g.id limit 1)`;
  await local.sql(`update users set member_id = null where id = ${user}`, []);
  if (link !== 'none')
    await local.sql(`update users set member_id = ${link === 'own' ? '$1' : `coalesce(${other}, $1)`} where id = ${user}`, [own]);
}

const inputOf = (list: List, argument: string): GraphQLInputObjectType => {
  const arg = schema
    .getQueryType()
    ?.getFields()
    [list]?.args.find(({ name }) => name === argument);
  return getNamedType(arg?.type) as GraphQLInputObjectType;
};

interface Condition {
  readonly text: string;
  /** The column that it reads, and whether a stored value matches. */
  readonly column: string;
  readonly field: string;
  readonly passes: (value: unknown) => boolean;
}

/** Returns a condition on a value of some row, visible or hidden; null if the operator does not fit the column. */
function conditionOf(
  list: List,
  { field, row, how }: { field: number; row: number; how: string },
  stored: readonly Stored[],
): Condition | null {
  const filters = Object.values(inputOf(list, 'filter').getFields());
  const filter = filters[field % filters.length];
  const type = filter && getNamedType(filter.type);
  if (!filter || !isInputObjectType(type)) return null;
  const operator = type.getFields()[how];
  const column = snake(filter.name);
  const value = stored[row % stored.length]?.[column] ?? null;
  const published = filter.name.endsWith('Id') ? filter.name.slice(0, -2) : filter.name;
  const name = (schema.getType(lists[list]) as { getFields?: () => object }).getFields?.() ?? {};
  const told = { column, field: filter.name in name ? filter.name : published };
  if (how === 'isNull' && operator)
    return { ...told, text: `{ ${filter.name}: { isNull: ${row % 2 === 0} } }`, passes: (each) => (each === null) === (row % 2 === 0) };
  if (!operator || value === null || how === 'isNull') return null;
  const leaf = getNamedType(operator.type).name;
  if (leaf === 'DateTime') return null;
  const isEnum = isEnumType(getNamedType(operator.type));
  const literal = leaf === 'Decimal' ? `"${Number(value).toFixed(2)}"` : isEnum ? String(value).toUpperCase() : JSON.stringify(value);
  const text = `{ ${filter.name}: { ${how}: ${literal} } }`;
  if (how === 'notIn') return { ...told, text, passes: (each) => each !== value };
  if (how === 'eq') return { ...told, text, passes: (each) => each === value };
  if (how === 'gte') return { ...told, text, passes: (each) => each !== null && (each as string | number) >= (value as string | number) };
  return {
    ...told,
    text,
    passes: (each) => folded(each).includes(folded(value)),
  };
}

const folded = (value: unknown): string =>
  String(value ?? '')
    .normalize('NFD')
    .replace(/[\p{Mn}'\u2018\u2019]/gu, '')
    .toLowerCase();

/**
 * Combines conditions into a filter, and returns whether a row matches. `told` has the visible value of each condition.
 */
function filterOf(put: 'alone' | 'or' | 'not', drawn: readonly Condition[]) {
  const conditions = put === 'alone' ? drawn.slice(0, 1) : drawn;
  if (conditions.length === 0) return null;
  const texts = conditions.map(({ text }) => text);
  const meets = (told: (condition: Condition) => unknown) => conditions.some((each) => each.passes(told(each)));
  return {
    fields: conditions.map(({ field }) => field),
    text: put === 'alone' ? String(texts[0]) : `{ ${put}: [${texts.join(', ')}] }`,
    passes: (told: (condition: Condition) => unknown) => meets(told) !== (put === 'not'),
  };
}

it('shows no caller, with any roles and any query, a row or value that was not agreed', async () => {
  const own = (await askerOf(local.sql, 'testuser')).memberId as string;
  const met = { rows: 0, refused: 0, hidden: 0, filtered: 0, combined: 0 };
  await fc.assert(
    fc.asyncProperty(holdings, links, fc.array(questions, { minLength: 3, maxLength: 6 }), async (holding, link, asked) => {
      await hold(holding, link, own);
      const ledger = await Ledger.of(local.sql, await askerOf(local.sql, 'testuser'));
      for (const { list, seed, steps, form, filter, put, order } of asked) {
        const type = lists[list];
        const stored = ledger.stored(type);
        const drawn = (filter ?? []).flatMap((each) => conditionOf(list, each, stored) ?? []);
        const condition = filterOf(put, drawn);
        const orders = (getNamedType(inputOf(list, 'orderBy').getFields()['field']?.type) as GraphQLEnumType).getValues();
        const by = order && orders[order.field % orders.length]?.name;
        const args = [
          'first: 100',
          ...(condition ? [`filter: ${condition.text}`] : []),
          ...(by ? [`orderBy: { field: ${by}, direction: ${order?.direction} }`] : []),
        ];
        const roll = dice(seed);
        const question = everything(schema, type, steps, roll, {
          pick: (ways) => ways.slice(Math.floor(roll() * ways.length)).slice(0, 2),
          share: 0.6,
        });
        const { data, codes } = await local.testuser.ask<{ root: unknown } | null>(
          toGraphql(`${list}(${args.join(', ')})`, form, question, roll),
        );
        const refusal = refusalOf(operations.Query[list] ?? [], ledger.asker.roles as Role[]);
        const isHidden = [...(condition?.fields ?? []), ...(by ? [camel(by)] : [])].some((field) => !ledger.everSees(type, field));
        const said = [args.join(', '), codes];
        if (refusal !== null || isHidden) {
          expect([...said, data?.root ?? null]).toEqual([args.join(', '), [refusal ?? 'BAD_INPUT'], null]);
          met[refusal === null ? 'hidden' : 'refused'] += 1;
          continue;
        }
        expect(said).toEqual([args.join(', '), []]);
        const expected = ledger
          .ids(type)
          .filter(
            (id) =>
              !condition ||
              condition.passes(({ field, column }) => (ledger.sees(type, id, field) ? (ledger.row(type, id)?.[column] ?? null) : null)),
          );
        const examiner = new Examiner(schema, ledger);
        examiner.examine(data?.root, form, question, expected, list);
        expect(examiner.discrepancies).toEqual([]);
        met.rows += expected.length;
        met.filtered += condition ? 1 : 0;
        met.combined += condition && put !== 'alone' ? 1 : 0;
      }
    }),
    { numRuns: runs, seed: 20_261_121 },
  );
  // The random callers and queries must cover all of this.
  expect(Object.entries(met).filter(([, count]) => count < runs / 30)).toEqual([]);
});

/** `LAST_NAME` orders by `lastName`. */
const camel = (order: string): string => order.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
