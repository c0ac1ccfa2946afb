import { setImmediate as turn } from 'node:timers/promises';
import type { SeedConnection } from './connection.ts';
import type { Dossier, Kind } from './dossier.ts';
import { columnsOf, linesOf } from './line.ts';
import type { Tables } from './row.ts';

/** How many rows were added to each table. */
export type Added = { [Table in keyof Tables]?: number };

/** Dossiers of one kind. */
export interface Series {
  readonly kind: Kind;
  readonly dossiers: Iterable<Dossier>;
}

/** Hears of each batch which kind and how many dossiers it had, and what of them was added. */
export type Told = (kind: Kind, size: number, added: Added) => void;

/** So many dossiers are written at a time: enough to be quick, and few enough that memory does not grow with the scale. */
const batchSize = 2000;

/** After so many of them the connection is looked after, so that the database does not wait for what is ready. */
const sliceSize = 20;

/** A dossier as it is written: the id of its first row, and for each table of its kind the lines that go there. */
interface Sheet {
  readonly id: string;
  readonly lines: readonly string[];
}

/** Some dossiers of a kind, and for each of its tables what of them goes there. */
interface Batch {
  readonly kind: Kind;
  readonly size: number;
  readonly texts: readonly Buffer[];
}

/**
 * Adds the dossiers whose first row is not there yet, whatever became of those that are: what a user has removed from
 * a seeded record does not come back. While the database writes one batch, the next is generated.
 */
export async function addDossiers(connection: SeedConnection, series: readonly Series[], told: Told): Promise<void> {
  let last = Promise.resolve();
  const errors: unknown[] = [];
  try {
    for await (const batch of batchesOf(connection, series)) {
      const before = last;
      last = write(connection, batch, told);
      last.catch((error: unknown) => errors.push(error));
      await before;
    }
    await last;
  } catch (error) {
    await Promise.allSettled([last]); // nothing is written after the transaction
    // once a statement has failed, the others of the transaction only say that it is aborted
    throw errors[0] ?? error;
  }
}

/** Which of the ids are not in the table. */
export async function missingIds(connection: SeedConnection, table: keyof Tables, ids: readonly string[]): Promise<string[]> {
  const text = `select id from unnest($1::uuid[]) as wanted (id) where not exists (select from ${table} where id = wanted.id)`;
  return (await connection.query<{ id: string }>(text, [ids])).map(({ id }) => id);
}

async function* batchesOf(connection: SeedConnection, series: readonly Series[]): AsyncGenerator<Batch> {
  for (const { kind, dossiers } of series) {
    // in an empty table nothing is there already, which saves asking for every batch
    const [filled] = await connection.query(`select from ${kind.table} limit 1`);
    const seal = async (sheets: readonly Sheet[]) => batchOf(kind, sheets, filled ? await missingOf(connection, kind, sheets) : sheets);
    let sheets: Sheet[] = [];
    for (const dossier of dossiers) {
      if (sheets.push(sheetOf(kind, dossier)) % sliceSize === 0) await turn();
      if (sheets.length < batchSize) continue;
      yield await seal(sheets);
      sheets = [];
    }
    if (sheets.length > 0) yield await seal(sheets);
  }
}

function sheetOf(kind: Kind, dossier: Dossier): Sheet {
  const [first] = dossier[kind.table] as readonly { id: string }[] as readonly [{ id: string }];
  return { id: first.id, lines: tablesOf(kind).map((table) => linesOf(table, dossier[table] ?? [])) };
}

async function missingOf(connection: SeedConnection, { table }: Kind, sheets: readonly Sheet[]): Promise<Sheet[]> {
  const ids = sheets.map(({ id }) => id);
  const missing = new Set(await missingIds(connection, table, ids));
  return sheets.filter(({ id }) => missing.has(id));
}

async function batchOf(kind: Kind, { length }: readonly Sheet[], missing: readonly Sheet[]): Promise<Batch> {
  const texts: Buffer[] = [];
  for (const nth of tablesOf(kind).keys()) texts.push(await encoded(missing.map(({ lines }) => lines[nth] ?? '')));
  return { kind, size: length, texts };
}

async function encoded(lines: readonly string[]): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let from = 0; from < lines.length; from += 5 * sliceSize) {
    pieces.push(Buffer.from(lines.slice(from, from + 5 * sliceSize).join('')));
    await turn();
  }
  return Buffer.concat(pieces);
}

async function write(connection: SeedConnection, { kind, size, texts }: Batch, told: Told): Promise<void> {
  const added: Added = {};
  for (const [nth, table] of tablesOf(kind).entries()) {
    const text = texts[nth];
    if (text?.length) added[table] = await connection.copy(`${table} (${columnsOf(table)})`, text);
  }
  told(kind, size, added);
}

const tablesOf = ({ table, parts }: Kind): readonly (keyof Tables)[] => [table, ...parts];
