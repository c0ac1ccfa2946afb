import { randomUUID } from 'node:crypto';
import { raw, type EntityClass, type EntityProperty, type FilterQuery, type SqlEntityManager } from '@mikro-orm/postgresql';
import { AuditOutcome } from '../../entities/audit.ts';
import type { Kept } from '../../entities/record.ts';
import { dayIn } from '../../entities/scalars.ts';
import { cleaned } from '../../entities/text.ts';
import type { FieldProblem } from '../../errors.ts';
import { recordAudit, type ChangeTools } from '../audit/event.ts';
import { draft, sound } from './index.ts';
import type { Cell, DateForm } from './cell.ts';
import { csvRecords, ImportError, type CsvForm, type CsvRecord } from './csv.ts';

/** Which records a file brings, and by which laws. */
export interface Importable<T extends Kept> {
  readonly entity: EntityClass<T>;
  /** Its name in the audit log. */
  readonly type: string;
  readonly action: string;
  /** Every column that a file may have: properties, and what `combine` makes properties of. */
  readonly columns: Readonly<Record<string, Cell>>;
  readonly combine?: (given: Given) => Given;
  /** Those that each record needs. */
  readonly needed: readonly string[];
  /** The property by which a record is looked for among those that are there. */
  readonly key: string;
  /** Whether no two records have the same key, upper and lower case being the same, and the deleted ones included. */
  readonly isKeyUnique: boolean;
  readonly problems: (facts: object, today: string) => FieldProblem[];
  readonly make: (facts: object) => T;
}

/** What is said of a record, by its properties. */
export type Given = Readonly<Record<string, unknown>>;

/** A line on which a record begins that cannot be imported, and everything that is wrong with it, in words; never a value. */
export interface BadLine {
  readonly line: number;
  readonly problems: string;
}

/** How records are imported. */
export interface ImportOptions extends Pick<CsvForm, 'ignoresUnknown' | 'encoding'> {
  /** How days are written; like 2026-03-01 unless told otherwise. */
  readonly dates?: DateForm | undefined;
  /** Finds out what would be done, and does nothing. */
  readonly isTrial: boolean;
  /** Hears how many records have been read, and then how many were added. */
  readonly progress?: (step: 'read' | 'added', records: number) => void;
  /** Hears of each line that has problems, in their order. */
  readonly report: (bad: BadLine) => void;
}

/** What an import came to, in records. Where any was refused, none was added. */
export interface ImportOutcome {
  readonly added: number;
  /** Those that are there already, just as the file says. */
  readonly alreadyThere: number;
  readonly refused: number;
}

interface Read {
  readonly line: number;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly problems: FieldProblem[];
}

/** The advisory lock under which one import waits for another: "unionhall" as a number, as for seeds, and three more. */
const importing = 8_519_330_720;

/** Records that are looked for, or added, at a time. */
const batchSize = 500;

/**
 * Adds the records of a CSV file: all of them or none, and none twice. What is there already just as the file says is
 * passed over. It holds the file in memory.
 * @throws {ImportError} where the file is none that can be read, or somebody else took a key of it meanwhile.
 */
export async function importRecords<T extends Kept>(
  em: SqlEntityManager,
  tools: ChangeTools,
  source: AsyncIterable<Uint8Array>,
  kind: Importable<T>,
  { isTrial, report, progress = () => undefined, dates = 'iso', ...form }: ImportOptions,
): Promise<ImportOutcome> {
  const today = dayIn(tools.timeZone, tools.now());
  const all: Read[] = [];
  const judged = (facts: object) => kind.problems(facts, today);
  for await (const record of csvRecords(source, { columns: kind.columns, needed: kind.needed, ...form })) {
    all.push(read(em, { ...kind, dates, judged }, record));
    if (all.length % batchSize === 0) progress('read', all.length);
  }
  if (all.length === 0) throw new ImportError('The file has no records: nothing comes after its first line.');
  progress('read', all.length);
  findTwice(kind, all);
  return em
    .fork()
    .transactional(async (transaction) => {
      await transaction.execute('select pg_advisory_xact_lock(?)', [importing]);
      const fresh = await unknown(transaction, kind, all);
      const bad = all.filter(({ problems }) => problems.length > 0);
      for (const { line, problems } of bad) report({ line, problems: problems.map(inWords).join('; ') });
      if (bad.length > 0) return { added: 0, alreadyThere: 0, refused: bad.length };
      if (!isTrial) await addAll(transaction, tools, kind, fresh, (count) => progress('added', count));
      return { added: fresh.length, alreadyThere: all.length - fresh.length, refused: 0 };
    })
    .catch((error: unknown) => {
      throw (error as { code?: unknown }).code === '23505' ? overtaken(error) : error;
    });
}

interface Reading<T extends Kept> extends Importable<T> {
  readonly dates: DateForm;
  readonly judged: (facts: object) => FieldProblem[];
}

function read<T extends Kept>(em: SqlEntityManager, kind: Reading<T>, record: CsvRecord): Read {
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
  const drafted = draft(em, kind.entity, kind.combine?.(given) ?? given);
  problems.push(...drafted.problems, ...kind.judged(sound(drafted)));
  return { line, facts: drafted.values, problems };
}

/** Marks what the file says a second time. */
function findTwice<T extends Kept>({ key, isKeyUnique }: Importable<T>, all: readonly Read[]): void {
  const first = new Map<string, number>();
  for (const { line, facts, problems } of all) {
    if (facts[key] === undefined) continue;
    const told = isKeyUnique ? keyOf(facts[key]) : JSON.stringify(facts);
    const before = first.get(told);
    if (before === undefined) first.set(told, line);
    else problems.push({ path: isKeyUnique ? key : '', message: `is the same as in line ${before}` });
  }
}

/** The records that are not there already; where the key of one is taken by another, that is a problem of it. */
async function unknown<T extends Kept>(
  em: SqlEntityManager,
  { entity, key, isKeyUnique }: Importable<T>,
  all: readonly Read[],
): Promise<Read[]> {
  const fresh: Read[] = [];
  const column = (em.getMetadata().get(entity).properties[key as never] as EntityProperty).fieldNames[0] as string;
  for (let from = 0; from < all.length; from += batchSize) {
    const batch = all.slice(from, from + batchSize);
    const sought = batch.filter(({ problems }) => !problems.some(({ path }) => path === key || path === ''));
    const keys = sought.map(({ facts }) => (isKeyUnique ? keyOf(facts[key]) : facts[key]));
    const where = { [isKeyUnique ? raw((alias) => `lower(${alias}."${column}")`) : key]: { $in: keys } };
    // nobody asks here but the operator, who has the database
    const found = await em.find(entity, where as FilterQuery<NoInfer<T>>, { filters: false, disableIdentityMap: true });
    for (const each of batch) {
      const isAlike = (value: unknown) => (isKeyUnique ? keyOf(value) === keyOf(each.facts[key]) : value === each.facts[key]);
      const alike = found.filter((row) => isAlike((row as unknown as Row)[key])) as unknown as Row[];
      if (alike.some((row) => isSame(row, each.facts))) continue;
      if (isKeyUnique && alike.length > 0) each.problems.push({ path: key, message: takenBy(alike) });
      fresh.push(each);
    }
  }
  return fresh;
}

/** A key that is unique without regard to case, as it is compared. */
const keyOf = (value: unknown): string => String(value).toLowerCase();

type Row = Readonly<Record<string, unknown>> & Pick<Kept, 'isDeleted'>;

const takenBy = ([row]: readonly Row[]): string =>
  row?.isDeleted ? 'was that of a record that is deleted' : 'is taken by a record that is not what the file says';

const isSame = (row: Row, facts: Readonly<Record<string, unknown>>): boolean =>
  !row.isDeleted && Object.entries(facts).every(([path, value]) => row[path] === value);

/** One event for each record, so that the log tells of every one where it comes from; all of a run share one request. */
async function addAll<T extends Kept>(
  em: SqlEntityManager,
  { keyring, now }: ChangeTools,
  { make, type, action }: Importable<T>,
  fresh: readonly Read[],
  progress: (added: number) => void,
): Promise<void> {
  const origin = { actor: null, sessionId: null, ipAddress: null, requestId: `import-${randomUUID()}`, at: now() } as const;
  for (let from = 0; from < fresh.length; from += batchSize) {
    const batch = fresh.slice(from, from + batchSize);
    for (const { facts } of batch) {
      const record = make(facts);
      em.persist(record);
      recordAudit(em, keyring, { ...origin, action, targetType: type, targetId: record.id, outcome: AuditOutcome.SUCCEEDED, count: 1 });
    }
    await em.flush();
    em.clear();
    progress(from + batch.length);
  }
}

const inWords = ({ path, message }: FieldProblem): string => `${path} ${message}`.trim();

const overtaken = (cause: unknown): ImportError =>
  new ImportError('Nothing was imported: while the file was read, somebody else took a number of it. Import it again.', { cause });
