import { pipeline, Readable } from 'node:stream';
import { parse } from 'csv-parse';
import { OperatorError } from '../../errors.ts';

/** The file as a whole cannot be imported. The message says why. */
export class ImportError extends OperatorError {}

/** A record of a file: its first line number, and its cells by column or the reason why they cannot be read. */
export type CsvRecord = { readonly line: number } & (
  { readonly cells: Readonly<Record<string, string>> } | { readonly problem: string }
);

/** The maximum number of characters in a record. A member takes a few hundred. */
const longestRecord = 65_536;

interface Parsed {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

/** The columns and options of a file. */
export interface CsvForm {
  /** All known columns with their other names. */
  readonly columns: Readonly<Record<string, { readonly names?: readonly string[] }>>;
  /** The required columns. */
  readonly needed: readonly string[];
  /** Whether unknown columns are skipped. */
  readonly ignoresUnknown?: boolean | undefined;
  /** The encoding of a file without a byte order mark. UTF-8 by default. */
  readonly encoding?: Encoding | undefined;
}

export const encodings = ['utf-8', 'utf-16le', 'windows-1252'] as const;
export type Encoding = (typeof encodings)[number];

/** The known name of each column. Null for a skipped column, undefined for one that must be empty. */
type Header = readonly (string | null | undefined)[];

/**
 * Reads the records of a CSV file (RFC 4180). The first line names the columns in any order: `memberNumber`, `Member #`
 * and `member_number` are the same name. Commas, semicolons or tabs separate the cells, as in the first line. Skips
 * empty lines and records.
 * @throws {ImportError} if the file is not valid CSV.
 */
export async function* csvRecords(source: AsyncIterable<Uint8Array>, form: CsvForm): AsyncGenerator<CsvRecord> {
  let header: Header | undefined;
  for await (const parsed of parsedFrom(source, form.encoding)) {
    if (parsed.record.every((cell) => cell.trim() === '') || (!header && namesSeparator(parsed))) continue;
    if (header) yield read(parsed, header);
    else header = readHeader(parsed.record, form);
  }
  if (!header) throw new ImportError('The file is empty: its first line must name the columns.');
}

async function* parsedFrom(source: AsyncIterable<Uint8Array>, encoding: Encoding = 'utf-8'): AsyncGenerator<Parsed> {
  let begin = 1;
  try {
    const { first, whole } = await firstLine(withLineFeeds(decoded(source, encoding)));
    const parser = parse({
      bom: true,
      delimiter: separatorOf(first),
      info: true,
      max_record_size: longestRecord,
      on_record: (record, { lines }) => {
        begin = lines + 1;
        return record;
      },
      record_delimiter: '\n',
      relax_column_count: true,
      skip_empty_lines: true,
    });
    // the end of one is the end of the other; the parser raises the error
    yield* pipeline(Readable.from(whole), parser, () => undefined) as AsyncIterable<Parsed>;
  } catch (error) {
    throw inWords(error, begin);
  }
}

/** Decodes the text of a file. A byte order mark overrides the encoding. */
async function* decoded(source: AsyncIterable<Uint8Array>, encoding: Encoding): AsyncGenerator<string> {
  let decoder: InstanceType<typeof TextDecoder> | undefined;
  let start = Buffer.alloc(0);
  for await (const chunk of source) {
    if (decoder) {
      yield decoder.decode(chunk, { stream: true });
      continue;
    }
    start = Buffer.concat([start, chunk]);
    if (start.byteLength < 2) continue;
    decoder = new TextDecoder(markedEncoding(start) ?? encoding, { fatal: true });
    yield decoder.decode(start, { stream: true });
  }
  decoder ??= new TextDecoder(encoding, { fatal: true });
  yield decoder.decode();
}

function markedEncoding([first, second]: Uint8Array): string | undefined {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return first === 0xfe && second === 0xff ? 'utf-16be' : undefined;
}

/** Normalizes line breaks, so that lines are counted like in editors and spreadsheets. */
async function* withLineFeeds(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let left = '';
  for await (const text of texts) {
    const whole = left + text;
    left = whole.endsWith('\r') ? '\r' : '';
    yield whole.slice(0, whole.length - left.length).replace(/\r\n?/g, '\n');
  }
  if (left !== '') yield '\n';
}

/** The first line that is not blank, with the line breaks in its quotes. */
const wholeLine = /^\s*(?=\S)(?:[^"\n]|"[^"]*")*\n/;

/** Reads up to the first line that is not blank, and returns it with the whole text. */
async function firstLine(texts: AsyncGenerator<string>): Promise<{ first: string; whole: AsyncIterable<string> }> {
  let start = '';
  while (start.length < longestRecord && !wholeLine.test(start)) {
    const { value, done } = await texts.next();
    if (done) break;
    start += value;
  }
  const whole = async function* () {
    yield start;
    yield* texts;
  };
  return { first: (wholeLine.exec(start) ?? /\S.*/.exec(start))?.[0] ?? '', whole: whole() };
}

/** Finds the most frequent separator in the first line. */
function separatorOf(line: string): string {
  const plainly = line.replace(/"[^"]*"/g, '');
  const [separator = ','] = [',', ';', '\t'].sort(
    (one, other) => plainly.split(other).length - plainly.split(one).length,
  );
  return separator;
}

/** Whether this is the line `sep=;`, which tells Excel the separator. */
const namesSeparator = ({ record: [first = '', ...others] }: Parsed): boolean =>
  /^sep=$/i.test(first) && others.join('') === '';

function readHeader(names: readonly string[], { columns, needed, ignoresUnknown = false }: CsvForm): Header {
  if (names.length === 1)
    fail('The first line must name the columns, separated by commas, semicolons or tabs: it has none of these.');
  const known = knownNames(columns);
  const header = names.map((name) => (name.trim() === '' ? undefined : (known.get(plain(name)) ?? null)));
  const strange = names.filter((_, place) => header[place] === null);
  if (strange.length > 0 && !ignoresUnknown)
    fail(
      `The first line has unknown columns: ${strange.map(shown).join(', ')}. ` +
        `Known columns: ${Object.keys(columns).join(', ')}; docs/import.md lists their other names. ` +
        `Use --ignore-unknown to skip unknown columns.`,
    );
  const second = header.findIndex((column, place) => column != null && header.indexOf(column) < place);
  const twice = header[second];
  if (twice != null)
    fail(
      `The first line has the column ${twice} twice: ${shown(names[header.indexOf(twice)])} and ${shown(names[second])}. ` +
        `Rename the one to skip, and use --ignore-unknown.`,
    );
  const left = needed.filter((column) => !header.includes(column));
  if (left.length > 0) fail(`The first line lacks the columns ${left.join(', ')}. It must name the columns.`);
  return header;
}

const knownNames = (columns: CsvForm['columns']): ReadonlyMap<string, string> =>
  new Map(
    Object.entries(columns).flatMap(([column, { names = [] }]) =>
      [column, ...names].map((name) => [plain(name), column]),
    ),
  );

function read({ record, info }: Parsed, header: Header): CsvRecord {
  const within = record.reduce((breaks, cell) => breaks + (cell.match(/\n/g)?.length ?? 0), 0);
  const line = info.lines - within;
  if (record.length !== header.length)
    return { line, problem: `has ${record.length} cells, but the first line has ${header.length}` };
  const nameless = header.findIndex((column, place) => column === undefined && record[place]?.trim() !== '');
  if (nameless >= 0)
    return { line, problem: `has text in column ${nameless + 1}, which has no name in the first line` };
  return {
    line,
    cells: Object.fromEntries(
      header.flatMap((column, place) => (column == null ? [] : [[column, record[place] ?? '']])),
    ),
  };
}

/**
 * Rewords a parser error, which would show a part of the file.
 * @param begin the line after the last record that could be read: a quote that stays open is found far below it.
 */
function inWords(error: unknown, begin: number): unknown {
  const { code, lines } = error as { code?: unknown; lines?: unknown };
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
    return new ImportError(
      'The file is not UTF-8. Save it as "CSV UTF-8", or name its encoding, for example --encoding windows-1252.',
      {
        cause: error,
      },
    );
  if (typeof code !== 'string' || !/^(CSV_|INVALID_OPENING_QUOTE)/.test(code)) return error;
  const problem =
    code === 'CSV_MAX_RECORD_SIZE'
      ? `a record has more than ${longestRecord} characters`
      : 'a quote is misplaced. Put a cell that contains quotes in quotes, and double the quotes inside it';
  const end = lines === begin ? '' : `, in a record that continues to line ${String(lines)}`;
  return new ImportError(`The file cannot be parsed from line ${begin} on${end}: ${problem}.`, { cause: error });
}

/** Normalizes a column name: ignores case, blanks, underscores and hyphens, and reads `#` and `No.` as "number". */
const plain = (name: string): string =>
  name
    .toLowerCase()
    .replace(/#|\bno\.?\s*$/g, 'number')
    .replace(/[\s_.-]/g, '');

/** Shows a column name on the terminal only if it is a plain word. */
const shown = (name = ''): string =>
  /^[\w .#-]{1,40}$/.test(name) ? `the column ${name}` : 'a column whose name cannot be shown';

function fail(message: string): never {
  throw new ImportError(message);
}
