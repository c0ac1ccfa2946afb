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
import { refusals } from '../src/errors.ts';
import { schemaOf } from './rights/kit.ts';
import { aLocal, type Answer, type Local } from './support/local.ts';

// Calls every mutation of the schema as an admin, with each field invalid in every way that its type allows.

let local: Local;
let schema: GraphQLSchema;
/** An id of each record that a field names, by the name of the field. */
let known: Readonly<Record<string, string>>;
/** An id of each type that a mutation returns. */
let ids: Readonly<Record<string, string>>;

const often = Object.fromEntries(
  ['SIGN_IN', 'SECOND_FACTOR', 'MAIL_ACCOUNT', 'MAIL_ADDRESS', 'REGISTER', 'REFRESH', 'CONNECTION'].map((name) => [
    `LIMIT_${name}`,
    '9999/300',
  ]),
);

beforeAll(async () => {
  local = await aLocal({ environment: { ...often, LOGIN_ATTEMPTS: '100', REGISTRATION: 'open' } });
  schema = await schemaOf(local);
  const first = async (table: string, where = 'true'): Promise<string> =>
    String((await local.sql(`select id from ${table} where ${where} limit 1`))[0]?.['id']);
  const employer = await first('organizations', `org_type = 'employer'`);
  known = {
    memberId: await first('members'),
    employerId: employer,
    organizationId: employer,
    userId: await first('users', `username = 'testuser'`),
    assignedUserId: await first('users', `username = 'officer'`),
    roleId: await first('roles', `name = 'staff'`),
  };
  ids = {
    Member: known['memberId'] ?? '',
    Organization: employer,
    MemberEmployment: await first('member_employments', 'end_date is null'),
    OrganizationContact: await first('organization_contacts'),
    SaltingActivity: await first('salting_activities'),
    Grievance: await first('grievances', `status = 'open'`),
    BenevolenceApplication: await first('benevolence_applications', `status = 'submitted'`),
    User: known['userId'] ?? '',
    Role: known['roleId'] ?? '',
  };
});

/** A recognizable text. */
const mark = 'Zq7marker';

/** Invalid values for each scalar. */
const wrong: Readonly<Record<string, readonly unknown[]>> = {
  String: [5, {}, [], '', '   ', `${mark}${'x'.repeat(10_001)}`, `${mark}\0`, `${mark}\ud800`, `${mark}'"; drop table users; --`],
  ID: [{}, '', mark, '01900000-0000-7000-8000-00000000dead', `${mark}\0`],
  Int: [mark, -1, 0, 1.5, 2_147_483_647, 2_147_483_648],
  Float: [mark, -1],
  Boolean: [mark, 1],
  Date: [5, mark, '', '2026-02-30', '0000-01-01', '9999-12-31', '2026-01-01T00:00:00Z'],
  DateTime: [5, mark, '', '2026-02-30T00:00:00Z', '0000-01-01T00:00:00Z', '9999-12-31T23:59:59Z', '2026-01-01'],
  Decimal: [{}, mark, '', '-1.00', '0.00', '1.234', '99999999999999.00', '1e5', 'NaN'],
};

/** Returns a value that the type accepts. */
function valueOf(name: string, type: GraphQLInputType): unknown {
  const nullable = getNullableType(type);
  if (isListType(nullable)) return [valueOf(name, nullable.ofType)];
  if (isInputObjectType(nullable)) {
    const fields = Object.values(nullable.getFields()).filter((field) => isNonNullType(field.type) || field.name in known);
    return Object.fromEntries(fields.map((field) => [field.name, valueOf(field.name, field.type)]));
  }
  if (isEnumType(nullable)) return nullable.getValues()[0]?.name;
  const values: Record<string, unknown> = { Int: 1, Boolean: false, Date: '2026-01-02', DateTime: '2099-01-02T00:00:00Z', Decimal: '1.00' };
  if (nullable.toString() === 'ID') return known[name] ?? '01900000-0000-7000-8000-00000000dead';
  return values[nullable.toString()] ?? 'x';
}

/** Yields invalid values; for a required type also null and omission. */
function* wrongOf(name: string, type: GraphQLInputType): Generator<unknown> {
  const nullable = getNullableType(type);
  if (isNonNullType(type)) yield* [null, undefined];
  if (isListType(nullable)) {
    yield* [5, [null], []];
    for (const each of wrongOf(name, getNullableType(nullable.ofType))) yield [each];
  } else if (isInputObjectType(nullable)) {
    yield* [5, mark, []];
    const whole = valueOf(name, nullable) as object;
    yield { ...whole, unknown: mark };
    yield { ...whole, [`${mark} at "x"`]: 1 };
    for (const field of Object.values(nullable.getFields()))
      for (const each of wrongOf(field.name, field.type)) yield { ...whole, [field.name]: each };
  } else if (isEnumType(nullable)) yield* [mark, 5, ''];
  else yield* wrong[nullable.toString()] ?? [];
}

function ask({ name, args, type }: GraphQLField<unknown, unknown>, variables: Record<string, unknown>): Promise<Answer> {
  // variables have different names than arguments, so that their paths can be distinguished
  const declared = args.map((arg) => `$given_${arg.name}: ${String(arg.type)}`).join(', ');
  const passed = args.map((arg) => `${arg.name}: $given_${arg.name}`).join(', ');
  const selection = isLeafType(getNamedType(type)) ? '' : '{ __typename }';
  const given = Object.fromEntries(Object.entries(variables).map(([arg, value]) => [`given_${arg}`, value]));
  return local.admin.ask(`mutation ${declared && `(${declared})`} { x: ${name}${passed && `(${passed})`} ${selection} }`, given);
}

/** Returns the positions in a field's arguments and inputs, without list indexes. */
function placesOf({ args }: GraphQLField<unknown, unknown>): Set<string> {
  const within = (place: string, type: GraphQLInputType): string[] => {
    const named = getNamedType(type);
    const inner = isInputObjectType(named) ? Object.values(named.getFields()) : [];
    return [place, ...inner.flatMap((field) => within(`${place}.${field.name}`, field.type))];
  };
  return new Set(args.flatMap((arg) => within(arg.name, arg.type)));
}

const pathsOf = ({ errors }: Answer): string[] =>
  errors.flatMap(({ extensions }) => ((extensions['fields'] ?? []) as { path: string }[]).map(({ path }) => path));

/** Errors that concern a whole request have no argument. */
const ofTheRequest: ReadonlySet<string> = new Set(['variables', 'query']);

/** Mutations that end the calling session, or would with these arguments. */
const parting: ReadonlySet<string> = new Set(['logout', 'logoutAll']);

/** Returns a value as a literal. */
function literalOf(value: unknown, type: GraphQLInputType): string {
  const nullable = getNullableType(type);
  if (isListType(nullable) && Array.isArray(value)) return `[${value.map((each) => literalOf(each, nullable.ofType)).join(', ')}]`;
  if (isInputObjectType(nullable) && typeof value === 'object' && value !== null) {
    const fields = nullable.getFields();
    const inner = Object.entries(value).map(([name, each]) => `${name}: ${literalOf(each, fields[name]?.type as GraphQLInputType)}`);
    return `{ ${inner.join(', ')} }`;
  }
  return isEnumType(nullable) && typeof value === 'string' ? value : JSON.stringify(value);
}

/** Returns values of the wrong type for each field of an input. */
const unfit = (type: GraphQLInputType): unknown => {
  const named = getNamedType(type);
  const isText = !isEnumType(named) && !['Int', 'Float', 'Boolean'].includes(named.toString());
  const value = isEnumType(named) ? 'NOT_THERE' : isText ? 5.5 : 'x';
  return isListType(getNullableType(type)) ? [value] : value;
};

describe('the path of an invalid input', () => {
  it('is the same for a literal, a variable for the argument, and a variable for the field', async () => {
    let asked = 0;
    for (const { name, args, type } of Object.values(schema.getMutationType()?.getFields() ?? {})) {
      for (const arg of args) {
        const input = getNamedType(arg.type);
        const fields = isInputObjectType(input) ? Object.values(input.getFields()) : [null];
        for (const field of fields) {
          const of = field?.type ?? arg.type;
          const bad = unfit(of);
          const filled = field && { ...(valueOf(arg.name, input) as object), [field.name]: bad };
          const isList = field !== null && isListType(getNullableType(arg.type));
          const whole = filled === null ? bad : isList ? [filled] : filled;
          const others = args.filter((each) => each !== arg && isNonNullType(each.type));
          const rest = others.map((each) => `, ${each.name}: ${literalOf(valueOf(each.name, each.type), each.type)}`).join('');
          const selection = isLeafType(getNamedType(type)) ? '' : '{ __typename }';
          const call = (value: string) => `x: ${name}(${arg.name}: ${value}${rest}) ${selection}`;
          const marked = literalOf(whole, arg.type).replace(new RegExp(`(\\b${field?.name}: )(\\[[^\\]]*\\]|[^,} ]+)`), '$1$part');
          const answers = [
            await local.admin.ask(`mutation { ${call(literalOf(whole, arg.type))} }`),
            await local.admin.ask(`mutation ($given: ${String(arg.type)}) { ${call('$given')} }`, { given: whole }),
            await local.admin.ask(`mutation ($part: ${String(of)}) { ${call(field === null ? '$part' : marked)} }`, { part: bad }),
          ];
          const at = `${arg.name}${isList ? '[0]' : ''}`;
          const path = `${[at, ...(field ? [field.name] : [])].join('.')}${Array.isArray(bad) ? '[0]' : ''}`;
          expect([name, path, ...answers.map(pathsOf)]).toEqual([name, path, [path], [path], [path]]);
          asked += 1;
        }
      }
    }
    expect(asked).toBeGreaterThan(150);
  }, 240_000);
});

describe('any invalid input of a mutation', () => {
  it('gets a documented code, never an internal error, and is never repeated', async () => {
    const faults: unknown[] = [];
    const asked = new Map<string, number>();
    for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
      if (parting.has(field.name)) continue;
      known = { ...known, id: ids[getNamedType(field.type).toString()] ?? '01900000-0000-7000-8000-00000000dead' };
      const whole = Object.fromEntries(
        field.args.filter((arg) => isNonNullType(arg.type)).map((arg) => [arg.name, valueOf(arg.name, arg.type)]),
      );
      for (const arg of field.args)
        for (const value of wrongOf(arg.name, arg.type)) {
          const answer = await ask(field, { ...whole, [arg.name]: value });
          const { codes, errors, status } = answer;
          asked.set(field.name, (asked.get(field.name) ?? 0) + 1);
          const isFine = codes.every((code) => code in refusals && code !== 'INTERNAL') && status < 500;
          const places = placesOf(field);
          const strange = pathsOf(answer).filter((path) => !ofTheRequest.has(path) && !places.has(path.replace(/\[\d+\]|\.unknown$/g, '')));
          if (!isFine || strange.length > 0 || JSON.stringify(errors).includes(mark))
            faults.push([field.name, arg.name, value, status, errors]);
        }
    }
    expect(faults).toEqual([]);
    expect([...asked.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(1000);
  }, 480_000);

  it.each<[string, object, string, string]>([
    ['a field that is missing', { lastName: undefined }, 'input.lastName', 'is required'],
    ['a field that is null', { lastName: null }, 'input.lastName', 'is required'],
    ['a field that there is not', { lastNme: 'Diaz' }, 'input.lastNme', 'is not a field of CreateMemberInput'],
    ['a field of no name', { 'last name': 'Diaz' }, 'input', 'has a field that does not exist in CreateMemberInput'],
    ['a day written otherwise', { hireDate: '01/02/2026' }, 'input.hireDate', 'is not a valid Date (a string like "2026-03-01")'],
    ['no value of an enum', { classification: 'JOURNEY' }, 'input.classification', 'is not a valid MemberClassification'],
    ['a number for an enum', { classification: 5 }, 'input.classification', 'is not a valid MemberClassification'],
    ['a number for a text', { firstName: 5 }, 'input.firstName', 'is not a valid String'],
    [
      'what looks like a place',
      { firstName: [' at "i.lastName"; Field "x" of required type'] },
      'input.firstName',
      'is not a valid String',
    ],
  ])('in a variable gets its path and reason: %s', async (_what, given, path, message) => {
    const i = { memberNumber: 'M-1', firstName: 'Rosa', lastName: 'Diaz', classification: 'JOURNEYMAN', ...given };
    const { errors } = await local.admin.ask('mutation ($i: CreateMemberInput!) { createMember(input: $i) { id } }', { i });
    expect(errors.map(({ extensions }) => extensions['fields'])).toEqual([[{ path, message }]]);
    expect(errors.map((error) => error.message)).toEqual([`Invalid input: ${path} ${message}.`]);
  });

  it.each<[string, string, unknown, string, string]>([
    ['an amount', 'Decimal', 12.5, 'filter.amountRequested.eq', 'is not a valid Decimal (a string like "1250.00")'],
    ['amounts', '[Decimal!]', ['1.00', null], 'filter.amountRequested.in[1]', 'is required'],
    ['nothing', 'Decimal!', null, 'filter.amountRequested.eq', 'is required'],
    ['no variable', 'Decimal!', undefined, 'filter.amountRequested.eq', 'is required'],
  ])('in a variable gets its path and reason: %s', async (_what, type, v, path, message) => {
    const by = type.startsWith('[') ? 'in' : 'eq';
    const document = `query ($v: ${type}) { benevolenceApplications(filter: { amountRequested: { ${by}: $v } }) { totalCount } }`;
    const { errors } = await local.admin.ask(document, { v });
    expect(errors.map(({ extensions }) => extensions['fields'])).toEqual([[{ path, message }]]);
  });

  it.each<[string, string, string, string]>([
    ['an instant', 'auditEvents(filter: { from: 5 })', 'filter.from', 'is not a valid DateTime (a string like "2026-03-01T14:30:00.000Z")'],
    ['an enum', 'auditEvents(filter: { outcome: LOST })', 'filter.outcome', 'is not a valid AuditOutcome'],
    [
      'one of several',
      'members(filter: { hireDate: { in: ["2026-03-01", 5] } })',
      'filter.hireDate.in[1]',
      'is not a valid Date (a string like "2026-03-01")',
    ],
    ['a field that there is not', 'members(filter: { lastNme: {} })', 'filter.lastNme', 'is not a field of MemberFilter'],
    ['a field that is missing', 'members(orderBy: { direction: ASC })', 'orderBy.field', 'is required'],
    ['a field that is null', 'members(orderBy: { field: null })', 'orderBy.field', 'is required'],
    ['an argument that there is not', 'members(frist: 5)', 'frist', 'is not an argument of Query.members'],
    ['an argument', 'members(first: "x")', 'first', 'is not a valid Int'],
  ])('in a literal gets its path and reason: %s', async (_what, field, path, message) => {
    const { errors } = await local.admin.ask(`{ me { id } ${field} { totalCount } }`);
    expect(errors.map(({ extensions }) => extensions['fields'])).toEqual([[{ path, message }]]);
  });

  it('gets its path for a missing argument or an invalid default of a variable', async () => {
    const fieldsOf = async (document: string) => (await local.admin.ask(document)).errors.map(({ extensions }) => extensions['fields']);
    expect(await fieldsOf('{ grievance { id } }')).toEqual([[{ path: 'id', message: 'is required' }]]);
    expect(await fieldsOf('mutation { createMember(input: { lastName: {} }) { id } }')).toContainEqual([
      { path: 'input.lastName', message: 'is not a valid String' },
    ]);
    expect(await fieldsOf('query ($n: Int = "x") { members(first: $n) { totalCount } }')).toEqual([
      [{ path: 'first', message: 'is not a valid Int' }],
    ]);
  });
});
