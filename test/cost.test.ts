import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  getNamedType,
  isLeafType,
  isNonNullType,
  isUnionType,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';
import { schemaOf } from './rights/kit.ts';
import { dice } from './rights/question.ts';
import { statementsOf } from './support/database.ts';
import { aLocal, type Actor, type Local } from './support/local.ts';

/** Set `COST_SEED=$RANDOM npm test -- cost` to use other documents. */
const seed = Number(process.env['COST_SEED'] ?? 1);
const runs = Number(process.env['COST_RUNS'] ?? 150);

/** Services with low, medium and default limits. */
const limits = [12, 60, 400, 5000];

let locals: Map<number, Local>;
let schema: GraphQLSchema;

beforeAll(async () => {
  locals = new Map();
  for (const limit of limits) {
    const wide = { MAX_COST: String(limit), MAX_DEPTH: '20', MAX_ALIASES: '50' };
    // lists are refused in the order of their answers, so two executions can differ; execution.slow compares the executors
    locals.set(limit, await aLocal({ environment: wide, comparesExecutions: false }));
  }
  const usual = locals.get(5000) as Local;
  schema = await schemaOf(usual);
  // lists that are longer than their estimate
  for (const { sql } of locals.values()) {
    await sql(`insert into organization_contacts (id, created_at, updated_at, organization_id, first_name, last_name, is_primary)
      select gen_random_uuid(), now(), now(), o.id, 'Contact', n::text, false from organizations o, generate_series(1, 9) as n`);
  }
}, 600_000);

/** Counts the objects in an answer, without introspection. */
function objectsIn(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((sum: number, each) => sum + objectsIn(each), 0);
  if (typeof value !== 'object' || value === null) return 0;
  return Object.entries(value).reduce((sum, [key, each]) => sum + (key.startsWith('__') ? 0 : objectsIn(each)), 1);
}

const needsNoArguments = ({ args }: GraphQLField<unknown, unknown>): boolean => !args.some(({ type }) => isNonNullType(type));

/** Generates valid queries over the whole schema. */
class Author {
  readonly #variables: string[] = [];
  readonly #fragments: string[] = [];
  readonly #values: Record<string, unknown> = {};
  #aliases = 0;

  constructor(private readonly roll: () => number) {}

  write(): { query: string; variables: Record<string, unknown> } {
    const root = schema.getQueryType() as GraphQLObjectType;
    const askable = Object.values(root.getFields()).filter(needsNoArguments);
    const fields = Array.from({ length: 1 + this.below(3) }, () => this.field(this.oneOf(askable), 0)).join(' ');
    const head = this.#variables.length > 0 ? `query (${this.#variables.join(', ')})` : 'query';
    return { query: `${head} { ${fields} } ${this.#fragments.join(' ')}`, variables: this.#values };
  }

  private below(most: number): number {
    return Math.floor(this.roll() * most);
  }

  private oneOf<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  private field(field: GraphQLField<unknown, unknown>, depth: number): string {
    const type = getNamedType(field.type);
    const alias = this.below(3) === 0 ? `a${(this.#aliases += 1)}: ` : '';
    const directive = ['', '', '', '', '@include(if: true)', '@skip(if: true)'][this.below(6)];
    const head = `${alias}${field.name}${this.argumentsOf(field)} ${directive}`;
    return isLeafType(type) ? head : `${head} { ${this.selection(type as GraphQLObjectType, depth + 1)} }`;
  }

  private selection(type: GraphQLObjectType, depth: number): string {
    if (isUnionType(type)) return '__typename';
    const fields = Object.values(type.getFields()).filter(needsNoArguments);
    const inner = fields.filter((field) => !isLeafType(getNamedType(field.type)));
    const leaves = fields.filter((field) => isLeafType(getNamedType(field.type)));
    const wrappers = inner.filter(({ name }) => ['nodes', 'edges', 'node'].includes(name));
    const chosen = ['__typename', ...(leaves.length > 0 ? [this.field(this.oneOf(leaves), depth)] : [])];
    if (depth < 12) {
      for (const wrapper of wrappers) if (this.below(3) > 0) chosen.push(this.field(wrapper, depth));
      for (let n = this.below(3); n > 0 && inner.length > 0; n -= 1) chosen.push(this.field(this.oneOf(inner), depth));
    }
    const text = chosen.join(' ');
    if (this.below(6) > 0) return text;
    if (this.below(2) === 0) return `... on ${type.name} { ${text} }`;
    const name = `f${this.#fragments.length}`;
    this.#fragments.push(`fragment ${name} on ${type.name} { ${text} }`);
    return `...${name} ...${name}`;
  }

  /** Generates the size of a list. */
  private argumentsOf({ args }: GraphQLField<unknown, unknown>): string {
    const sized = args.filter(({ name }) => name === 'first' || name === 'last');
    if (sized.length === 0 || this.below(3) === 0) return '';
    const { name } = this.oneOf(sized);
    return `(${name}: ${this.size()})`;
  }

  private size(): string {
    const sizes = [1, 2, 5, 20, 50, 100, 100, 0, -1, 2_000_000_000];
    const size = this.oneOf(sizes);
    if (this.below(2) === 0) return String(size);
    const name = `v${this.#variables.length}`;
    const isSent = this.below(2) === 0;
    this.#variables.push(`$${name}: Int${this.below(2) === 0 || !isSent ? ` = ${size}` : ''}`);
    if (isSent) this.#values[name] = this.oneOf([...sizes, null]);
    return `$${name}`;
  }
}

it(`answers no more objects than the limit for any document (COST_SEED=${seed})`, async () => {
  const roll = dice(seed);
  const seen = { answered: 0, refused: 0, most: 0 };
  for (let run = 0; run < runs; run += 1) {
    const limit = limits[Math.floor(roll() * limits.length)] as number;
    const local = locals.get(limit) as Local;
    const people: readonly Actor[] = [local.admin, local.officer, local.member];
    const actor = people[Math.floor(roll() * people.length)] as Actor;
    const { query, variables } = new Author(roll).write();
    const { data, codes, errors } = await actor.ask(query, variables);
    const told = `${JSON.stringify({ limit, codes, errors: errors.slice(0, 1), variables })} ${query}`;
    if (codes.includes('GRAPHQL_VALIDATION_FAILED') || codes.includes('INTERNAL')) throw new Error(told);
    const objects = data ? objectsIn(data) - 1 : 0;
    if (objects > limit) throw new Error(`${objects} objects: ${told}`);
    seen.answered += objects > 0 ? 1 : 0;
    seen.refused += codes.includes('TOO_COMPLEX') ? 1 : 0;
    seen.most = Math.max(seen.most, objects);
  }
  expect(seen.answered).toBeGreaterThan(runs / 10);
  expect(seen.refused).toBeGreaterThan(runs / 20);
}, 600_000);

describe('an operation is refused', () => {
  const nested = (size: string) =>
    `grievances(first: ${size}) { nodes { id member { id grievances(first: ${size}) { nodes { id history { id } } } } } }`;

  it('if the default of a variable is too large', async () => {
    const { officer } = locals.get(5000) as Local;
    expect((await officer.ask(`query ($n: Int = 100) { ${nested('$n')} }`)).codes).toEqual(['TOO_COMPLEX']);
    expect((await officer.ask(`query ($n: Int = 100) { ${nested('$n')} }`, { n: 2 })).codes).toEqual([]);
  });

  it('if the edges alone are too many', async () => {
    const { officer } = locals.get(400) as Local;
    expect((await officer.ask('{ grievances(first: 100) { edges { cursor } } }')).codes).toEqual([]);
    const twice = '{ grievances(first: 100) { edges { cursor node { id } } nodes { id member { id } } } }';
    expect((await officer.ask(twice)).codes).toEqual(['TOO_COMPLEX']);
  });

  it('if a list without pages is too long', async () => {
    const { admin } = locals.get(60) as Local;
    const contacts = (size: number) => `{ organizations(first: ${size}) { nodes { id contacts { id } } } }`;
    expect((await admin.ask(contacts(1))).codes).toEqual([]);
    const { codes, errors } = await admin.ask(contacts(8)); // estimated as 1 + 8 × 5
    expect([new Set(codes), errors[0]?.path]).toEqual([new Set(['TOO_COMPLEX']), expect.arrayContaining(['contacts'])]);
  });

  it('if a summary has more employers than were counted', async () => {
    const local = await aLocal({ environment: { MAX_COST: '250' }, comparesExecutions: false });
    const summary = '{ organizingSummary { activityCount } }';
    expect((await local.admin.ask(summary)).codes).toEqual([]);
    await local.sql(
      `insert into organizations select (jsonb_populate_record(null::organizations, to_jsonb(o) || jsonb_build_object('id', gen_random_uuid(), 'name', 'Shop ' || n))).*
       from (select * from organizations where deleted_at is null limit 1) o, generate_series(1, 300) n`,
    );
    await local.sql(
      `insert into salting_activities
       select (jsonb_populate_record(null::salting_activities, to_jsonb(a) || jsonb_build_object('id', gen_random_uuid(), 'organization_id', o.id))).*
       from (select * from salting_activities where deleted_at is null limit 1) a, organizations o where o.name like 'Shop %'`,
    );
    expect((await local.admin.ask(summary)).codes).toEqual(['TOO_COMPLEX']);
    // after one is counted and refused, none is read, and no other is counted
    const two = '{ a: organizingSummary { activityCount } b: organizingSummary { activityCount } }';
    const statements = await statementsOf(local.heard, async () => expect((await local.admin.ask(two)).codes).toContain('TOO_COMPLEX'));
    expect(statements.filter((text) => text.includes('counted as'))).toHaveLength(1);
  });

  it('never after a change', async () => {
    const { admin } = locals.get(12) as Local;
    const { organizations } = await admin.see<{ organizations: { nodes: { id: string }[] } }>(
      '{ organizations(first: 1) { nodes { id } } }',
    );
    const rename = 'mutation ($id: ID!) { updateOrganization(id: $id, input: { city: "Long Beach" }) { city contacts { id } } }';
    const { data, codes } = await admin.ask<{ updateOrganization: { contacts: object[] } }>(rename, { id: organizations.nodes[0]?.id });
    expect(codes).toEqual([]);
    expect(data.updateOrganization.contacts.length).toBeGreaterThan(8);
  });
});
