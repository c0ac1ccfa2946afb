import type { Tables } from './row.ts';

/** The columns of each table, as its rows name them. */
const columns = new Map<keyof Tables, readonly string[]>();

/** Returns the columns of a table in the order of its lines. */
export const columnsOf = (table: keyof Tables): string => columns.get(table)?.join(', ') ?? '';

/** Formats rows of a table as lines of COPY's text format. */
export function linesOf(table: keyof Tables, rows: readonly object[]): string {
  let lines = '';
  for (const row of rows as readonly Record<string, unknown>[]) {
    let names = columns.get(table);
    if (!names) columns.set(table, (names = Object.keys(row)));
    lines += lineOf(row, names);
  }
  return lines;
}

function lineOf(row: Readonly<Record<string, unknown>>, names: readonly string[]): string {
  const fields: string[] = [];
  for (const name of names) fields.push(fieldOf(row[name]));
  return `${fields.join('\t')}\n`;
}

function fieldOf(value: unknown): string {
  if (typeof value === 'string') return escaped(value);
  if (value === null) return '\\N';
  if (value instanceof Date) return textOf(value);
  return Array.isArray(value) ? escaped(`{${value.join(',')}}`) : String(value as number | boolean);
}

const escaped = (text: string): string =>
  /[\\\t\n\r]/.test(text) ? text.replace(/[\\\t\n\r]/g, (character) => escapes[character] ?? '') : text;

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/**
 * The last formatted instant. Most rows contain the same one several times, and formatting it takes longer than the
 * rest of the row.
 */
let last: { readonly instant: Date; readonly text: string } | undefined;

function textOf(instant: Date): string {
  if (last?.instant !== instant) last = { instant, text: instant.toISOString() };
  return last.text;
}
