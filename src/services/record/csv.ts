import { pipeline, Readable } from 'node:stream';
import { parse } from 'csv-parse';

/** Says why nothing of a file was imported, where it is not what one of its records says. */
export class ImportError extends Error {
  override readonly name = 'ImportError';
}

/** A record of a file: the number of the line on which it begins, and its cells by column; or why they cannot be read. */
export type CsvRecord = { readonly line: number } & ({ readonly cells: Readonly<Record<string, string>> } | { readonly problem: string });

/** Characters a record may have: a member takes a few hundred. */
export const longestRecord = 65_536;

interface Parsed {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

/**
 * The records of a CSV file (RFC 4180: commas, quotes doubled in quotes) after its first line, which names the columns in
 * any order: `memberNumber`, `Member number` and `member_number` are one name. Lines without anything are passed over.
 * @param columns every name that is known.
 * @param needed those that a file must have.
 * @throws {ImportError} for what is no such file.
 */
export async function* csvRecords(
  source: AsyncIterable<Uint8Array>,
  columns: readonly string[],
  needed: readonly string[],
): AsyncGenerator<CsvRecord> {
  let header: readonly string[] | undefined;
  try {
    for await (const parsed of parsedFrom(source)) {
      if (header) yield read(parsed, header);
      else header = readHeader(parsed.record, columns, needed);
    }
  } catch (error) {
    throw inWords(error);
  }
  if (!header) throw new ImportError('The file is empty: its first line must name the columns.');
}

function parsedFrom(source: AsyncIterable<Uint8Array>): AsyncIterable<Parsed> {
  const parser = parse({
    bom: true,
    info: true,
    max_record_size: longestRecord,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    skip_empty_lines: true,
  });
  // the end of one is the end of the other; the error comes out of the parser
  return pipeline(Readable.from(decoded(source)), parser, () => undefined);
}

async function* decoded(source: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  for await (const chunk of source) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}

function readHeader(names: readonly string[], columns: readonly string[], needed: readonly string[]): readonly string[] {
  const known = new Map(columns.map((column) => [plain(column), column]));
  const header = names.map((name) => known.get(plain(name)) ?? fail(`The first line has ${shown(name)}, which is not known.`));
  const twice = header.find((column, place) => header.indexOf(column) !== place);
  if (twice !== undefined) fail(`The first line has the column ${twice} twice.`);
  const left = needed.filter((column) => !header.includes(column));
  if (left.length > 0) fail(`The first line lacks the columns ${left.join(', ')}. It must name the columns, separated by commas.`);
  return header;
}

function read({ record, info }: Parsed, header: readonly string[]): CsvRecord {
  const within = record.reduce((breaks, cell) => breaks + (cell.match(/\r\n|\n|\r/g)?.length ?? 0), 0);
  const line = info.lines - within;
  if (record.length !== header.length) return { line, problem: `has ${record.length} cells, and the first line has ${header.length}` };
  return { line, cells: Object.fromEntries(header.map((column, place) => [column, record[place] ?? ''])) };
}

/** The parser's own words would show a part of the file. */
function inWords(error: unknown): unknown {
  const { code, lines } = error as { code?: unknown; lines?: unknown };
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return new ImportError('The file is not UTF-8.', { cause: error });
  if (typeof code !== 'string' || !/^(CSV_|INVALID_OPENING_QUOTE)/.test(code)) return error;
  const problem =
    code === 'CSV_MAX_RECORD_SIZE'
      ? `a record has more than ${longestRecord} characters`
      : 'a quote is not where one can be: a cell with quotes in it is put in quotes, and those are doubled';
  return new ImportError(`The file cannot be read from line ${String(lines)} on: ${problem}.`, { cause: error });
}

const plain = (name: string): string => name.replace(/[\s_-]/g, '').toLowerCase();

/** What is shown of a file on a terminal are plain words only. */
const shown = (name: string): string => (/^[\w -]{1,40}$/.test(name) ? `the column ${name}` : 'a column that is no plain word');

function fail(message: string): never {
  throw new ImportError(message);
}
