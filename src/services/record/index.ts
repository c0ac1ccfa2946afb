import {
  LockMode,
  UniqueConstraintViolationException,
  type EntityClass,
  type EntityProperty,
  type FilterQuery,
} from '@mikro-orm/postgresql';
import { validate as isUuid } from 'uuid';
import type { Identified } from '../../entities/record.ts';
import { isLonger } from '../../entities/text.ts';
import { assertValid, badInput, conflict, notFound, type FieldProblem } from '../../errors.ts';
import type { Metadata, Scope } from '../scope.ts';

/**
 * Finds a row that the caller can see. Optionally locks it until the transaction ends so that nobody else can change
 * it, or pins it so that nobody can change it while others may pin it too.
 * @throws BAD_INPUT at `path` if the id is malformed; NOT_FOUND if the row is missing or hidden from the caller.
 */
export async function findVisible<T extends Identified>(
  { em }: Pick<Scope, 'em'>,
  entity: EntityClass<T>,
  id: string,
  { path = 'id', isHeld = false, isPinned = false }: { path?: string; isHeld?: boolean; isPinned?: boolean } = {},
): Promise<T> {
  if (!isUuid(id)) throw badInput({ path, message: 'must be a UUID' });
  const lockMode = isHeld ? LockMode.PESSIMISTIC_WRITE : LockMode.PESSIMISTIC_READ;
  const found = await em.findOne(entity, { id } as FilterQuery<NoInfer<T>>, isHeld || isPinned ? { lockMode } : {});
  if (found === null) throw notFound();
  return found as T;
}

/** @throws CONFLICT if a locked record does not have the expected version. */
export function assertVersion({ version }: { readonly version: number }, looked: number | null | undefined): void {
  if (looked != null && looked !== version)
    throw conflict('The record has changed since that version. Read it again.', 'CHANGED', []);
}

/** Returns the problem of an input for a new record that gives a version. */
export const versionProblems = (version: number | null | undefined): FieldProblem[] =>
  version == null ? [] : [{ path: 'version', message: 'must be omitted: a new record has no version yet' }];

/** The values that an input gives for a record, and their problems. */
export interface ParsedInput<Input> {
  /** The given values: text is trimmed, and empty text is null if the column allows it. */
  readonly values: Input;
  readonly problems: FieldProblem[];
}

/**
 * Parses an input by the columns of the same names. Omitted fields stay omitted, null clears. Ignores fields without a
 * column, which the use case reads.
 */
export function parseInput<Input extends object>(
  { em }: Pick<Scope, 'em'>,
  entity: EntityClass,
  input: Input,
): ParsedInput<Input> {
  const { properties } = em.getMetadata().get(entity);
  const columns: Readonly<Record<string, Column | undefined>> = properties;
  const values: Record<string, unknown> = {};
  const problems: FieldProblem[] = [];
  for (const [path, given] of Object.entries(input)) {
    const column = columns[path];
    if (!column || given === undefined) continue;
    const value = typeof given === 'string' ? given.trim() : (given as unknown);
    values[path] = value === '' && column.nullable ? null : value;
    const message = problemOf(values[path], column);
    if (message !== undefined) problems.push({ path, message });
  }
  return { values: values as Input, problems };
}

/** Returns the values without problems, for further checks. */
export function validValues<Input extends object>({ values, problems }: ParsedInput<Input>): Partial<Input> {
  const wrong = new Set(problems.map(({ path }) => path));
  return Object.fromEntries(Object.entries(values).filter(([path]) => !wrong.has(path))) as Partial<Input>;
}

/** Returns the problems of omitted fields that a new record needs. */
export const missingProblems = <Input extends object>(
  input: Input,
  ...needed: readonly (keyof Input & string)[]
): FieldProblem[] =>
  needed.filter((path) => input[path] === undefined).map((path) => ({ path, message: 'is required' }));

/** @throws BAD_INPUT with each problem as a field of `input`. */
export function assertNoProblems(problems: readonly FieldProblem[]): void {
  assertValid(problems.map(({ path, message }) => ({ path: `input.${path}`, message })));
}

/**
 * Writes the changes.
 * @param taken maps the name of each unique index or constraint to its field.
 * @throws BAD_INPUT if that value is taken, also by a deleted or hidden row.
 */
export async function flush({ em }: Pick<Scope, 'em'>, taken: Readonly<Record<string, string>> = {}): Promise<void> {
  await em.flush().catch((error: unknown) => {
    const path =
      error instanceof UniqueConstraintViolationException
        ? taken[(error as { constraint?: string }).constraint ?? '']
        : undefined;
    throw path === undefined ? error : badInput({ path, message: 'is taken' });
  });
}

/** A condition for adding rows, and values that the database provides for them. */
export interface RowSource {
  /**
   * The common table expressions of the statement, with `$1` parameters. Rows are added only if the one named `source`
   * has a row.
   */
  readonly tables: string;
  readonly values: readonly unknown[];
  /** The properties of the first row that come from columns of `source`. */
  readonly made: readonly string[];
}

/**
 * A new row by the properties of its columns. For rows that are only added: creating an entity object would cost more
 * than inserting the row.
 */
export class NewRow {
  constructor(
    readonly entity: EntityClass,
    readonly values: Readonly<Record<string, unknown>>,
  ) {}
}

/**
 * Inserts new rows with one statement, all or none. For records that only reference existing rows, so that no unit of
 * work is needed. A constraint violation is the driver's error.
 * @returns whether the rows were added. Always true without a source.
 */
export async function insertRows(
  { metadata, run }: Pick<Scope, 'metadata' | 'run'>,
  rows: readonly [object, ...object[]],
  source?: RowSource,
): Promise<boolean> {
  const values: unknown[] = [...(source?.values ?? [])];
  const inserts = rows.map((row, place) => {
    const { entity, values: filled } = row instanceof NewRow ? row : rowOf(metadata, row);
    const { tableName, properties } = metadata.getMetadata().get(entity);
    const columnOf = (name: string) => `"${(properties as Record<string, EntityProperty>)[name]?.fieldNames[0]}"`;
    const made = place === 0 ? (source?.made ?? []) : [];
    const given = Object.entries(filled).filter(([name]) => !made.includes(name));
    const places = given.map(([, value]) => `$${values.push(value)}`);
    const names = [...given.map(([name]) => name), ...made].map(columnOf);
    const cells = [...places, ...made.map((name) => `source.${columnOf(name)}`)].join(', ');
    return `insert into "${tableName}" (${names.join(', ')}) ${source ? `select ${cells} from source` : `values (${cells})`}`;
  });
  const tables = [
    ...(source ? [source.tables] : []),
    ...inserts.slice(1).map((insert, place) => `r${place} as (${insert})`),
  ];
  const added = await run(`${tables.length > 0 ? `with ${tables.join(', ')} ` : ''}${inserts[0]} returning id`, values);
  return added.length > 0;
}

const rowOf = (metadata: Metadata, entity: object): NewRow =>
  new NewRow(
    entity.constructor as EntityClass,
    metadata.getComparator().prepareEntity(entity) as Record<string, unknown>,
  );

interface Column {
  readonly nullable?: boolean;
  readonly length?: number;
}

function problemOf(value: unknown, { nullable, length }: Column): string | undefined {
  if (value === null) return nullable ? undefined : 'must not be null';
  if (typeof value !== 'string') return undefined;
  if (value === '') return 'must not be empty';
  if (length !== undefined && isLonger(value, length)) return `must have at most ${length} characters`;
  // PostgreSQL cannot store this as text
  return /\0|\p{Surrogate}/u.test(value) ? 'must not contain NUL or invalid Unicode characters' : undefined;
}
