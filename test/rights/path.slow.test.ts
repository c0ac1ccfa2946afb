import { beforeAll, describe, expect, it } from '@jest/globals';
import type { GraphQLSchema } from 'graphql';
import { seededAccounts } from '../../seeds/account.ts';
import { aLocal, type Local } from '../support/local.ts';
import { fillIn, schemaOf, wide } from './kit.ts';
import { agreement, operations, people, plainLists, refusalOf, rolesOf, words, type Username } from './agreement.ts';
import { askerOf, Ledger } from './ledger.ts';
import { dice, everything, Examiner, toGraphql, waysFrom, type Asking, type Form } from './question.ts';

let local: Local;
let schema: GraphQLSchema;
let ledgers: ReadonlyMap<Username, Ledger>;
const examiners = new Map<Username, Examiner>();

beforeAll(async () => {
  local = await aLocal({ environment: wide });
  schema = await schemaOf(local);
  for (const who of people) await local[who].token();
  await fillIn(local.sql);
  ledgers = await Ledger.ofAll(local.sql, people);
  for (const [who, ledger] of ledgers) examiners.set(who, new Examiner(schema, ledger));
});

interface Entrance {
  readonly operation: string;
  readonly type: string;
  readonly form: 'list' | 'page' | 'one';
}

/** Lists the queries through which the schema allows access. */
const entrances = (who: Username): Entrance[] =>
  waysFrom(schema, 'Query')
    .map(({ field, target, form }) => ({ operation: field, type: target, form }))
    // finds by employer and day what `agreement` finds by id
    .filter(({ operation }) => operation !== 'agreementFor')
    .filter(({ operation }) => refusalOf(operations.Query[operation] ?? [], rolesOf(who)) === null);

/** Builds the query, and returns the records that it should find. */
function enter({ operation, type, form }: Entrance, ledger: Ledger, roll: () => number): { root: string; expected: string[] } {
  const ids = ledger.ids(type);
  if (operation === 'me') return { root: operation, expected: [ledger.asker.userId] };
  if (form === 'page') return { root: `${operation}(first: 100)`, expected: ids };
  if (form === 'list') return { root: operation, expected: ids };
  const id = ids[Math.floor(roll() * ids.length)] ?? '';
  const number = String(ledger.row(type, id)?.['grievance_number']);
  return {
    root: operation === 'grievanceByNumber' ? `${operation}(grievanceNumber: "${number}")` : `${operation}(id: "${id}")`,
    expected: [id],
  };
}

/** Runs the query, follows relations for some steps, and compares the answer. */
async function walk(who: Username, entrance: Entrance, steps: number, roll: () => number, pick: NonNullable<Asking['pick']>) {
  // Pages are tested often, so half of their fields at a time is enough; but only its list leads to the audit log.
  const isMetOften = entrance.form === 'page' && !(entrance.operation in plainLists);
  const question = everything(schema, entrance.type, steps, roll, { pick, share: isMetOften ? 0.5 : 1 });
  const { root, expected } = enter(entrance, ledgers.get(who) as Ledger, roll);
  const form: Form = entrance.form === 'page' ? (roll() < 0.5 ? 'nodes' : 'edges') : entrance.form;
  const answer = await local[who].ask<{ root: unknown }>(toGraphql(root, form, question, roll));
  expect(answer.errors).toEqual([]);
  examiners.get(who)?.examine(answer.data.root, form, question, expected, root.replace(/\(.*/, ''));
}

describe.each(people)('%s', (who) => {
  it('finds exactly the visible records on every path of four', async () => {
    const roll = dice(4);
    for (const entrance of entrances(who)) {
      // A lookup finds the same records as its list, so one step less is enough.
      const steps = entrance.form === 'one' ? 2 : 3;
      const first = waysFrom(schema, entrance.type);
      if (first.length === 0) await walk(who, entrance, 0, roll, () => []);
      for (const { field } of first) {
        await walk(who, entrance, steps, roll, (ways, left) => (left === steps ? ways.filter((way) => way.field === field) : ways));
      }
    }
    expect(examiners.get(who)?.discrepancies).toEqual([]);
  });

  it('finds nothing else on long random walks', async () => {
    const roll = dice(2026);
    const doors = entrances(who);
    for (let walks = 0; walks < 15; walks += 1) {
      const entrance = doors[Math.floor(roll() * doors.length)] as Entrance;
      await walk(who, entrance, 8, roll, (ways) => ways.slice(Math.floor(roll() * ways.length)).slice(0, 1));
    }
    expect(examiners.get(who)?.discrepancies).toEqual([]);
  });

  it('reached every agreed field', () => {
    const ledger = ledgers.get(who) as Ledger;
    const met = examiners.get(who)?.met;
    const shown = Object.entries(agreement).flatMap(([type, { parts }]) =>
      Object.values(parts)
        .flatMap(words)
        .filter((field) => ledger.ids(type).length > 0 && ledger.everSees(type, field))
        .map((field) => `${type}.${field}`),
    );
    expect(shown.filter((field) => !met?.has(field) && !neverFilled(who).includes(field))).toEqual([]);
  });
});

describe('a sign-in', () => {
  it.each(people)('shows %s the same as any other path', async (who) => {
    const password = seededAccounts.find(({ username }) => username === who)?.password;
    const roll = dice(5);
    const question = everything(schema, 'User', 2, roll);
    const login = `login(input: { identifier: "${who}", password: "${password}" })`;
    const query = toGraphql('user', 'one', question, roll, (field) => `mutation { ${login} { ... on SignedIn { ${field} } } }`);
    const answer = await local.anonymous.see<{ login: { root: unknown } }>(query);
    const examiner = new Examiner(schema, await Ledger.of(local.sql, await askerOf(local.sql, who)));
    examiner.examine(answer.login.root, 'one', question, [(ledgers.get(who) as Ledger).asker.userId], 'login.user');
    expect(examiner.discrepancies).toEqual([]);
  });
});

/**
 * Fields that stay empty although they are visible: no deleted rows are requested, and no member's case was settled for
 * money.
 */
const neverFilled = (who: Username): string[] => [
  ...Object.keys(agreement).map((type) => `${type}.deletedAt`),
  ...(rolesOf(who)?.includes('member') ? ['Grievance.settlementAmount', 'Registrant.firstName', 'Registrant.lastName'] : []),
  ...(ledgers.get(who)?.reads('Grievance') === false ? ['Organization.grievances'] : []),
  ...(ledgers.get(who)?.asker.memberId === null ? ['User.member'] : []),
];
