import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLSchema,
} from 'graphql';
import { aLocal, type Answer, type Local } from '../support/local.ts';
import { absent, agreement, operations, people, refusalOf, rolesOf, type Role } from './agreement.ts';
import { fillIn, schemaOf } from './kit.ts';
import { askerOf, Ledger } from './ledger.ts';

/**
 * In addition to one user per role: an officer whose term has expired, and a user who was deactivated after signing in.
 */
const askers = ['anonymous', ...people, 'vp', 'president'] as const;
type Asker = (typeof askers)[number];

const often = Object.fromEntries(
  ['SIGN_IN', 'SECOND_FACTOR', 'MAIL_ACCOUNT', 'MAIL_ADDRESS', 'REGISTER', 'REFRESH'].map((name) => [`LIMIT_${name}`, '9999/300']),
);

let local: Local;
let schema: GraphQLSchema;

beforeAll(async () => {
  local = await aLocal({ environment: { ...often, LOGIN_ATTEMPTS: '100', REGISTRATION: 'open' } });
  schema = await schemaOf(local);
  for (const who of askers) await local[who].token();
  await fillIn(local.sql);
  await local.sql(`update user_roles set expires_at = now() where user_id = (select id from users where username = 'vp')`, []);
  await local.sql(`update users set is_active = false where username = 'president'`, []);
});

/** Returns the caller's roles in force; null for an anonymous caller. */
const heldBy = (who: Asker): readonly Role[] | null => {
  if (who === 'vp') return [];
  return who === 'president' ? null : rolesOf(who);
};

const mutations = (): GraphQLField<unknown, unknown>[] => Object.values(schema.getMutationType()?.getFields() ?? {});

/** Returns a valid value of a type, with the given id in every id field. */
function valueOf(type: GraphQLInputType, id: string): unknown {
  const nullable = getNullableType(type);
  if (isListType(nullable)) return [valueOf(nullable.ofType, id)];
  if (isInputObjectType(nullable)) {
    const given = Object.values(nullable.getFields()).filter(
      (field) => isNonNullType(field.type) || getNamedType(field.type).toString() === 'ID',
    );
    return Object.fromEntries(given.map((field) => [field.name, valueOf(field.type, id)]));
  }
  if (isEnumType(nullable)) return nullable.getValues()[0]?.name;
  const values: Record<string, unknown> = {
    ID: id,
    Int: 1,
    Boolean: false,
    Date: '2026-01-02',
    DateTime: '2099-01-02T00:00:00Z',
    Decimal: '1.00',
  };
  return values[nullable.toString()] ?? 'x';
}

/** Sends a mutation with valid arguments. */
function ask(who: Asker, { name, args, type }: GraphQLField<unknown, unknown>, id = absent): Promise<Answer> {
  const given = args.filter((arg) => isNonNullType(arg.type) || getNamedType(arg.type).toString() === 'ID');
  const declared = given.map((arg) => `$${arg.name}: ${String(arg.type)}`).join(', ');
  const passed = given.map((arg) => `${arg.name}: $${arg.name}`).join(', ');
  const selection = isLeafType(getNamedType(type)) ? '' : '{ __typename }';
  const query = `mutation ${declared && `(${declared})`} { x: ${name}${passed && `(${passed})`} ${selection} }`;
  return local[who].ask(query, Object.fromEntries(given.map((arg) => [arg.name, valueOf(arg.type, id)])));
}

/** The codes of callers without permission. */
const closed = ['UNAUTHENTICATED', 'FORBIDDEN', 'STEP_UP_REQUIRED', 'PASSWORD_CHANGE_REQUIRED'];

/** They end the calling session. */
const parting = ['logout', 'logoutAll'];

/** The codes that some mutations return for their arguments, independent of the caller. */
const own: Readonly<Record<string, readonly string[]>> = { refresh: ['UNAUTHENTICATED'] };

const takesIds = ({ args }: GraphQLField<unknown, unknown>): boolean =>
  args.some(({ type }) => {
    const named = getNamedType(type);
    if (isInputObjectType(named)) return Object.values(named.getFields()).some((field) => getNamedType(field.type).toString() === 'ID');
    return named.toString() === 'ID';
  });

describe.each(askers)('%s', (who) => {
  it('is refused every mutation that was not agreed, whatever is selected, and changes nothing', async () => {
    const before = await local.sql('select count(*)::int as count from audit_events where outcome = $1', ['succeeded']);
    const refused = mutations().filter(({ name }) => refusalOf(operations.Mutation[name] ?? [], heldBy(who)) !== null);
    for (const field of refused) {
      const { data, codes } = await ask(who, field);
      expect([field.name, data, codes]).toEqual([field.name, null, [refusalOf(operations.Mutation[field.name] ?? [], heldBy(who))]]);
    }
    expect(await local.sql('select count(*)::int as count from audit_events where outcome = $1', ['succeeded'])).toEqual(before);
    expect(refused.length > 0 || who === 'admin').toBe(true);
  });

  it('is allowed every mutation that was agreed', async () => {
    const allowed = mutations().filter(({ name }) => refusalOf(operations.Mutation[name] ?? [], heldBy(who)) === null);
    const kept: [name: string, codes: readonly string[]][] = [];
    for (const field of allowed.filter(({ name }) => !parting.includes(name))) {
      const { codes } = await ask(who, field);
      const shut = codes.filter((code) => [...closed, 'INTERNAL'].includes(code) && !(own[field.name] ?? []).includes(code));
      if (shut.length > 0) kept.push([field.name, shut]);
    }
    expect(kept).toEqual([]);
    expect(allowed.length).toBeGreaterThan(5);
  });
});

describe.each(people)('%s', (who) => {
  it('gets the same response for hidden, deleted and missing records from every mutation with an id', async () => {
    const ledger = await Ledger.of(local.sql, await askerOf(local.sql, who));
    const hidden = Object.keys(agreement).flatMap((type) => {
      const ids = ledger.stored(type).filter(({ id }) => !ledger.has(type, id));
      return ids.slice(0, 2).map(({ id }) => ({ type, id }));
    });
    expect(hidden.length).toBeGreaterThan(0);
    const bare = ({ data, errors }: Answer): unknown => [
      data,
      errors.map(({ message, extensions: { requestId: _, ...rest } }) => ({ message, ...rest })),
    ];
    for (const field of mutations().filter((each) => takesIds(each))) {
      if (refusalOf(operations.Mutation[field.name] ?? [], heldBy(who)) !== null) continue;
      const missing = await ask(who, field);
      expect([field.name, missing.codes.length]).toEqual([field.name, 1]);
      for (const { type, id } of hidden)
        expect([field.name, type, bare(await ask(who, field, id))]).toEqual([field.name, type, bare(missing)]);
    }
    const after = await Ledger.of(local.sql, ledger.asker);
    for (const { type, id } of hidden)
      expect(after.stored(type).find((row) => row.id === id)).toEqual(ledger.stored(type).find((row) => row.id === id));
  });
});
