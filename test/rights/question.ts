import {
  getNamedType,
  isEnumType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';
import { agreement, keepsShowing } from './agreement.ts';
import { of, shownId, type Ledger, type Stored } from './ledger.ts';

/** The selection on one record: every field with a value, and some relations. */
export interface Question {
  readonly type: string;
  readonly leaves: readonly { readonly key: string; readonly field: string }[];
  readonly branches: readonly Branch[];
}

export interface Branch {
  readonly key: string;
  readonly field: string;
  readonly form: Form;
  readonly question: Question;
}

/** How a field leads to records: to one, to a list, or to a page by `nodes` or by `edges`. */
export type Form = 'one' | 'list' | 'nodes' | 'edges';

/** Returns a generator of reproducible numbers from 0 to 1. */
export function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const fieldsOf = (schema: GraphQLSchema, type: string): GraphQLField<unknown, unknown>[] => {
  const named = schema.getType(type);
  if (!isObjectType(named)) throw new Error(`${type} is no object type`);
  return Object.values(named.getFields());
};

/** Lists the fields of a type that lead to records, with their types. */
export const waysFrom = (schema: GraphQLSchema, type: string): Way[] =>
  fieldsOf(schema, type).flatMap(({ name, type: of }) => {
    const named = getNamedType(of).name;
    const target = named.replace(/Connection$/, '');
    if (!(target in agreement)) return [];
    return { field: name, target, form: named !== target ? 'page' : isListType(isNonNullType(of) ? of.ofType : of) ? 'list' : 'one' };
  });

export interface Way {
  readonly field: string;
  readonly target: string;
  readonly form: 'one' | 'list' | 'page';
}

export interface Asking {
  /** Chooses the relations to follow. By default all. */
  readonly pick?: (ways: readonly Way[], stepsLeft: number) => readonly Way[];
  /** The share of a record's values to select. By default all. */
  readonly share?: number;
}

/** Builds a selection of every value of a record and its relations to a depth, with random aliases and page forms. */
export function everything(schema: GraphQLSchema, type: string, steps: number, roll: () => number, asking: Asking = {}): Question {
  const { pick = (ways) => ways, share = 1 } = asking;
  const keyFor = (field: string) => (roll() < 0.3 ? `${field}_${Math.floor(roll() * 100)}` : field);
  const leaves = fieldsOf(schema, type)
    .filter(({ name, type: of }) => isLeafType(getNamedType(of)) && (name === 'id' || roll() < share))
    .map(({ name }) => ({ field: name, key: name === 'id' ? name : keyFor(name) }));
  const ways = steps > 0 ? pick(waysFrom(schema, type), steps) : [];
  const branches = ways.map(({ field, target, form }) => ({
    field,
    key: keyFor(field),
    form: form === 'page' ? (roll() < 0.5 ? ('nodes' as const) : ('edges' as const)) : form,
    question: everything(schema, target, steps - 1, roll, asking),
  }));
  return { type, leaves, branches };
}

/** Prints the selection as GraphQL, directly or in random inline and named fragments. */
export function toGraphql(
  root: string,
  form: Form,
  question: Question,
  roll: () => number,
  within: (field: string) => string = (field) => `{ ${field} }`,
): string {
  const fragments: string[] = [];
  const field = rendered('root', root, form, selectionOf(question, roll, fragments));
  return `${within(field)} ${fragments.join(' ')}`;
}

function selectionOf({ type, leaves, branches }: Question, roll: () => number, fragments: string[]): string {
  const parts: string[] = [];
  const selections = [
    ...leaves.map(({ key, field }) => (key === field ? field : `${key}: ${field}`)),
    ...branches.map(({ key, field, form, question }) =>
      rendered(key, form === 'nodes' || form === 'edges' ? `${field}(first: 100)` : field, form, selectionOf(question, roll, fragments)),
    ),
  ];
  const wrapped = { inline: [] as string[], named: [] as string[] };
  for (const selection of selections) {
    const rolled = roll();
    if (rolled < 0.7) parts.push(selection);
    if (rolled > 0.65) wrapped[rolled > 0.85 ? 'inline' : 'named'].push(selection);
  }
  if (wrapped.inline.length > 0) parts.push(`... on ${type} { ${wrapped.inline.join(' ')} }`);
  if (wrapped.named.length > 0) {
    const name = `f${fragments.length}`;
    fragments.push(`fragment ${name} on ${type} { ${wrapped.named.join(' ')} }`);
    parts.push(`...${name}`);
  }
  return parts.join(' ');
}

function rendered(key: string, field: string, form: Form, selection: string): string {
  const named = key === field ? field : `${key}: ${field}`;
  if (form === 'nodes') return `${named} { totalCount nodes { ${selection} } }`;
  if (form === 'edges') return `${named} { totalCount edges { cursor node { ${selection} } } }`;
  return `${named} { ${selection} }`;
}

type Answered = Readonly<Record<string, unknown>>;

/**
 * Compares an answer with the expected permissions, value by value, and reports additional, missing and different
 * values.
 */
export class Examiner {
  private readonly differences = new Map<string, { example: string; count: number }>();
  /** How often each field had a value, by `Type.field`. */
  readonly met = new Map<string, number>();

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly ledger: Ledger,
  ) {}

  /** The differences, each kind once with an example. */
  get discrepancies(): string[] {
    return [...this.differences].map(([where, { example, count }]) => `${where}: ${example}${count > 1 ? ` (and ${count - 1} more)` : ''}`);
  }

  /** @param expected the ids that the field should return; null if it should be null. */
  examine(answer: unknown, form: Form, question: Question, expected: readonly string[] | null, path: string): void {
    if (expected === null || answer === null || answer === undefined) {
      if ((answer ?? null) !== null || expected !== null) this.differ(path, expected, answer);
      return;
    }
    if (form === 'nodes' || form === 'edges') {
      const { totalCount } = answer as Answered;
      if (totalCount !== expected.length) this.differ(`${path}.totalCount`, expected.length, totalCount);
    }
    const rows = rowsOf(answer as Answered, form);
    const ids = rows.map(({ id }) => id as string);
    if (JSON.stringify([...ids].sort()) !== JSON.stringify([...expected].sort())) this.differ(path, expected, ids);
    for (const row of rows) this.examineRow(row, question, path);
  }

  private examineRow(row: Answered, { type, leaves, branches }: Question, path: string): void {
    const id = row['id'] as string;
    const stored = this.ledger.row(type, id);
    if (!stored) {
      this.differ(`${path} ${type}`, 'nothing', id);
      return;
    }
    for (const { key, field } of leaves) {
      if (row[key] !== null) this.met.set(`${type}.${field}`, (this.met.get(`${type}.${field}`) ?? 0) + 1);
      const shows = this.ledger.sees(type, id, field);
      if (!shows && row[key] !== null) this.differ(`${path} ${type}.${field}`, null, row[key]);
      if (shows && !this.tells(type, field, row[key], stored)) this.differ(`${path} ${type}.${field}`, stored[snake(field)], row[key]);
    }
    for (const { key, field, form, question } of branches) {
      const expected = this.expected(type, id, field, form, question.type, stored);
      if (expected !== null && expected.length > 0) this.met.set(`${type}.${field}`, 1 + (this.met.get(`${type}.${field}`) ?? 0));
      this.examine(row[key], form, question, expected, `${path}.${field}`);
    }
  }

  /** Returns the first pending deadline of a grievance. */
  private nextDeadline(grievanceId: string): string | null {
    const pending = this.ledger
      .stored('GrievanceDeadline')
      .filter((each) => each['grievance_id'] === grievanceId && each['met_on'] === null && each['is_moot'] === false)
      .filter((each) => each['due_date'] !== 'infinity')
      .sort((one, other) => (`${String(one['due_date'])} ${one.id}` < `${String(other['due_date'])} ${other.id}` ? -1 : 1));
    return pending[0]?.id ?? null;
  }

  /** Returns the ids that a field of a record should return, or null. */
  private expected(type: string, id: string, field: string, form: Form, target: string, stored: Stored): readonly string[] | null {
    const shows = this.ledger.sees(type, id, field) && this.ledger.reads(target);
    if (form === 'one') {
      const key = field === 'nextDeadline' ? this.nextDeadline(id) : (stored[`${snake(field)}_id`] as string | null);
      const other = key === null ? null : shownId(of(target), key);
      const deleted = target === 'Person' || keepsShowing.has(`${type}.${field}`);
      return shows && other !== null && this.ledger.has(target, other, { deleted }) ? [other] : null;
    }
    if (!shows) return isNonNullType(this.fieldOf(type, field).type) ? [] : null;
    return this.ledger.children(target, of(type).children?.[field] ?? '', id);
  }

  /** Whether a value in the answer matches the stored one. */
  private tells(type: string, field: string, answer: unknown, stored: Stored): boolean {
    if (field === 'fullName') return answer === ['first_name', 'middle_name', 'last_name'].flatMap((name) => stored[name] ?? []).join(' ');
    if (field === 'isCurrent') return type === 'Session' ? typeof answer === 'boolean' : answer === (stored['end_date'] === null);
    if (field === 'hasTotp') return typeof answer === 'boolean';
    if (field === 'mustEnrollSecondFactor') return answer === null || answer === false; // required of no role by default
    if (field === 'isInForce') return typeof answer === 'boolean'; // tested in test/agreement.test.ts
    // tested in test/deadline.test.ts
    if (field === 'isFirm' || field === 'isTimely' || field === 'state') return answer !== undefined;
    if (field === 'dueDate' && stored[snake(field)] === 'infinity') return answer === null;
    if (field === 'noticeBy') return answer === dayBefore(stored['expiration_date'], Number(stored['notice_days']));
    if (field === 'availableActions') return Array.isArray(answer);
    if (field === 'type' && type === 'CaseEvent') {
      const isFirst = stored['from_status'] === null;
      return answer === (isFirst ? 'CREATED' : String(stored['action']).toUpperCase());
    }
    if (field === 'statusBefore') return answer === (stored['from_status'] === null ? null : String(stored['from_status']).toUpperCase());
    if (field === 'statusAfter') return answer === String(stored['to_status']).toUpperCase();
    const value = stored[snake(field)];
    if (value === undefined) throw new Error(`${type}.${field} is in no column`);
    if (value === null || answer === null) return value === answer;
    const leaf = getNamedType(this.fieldOf(type, field).type);
    if (leaf.name === 'DateTime') return Date.parse(String(value)) === Date.parse(String(answer));
    if (leaf.name === 'Decimal') return Number(value) === Number(answer) && /^\d+\.\d\d$/.test(String(answer));
    if (isEnumType(leaf)) return JSON.stringify(value).toUpperCase() === JSON.stringify(answer);
    if (Array.isArray(value)) return JSON.stringify(value) === JSON.stringify(answer);
    return value === answer;
  }

  private fieldOf(type: string, field: string): GraphQLField<unknown, unknown> {
    return (this.schema.getType(type) as GraphQLObjectType).getFields()[field] as GraphQLField<unknown, unknown>;
  }

  private differ(where: string, expected: unknown, got: unknown): void {
    const { example, count } = this.differences.get(where) ?? { example: `expected ${brief(expected)}, got ${brief(got)}`, count: 0 };
    this.differences.set(where, { example, count: count + 1 });
  }
}

function rowsOf(answer: Answered, form: Form): Answered[] {
  if (form === 'one') return [answer];
  if (form === 'list') return answer as unknown as Answered[];
  if (form === 'nodes') return answer['nodes'] as Answered[];
  return (answer['edges'] as { node: Answered }[]).map(({ node }) => node);
}

const brief = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 100);

/** Returns the day this many days before another. */
function dayBefore(day: unknown, days: number): string | null {
  return day === null ? null : new Date(Date.parse(String(day)) - days * 86_400_000).toISOString().slice(0, 10);
}

export const snake = (field: string): string => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
