/**
 * When a field fails at once, GraphQL.js does not wait for siblings that fail later.
 * @allows-rejections
 */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { getOperationAST, parse, validate, type ExecutionResult, type GraphQLSchema } from 'graphql';
import { compiling, interpreting, isCompilable, type Execute } from '../src/http/execution.ts';
import { buildOffline } from '../src/schema.ts';
import { dice } from './rights/question.ts';
import { randomDocument, stubResolvers, type DocumentOptions, type RandomDocument } from './support/documents.ts';

// Frequent queries are compiled, which must not change their answer.

/**
 * The number of random documents, with a new seed each time: `RUNS=100000 SEED=1 npm run test:full -- test/execution`.
 */
const runs = Number(process.env['RUNS'] ?? 4000);
const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);

/** More executions than are needed for compiling. */
const times = 6;

let schema: GraphQLSchema;
let compiled: Execute;
let interpreted: Execute;

beforeAll(async () => {
  schema = stubResolvers((await buildOffline()).schema);
  [compiled, interpreted] = [compiling(schema), interpreting(schema)];
});

/** Returns a valid random document with this number. */
function drawn(number: number, options: Partial<DocumentOptions> = {}): RandomDocument | null {
  const found = randomDocument({ schema, roll: dice(number), depth: 3, ...options });
  return isValid(found.text) ? found : null;
}

/** GraphQL.js throws while validating a subscription whose root field has a condition with a variable. */
function isValid(text: string): boolean {
  try {
    return validate(schema, parse(text)).length === 0;
  } catch {
    return false;
  }
}

const bytesOf = ({ data, errors }: ExecutionResult): string => JSON.stringify({ data, errors });

/** Sends a document repeatedly with each set of variables, and returns the differences. */
async function differences({ text, variables }: RandomDocument, context: object): Promise<string[]> {
  const document = parse(text);
  const operation = getOperationAST(document, 'Op') ?? null;
  const found: string[] = [];
  const wanted: string[] = [];
  for (const set of variables) {
    const execution = { document: parse(text), operationName: 'Op', operation: null, variables: set, context };
    wanted.push(bytesOf(await interpreted(execution)));
  }
  for (let time = 0; time < times; time += 1) {
    const turn = time % variables.length;
    const execution = { document, operationName: 'Op', operation, variables: variables[turn] ?? {}, context };
    const answer = bytesOf(await compiled(execution));
    if (answer !== wanted[turn])
      found.push(`time ${time}: ${answer}\nand not ${wanted[turn]}\n${text}\n${JSON.stringify(variables[turn])}`);
  }
  return found;
}

it(`returns the same for ${runs} random documents compiled and interpreted (SEED=${seed})`, async () => {
  const met = { valid: 0, compilable: 0, mutation: 0, subscription: 0 };
  for (let number = seed; met.valid < runs; number += 1) {
    const roll = dice(number ^ 0x5bd1e995);
    const kind = roll() < 0.85 ? 'query' : roll() < 0.5 ? 'mutation' : 'subscription';
    // documents with conditions or variables in inputs are mostly interpreted, so half of the documents have fewer of
    // them
    const isPlain = roll() < 0.6;
    const found = drawn(number, { kind, ...(isPlain && { conditions: 0, variables: roll() < 0.5 ? 0 : 0.2 }) });
    if (!found) continue;
    met.valid += 1;
    if (kind !== 'query') met[kind] += 1;
    else if (isCompilable(parse(found.text))) met.compilable += 1;
    const context = { seed: number, faults: roll() < 0.5 ? 0 : 0.02 };
    const differing = await differences(found, context);
    if (differing.length > 0) throw new Error(`Document ${number} of SEED=${number}: ${differing[0]}`);
  }
  // the random documents must cover all of this
  expect(met.compilable).toBeGreaterThan(runs / 20);
  expect(met.mutation).toBeGreaterThan(runs / 100);
  expect(met.subscription).toBeGreaterThan(runs / 100);
}, 3_600_000);

describe('a query with conditions, or with variables inside its inputs', () => {
  const rows = `grievances(first: 3, filter: { status: { eq: $s } }) { totalCount }`;
  const range = `grievances(first: 3, filter: { filedDate: { gte: $from, lte: $to } }) { totalCount }`;
  const twice = `members(first: 1) { nodes { id ...F @include(if: $a) } edges { node { ...F } } }`;

  it.each([
    ['a variable that is left out', `query Op($s: GrievanceStatus) { ${rows} }`, {}],
    ['one end of a range', `query Op($from: Date, $to: Date) { ${range} }`, { to: '2026-01-01' }],
    ['a list', `query Op($s: [GrievanceStatus!]) { grievances(first: 3, filter: { status: { in: $s } }) { totalCount } }`, {}],
    ['an item of a list', `query Op($s: GrievanceStatus!) { grievances(filter: { status: { in: [$s] } }) { totalCount } }`, { s: 'FILED' }],
    ['isNull', `query Op($b: Boolean) { grievances(filter: { filedDate: { isNull: $b } }) { totalCount } }`, {}],
    ['an input that is left out', `query Op($f: GrievanceFilter) { grievances(filter: $f) { totalCount } }`, {}],
    [
      'a default within an input',
      `query Op($f: GrievanceOrder) { grievances(orderBy: $f) { totalCount } }`,
      { f: { field: 'FILED_DATE' } },
    ],
    ['a fragment under two conditions', `query Op($a: Boolean!) { ${twice} } fragment F on Member { lastName }`, { a: false }],
    [
      'names that would be one',
      `query Op { a_b: member(id: 1) { c: grievances(first: 1) { totalCount } } a: member(id: 1) { b_c: grievances(last: 2) { totalCount } } }`,
      {},
    ],
    ['an alias that is no plain name', `query Op { __proto__: me { id } constructor: me { id } }`, {}],
    ['a value that cannot be coerced', `query Op($id: ID!) { grievance(id: $id) { id } }`, { id: [1] }],
    ['a text of the compiler', `query Op { members(after: "__MAGIC_NAN__57f286b9_4c20_487f_b409_79804ddcb4f8") { totalCount } }`, {}],
  ])('%s', async (_what, text, variables) => {
    expect(isValid(text)).toBe(true);
    for (let context = 0; context < 40; context += 1)
      expect(await differences({ text, variables: [variables] }, { seed: context, faults: 0 })).toEqual([]);
  });
});

describe('which queries are compiled', () => {
  it.each([
    ['{ me { username fullName roles { role { name } } } }', true],
    [
      'query Op($first: Int!, $after: String) { grievances(first: $first, after: $after) { nodes { id ...F } } } fragment F on Grievance { id }',
      true,
    ],
    ['query Op($id: ID!) { grievance(id: $id) { employer { name } } }', true],
    ['query Op($f: GrievanceFilter) { grievances(filter: $f) { totalCount } }', true],
    ['query Op($a: Boolean!) { me { id @skip(if: $a) } }', false],
    ['{ me { ... @include(if: true) { id } } }', false],
    ['query Op($s: GrievanceStatus) { grievances(filter: { status: { eq: $s } }) { totalCount } }', false],
    ['query Op($s: GrievanceStatus!) { grievances(filter: { status: { in: [$s] } }) { totalCount } }', false],
    ['{ __schema { types { name } } }', false],
    ['{ a_b: me { id } }', false],
  ])('%s: %s', (text, expected) => {
    expect(isCompilable(parse(text))).toBe(expected);
  });
});

it('records a refusal of a compiled query only once', async () => {
  const refused: string[] = [];
  class Context {
    readonly seed = 1;
    readonly faults = 0;
    get refused(): (what: string) => void {
      return (what) => void refused.push(what);
    }
  }
  const { schema: own } = await buildOffline();
  const field = own.getQueryType()?.getFields()['me'];
  if (!field) throw new Error('there is no me');
  field.resolve = (_parent, _args, context: Context) => {
    context.refused('me');
    throw new Error('refused');
  };
  const execute = compiling(own, 1);
  const document = parse('{ me { id } }');
  const operation = getOperationAST(document) ?? null;
  const { errors } = await execute({ document, operation, operationName: null, variables: {}, context: new Context() });
  expect(errors).toHaveLength(1);
  expect(refused).toEqual(['me']);
});
