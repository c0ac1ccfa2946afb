import { randomUUID } from 'node:crypto';
import { LockMode, raw, type EntityClass, type EntityProperty, type FilterQuery } from '@mikro-orm/postgresql';
import { AuditOutcome } from '../../entities/audit.ts';
import type { Kept } from '../../entities/record.ts';
import { cleaned } from '../../entities/text.ts';
import type { FieldProblem } from '../../errors.ts';
import { recordAudit } from '../audit/event.ts';
import { todayOf, type EntityScope, type Scope } from '../scope.ts';
import { parseInput, validValues } from './index.ts';
import type { Cell, DateForm } from './cell.ts';
import { csvRecords, ImportError, type CsvForm, type CsvRecord } from './csv.ts';

/** The parts of a scope that an import needs. */
export type ImportScope = Pick<Scope, 'em' | 'keyring' | 'timeZone' | 'now'>;

/** A record that can be imported. */
type Versioned = Kept & { readonly version: number };

/** The kind of records in a file, and their validation. */
export interface Importable<T extends Versioned> {
  readonly entity: EntityClass<T>;
  /** Its name in the audit log. */
  readonly type: string;
  /** The actions' names in the audit log. */
  readonly actions: { readonly add: string; readonly update: string };
  /** All columns that a file may have: properties, and columns that `combine` converts to properties. */
  readonly columns: Readonly<Record<string, Cell>>;
  readonly combine?: (given: RecordFields) => RecordFields;
  /** The properties that each record needs. */
  readonly needed: readonly string[];
  /** The property that identifies existing records. */
  readonly key: string;
  /** Whether the key is unique, ignoring case and including deleted records. */
  readonly isKeyUnique: boolean;
  readonly problems: (facts: object, today: string) => FieldProblem[];
  /** Returns the problems of changes to an existing record. */
  readonly changeProblems: (record: T, changes: object, today: string) => FieldProblem[];
  readonly make: (facts: object) => T;
}

/** The given properties of a record. */
export type RecordFields = Readonly<Record<string, unknown>>;

/** The first line of a record that cannot be imported, with every problem in words. Never contains a value. */
export interface BadLine {
  readonly line: number;
  readonly problems: string;
}

/** The changes that a line makes to an existing record. */
export interface ImportedChange {
  readonly line: number;
  /** The property that identifies the record, and its value. */
  readonly key: readonly [path: string, value: unknown];
  readonly path: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** The options of an import. */
export interface ImportOptions extends Pick<CsvForm, 'ignoresUnknown' | 'encoding'> {
  /** The form of dates. `iso` (2026-03-01) by default. */
  readonly dates?: DateForm | undefined;
  /** Dry run: reports the changes and writes nothing. */
  readonly isTrial: boolean;
  /** Updates existing records that differ. Otherwise, their lines are problems. */
  readonly updates?: boolean | undefined;
  /** Called for each change that a dry run finds. */
  readonly show?: (change: ImportedChange) => void;
  /** Called with the number of records read, and then with the number added or updated. */
  readonly progress?: (step: 'read' | 'added', records: number) => void;
  /** Called for each line with problems, in order. */
  readonly report: (bad: BadLine) => void;
}

/** The result of an import, in records. If any record was refused, none was added or updated. */
export interface ImportOutcome {
  readonly added: number;
  /** Only set if existing records are updated. */
  readonly updated?: number;
  /** The number of unchanged records. */
  readonly alreadyThere: number;
  readonly refused: number;
}

interface ParsedRecord {
  readonly line: number;
  readonly facts: RecordFields;
  readonly problems: FieldProblem[];
}

/** A line that differs from the existing record, with the version that was compared. */
interface ChangedRecord {
  readonly line: number;
  readonly row: ExistingRow;
  readonly changes: RecordFields;
}

interface ComparedRecords {
  readonly fresh: readonly ParsedRecord[];
  readonly outdated: readonly ChangedRecord[];
}

/** The advisory lock that serializes imports: "unionhall" as a number plus three. */
const importLock = 8_519_330_720;

/** The number of records per batch. */
const batchSize = 500;

/**
 * Imports the records of a CSV file in one transaction, and with `updates` changes existing records. Skips unchanged
 * records and empty cells. Holds the file in memory.
 * @throws {ImportError} if the file cannot be read, or another change took a key or modified a record during the
 * import.
 */
export async function importRecords<T extends Versioned>(
  scope: ImportScope,
  source: AsyncIterable<Uint8Array>,
  { kind, options }: { readonly kind: Importable<T>; readonly options: ImportOptions },
): Promise<ImportOutcome> {
  const {
    isTrial,
    report,
    show = () => undefined,
    progress = () => undefined,
    dates = 'iso',
    updates = false,
    ...form
  } = options;
  const today = todayOf(scope);
  const all: ParsedRecord[] = [];
  const judged = (facts: object) => kind.problems(facts, today);
  for await (const record of csvRecords(source, { columns: kind.columns, needed: kind.needed, ...form })) {
    all.push(read(scope, { ...kind, dates, judged }, record));
    if (all.length % batchSize === 0) progress('read', all.length);
  }
  if (all.length === 0) throw new ImportError('The file has no records after its first line.');
  progress('read', all.length);
  findTwice(kind, all);
  return importing(scope, 'used a number from the file', async (inner) => {
    const { fresh, outdated } = await compare(inner, { ...kind, updates, today }, all);
    const bad = all.filter(({ problems }) => problems.length > 0);
    for (const { line, problems } of bad) report({ line, problems: problems.map(inWords).join('; ') });
    if (bad.length > 0) return { added: 0, alreadyThere: 0, refused: bad.length };
    if (isTrial) for (const each of outdated) changesOf(kind.key, each).forEach(show);
    else await write(inner, kind, { fresh, outdated }, (count) => progress('added', count));
    const alreadyThere = all.length - fresh.length - outdated.length;
    return { added: fresh.length, ...(updates && { updated: outdated.length }), alreadyThere, refused: 0 };
  });
}

/**
 * Runs an import in one transaction, while no other import runs.
 * @param clash what another change did if a key of the file is taken meanwhile.
 * @throws {ImportError} in that case.
 */
export const importing = <Given extends EntityScope, Outcome>(
  scope: Given,
  clash: string,
  run: (inner: Given) => Promise<Outcome>,
): Promise<Outcome> =>
  scope.em
    .fork()
    .transactional(async (em) => {
      await em.execute('select pg_advisory_xact_lock(?)', [importLock]);
      return run({ ...scope, em });
    })
    .catch((error: unknown) => {
      throw (error as { code?: unknown }).code === '23505' ? overtaken(clash, error) : error;
    });

/** Creates the function that records the audit events of one import, which share a time and a request id. */
export function importEvents(scope: Pick<Scope, 'em' | 'keyring'>, type: string, at: Date) {
  const requestId = `import-${randomUUID()}`;
  const origin = { actor: null, sessionId: null, ipAddress: null, requestId, at, targetType: type } as const;
  return (action: string, targetId: string): void =>
    recordAudit(scope, { ...origin, action, targetId, outcome: AuditOutcome.SUCCEEDED, count: 1 });
}

interface ParsingKind<T extends Versioned> extends Importable<T> {
  readonly dates: DateForm;
  readonly judged: (facts: object) => FieldProblem[];
}

function read<T extends Versioned>(scope: EntityScope, kind: ParsingKind<T>, record: CsvRecord): ParsedRecord {
  const { line } = record;
  if ('problem' in record) return { line, facts: {}, problems: [{ path: '', message: record.problem }] };
  const problems: FieldProblem[] = [];
  const given: Record<string, unknown> = {};
  for (const [path, cell] of Object.entries(kind.columns)) {
    const text = cleaned(record.cells[path] ?? '').trim();
    if (text === '' && kind.needed.includes(path)) problems.push({ path, message: cell.missing ?? 'is missing' });
    if (text === '') continue;
    given[path] = cell.read(text, kind.dates);
    if (given[path] === undefined) problems.push({ path, message: cell.message });
  }
  const parsed = parseInput(scope, kind.entity, kind.combine?.(given) ?? given);
  problems.push(...parsed.problems, ...kind.judged(validValues(parsed)));
  return { line, facts: parsed.values, problems };
}

/** Marks duplicate lines. */
function findTwice<T extends Versioned>({ key, isKeyUnique }: Importable<T>, all: readonly ParsedRecord[]): void {
  const first = new Map<string, number>();
  for (const { line, facts, problems } of all) {
    if (facts[key] === undefined) continue;
    const told = isKeyUnique ? keyOf(facts[key]) : JSON.stringify(facts);
    const before = first.get(told);
    if (before === undefined) first.set(told, line);
    else problems.push({ path: isKeyUnique ? key : '', message: `is the same as in line ${before}` });
  }
}

interface ComparisonKind<T extends Versioned> extends Importable<T> {
  readonly updates: boolean;
  readonly today: string;
}

/** Finds new and changed records. A changed record that must not be updated becomes a problem. */
async function compare<T extends Versioned>(
  { em }: EntityScope,
  kind: ComparisonKind<T>,
  all: readonly ParsedRecord[],
): Promise<ComparedRecords> {
  const { entity, key, isKeyUnique } = kind;
  const [fresh, outdated]: [ParsedRecord[], ChangedRecord[]] = [[], []];
  const lines = new Map<unknown, number>();
  for (const { facts } of all) lines.set(facts[key], (lines.get(facts[key]) ?? 0) + 1);
  const column = (em.getMetadata().get(entity).properties[key as never] as EntityProperty).fieldNames[0] as string;
  for (let from = 0; from < all.length; from += batchSize) {
    const batch = all.slice(from, from + batchSize);
    const sought = batch.filter(({ problems }) => !problems.some(({ path }) => path === key || path === ''));
    const keys = sought.map(({ facts }) => (isKeyUnique ? keyOf(facts[key]) : facts[key]));
    const where = { [isKeyUnique ? raw((alias) => `lower(${alias}."${column}")`) : key]: { $in: keys } };
    // no access filter: only the operator runs this
    const found = await em.find(entity, where as FilterQuery<NoInfer<T>>, { filters: false, disableIdentityMap: true });
    for (const each of batch) {
      const { line, facts, problems } = each;
      const isAlike = (value: unknown) => (isKeyUnique ? keyOf(value) === keyOf(facts[key]) : value === facts[key]);
      const alike = found.filter(
        (row) => (isKeyUnique || !row.isDeleted) && isAlike((row as unknown as ExistingRow)[key]),
      ) as unknown as ExistingRow[];
      const [row] = alike;
      if (alike.some((other) => isSame(other, facts))) continue;
      const obstacle = obstacleTo(kind, alike, lines.get(facts[key]) ?? 0);
      if (obstacle !== null) problems.push({ path: key, message: obstacle });
      if (row === undefined) fresh.push(each);
      else if (problems.length === 0) {
        const changes = Object.fromEntries(Object.entries(facts).filter(([path, value]) => row[path] !== value));
        problems.push(...kind.changeProblems(row as unknown as T, changes, kind.today));
        outdated.push({ line, row, changes });
      }
    }
  }
  return { fresh, outdated };
}

/** Says why a line cannot update the records with its key. Null if it can, or if there are none. */
function obstacleTo<T extends Versioned>(
  { updates }: ComparisonKind<T>,
  alike: readonly ExistingRow[],
  lines: number,
): string | null {
  const [row] = alike;
  if (row === undefined) return null;
  if (row.isDeleted) return 'belongs to a deleted record';
  if (!updates) return 'belongs to a record with other values; use --update to change that record';
  if (alike.length > 1) return `belongs to ${alike.length} records, so the record to update is ambiguous`;
  return lines > 1 ? `is in ${lines} lines, so the line that updates the record is ambiguous` : null;
}

/** Normalizes a case-insensitive key for comparison. */
const keyOf = (value: unknown): string => String(value).toLowerCase();

type ExistingRow = RecordFields & Pick<Versioned, 'id' | 'isDeleted' | 'version'>;

const isSame = (row: ExistingRow, facts: RecordFields): boolean =>
  !row.isDeleted && Object.entries(facts).every(([path, value]) => row[path] === value);

const changesOf = (key: string, { line, row, changes }: ChangedRecord): ImportedChange[] =>
  Object.entries(changes).map(([path, to]) => ({ line, key: [key, row[key]], path, from: row[path], to }));

/** Writes the records with one audit event each. */
async function write<T extends Versioned>(
  scope: ImportScope,
  { entity, make, type, actions }: Importable<T>,
  { fresh, outdated }: ComparedRecords,
  progress: (written: number) => void,
): Promise<void> {
  const { em, now } = scope;
  const record = importEvents(scope, type, now());
  for (let from = 0; from < fresh.length; from += batchSize) {
    const batch = fresh.slice(from, from + batchSize);
    for (const { facts } of batch) {
      const added = make(facts);
      em.persist(added);
      record(actions.add, added.id);
    }
    await em.flush();
    em.clear();
    progress(from + batch.length);
  }
  for (let from = 0; from < outdated.length; from += batchSize) {
    const batch = outdated.slice(from, from + batchSize);
    const held = await hold(scope, entity, batch);
    for (const { row, changes } of batch) {
      Object.assign(held.get(row.id) as T, changes);
      record(actions.update, row.id);
    }
    await em.flush();
    em.clear();
    progress(fresh.length + from + batch.length);
  }
}

/**
 * Locks the records until the transaction ends.
 * @throws {ImportError} if one was changed or deleted since it was compared.
 */
async function hold<T extends Versioned>(
  { em }: EntityScope,
  entity: EntityClass<T>,
  batch: readonly ChangedRecord[],
): Promise<Map<string, T>> {
  const where = { id: { $in: batch.map(({ row }) => row.id) } } as unknown as FilterQuery<NoInfer<T>>;
  const found = (await em.find(entity, where, { filters: false, lockMode: LockMode.PESSIMISTIC_WRITE })) as T[];
  const held = new Map(found.map((record) => [record.id, record]));
  const isStale = ({ row }: ChangedRecord) => held.get(row.id)?.version !== row.version || held.get(row.id)?.isDeleted;
  if (batch.some(isStale)) throw overtaken('modified a record in the file');
  return held;
}

const inWords = ({ path, message }: FieldProblem): string => `${path} ${message}`.trim();

export const overtaken = (what: string, cause?: unknown): ImportError =>
  new ImportError(`Nothing was imported: during the import, another change ${what}. Import it again.`, { cause });
