import 'reflect-metadata';
import type { Database } from '../../src/database/index.ts';

/** A statement that was run, with its parameters. */
export interface Ran {
  readonly text: string;
  readonly parameters: readonly unknown[];
}

/** The cost of a statement, as PostgreSQL counts it. */
export interface Cost {
  /** Rows that were read from tables, including those that were discarded. */
  readonly rows: number;
  /** Pages of tables and indexes that were read, from memory or disk. */
  readonly pages: number;
  /** The number of rows of each table that was scanned completely. */
  readonly whole: readonly number[];
  /** Whether it is a generic plan, not one for these parameters. */
  readonly isGeneral: boolean;
  /** The plan in short, for failure messages. */
  readonly plan: string;
}

interface Node {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly 'Shared Hit Blocks'?: number;
  readonly 'Shared Read Blocks'?: number;
  readonly Plans?: readonly Node[];
}

/** Wraps the database to record all statements. */
export function remembering(database: Database): { readonly database: Database; readonly ran: readonly Ran[] } {
  const ran: Ran[] = [];
  const run: Database['run'] = (text, parameters = []) => {
    ran.push({ text, parameters });
    return database.run(text, parameters);
  };
  const runners = { run: { value: run }, runFor: { value: () => run }, runReserved: { value: run } };
  return { database: Object.create(database, runners) as Database, ran };
}

/** Runs the statement again with the plan for these parameters. */
export async function costOf({ run }: Database, { text, parameters }: Ran): Promise<Cost> {
  return read(await run(`explain (analyze, buffers, timing off, format json) ${text}`, parameters), false);
}

/**
 * Runs the statement again with the generic plan, which a connection may use for a prepared statement. The database
 * must have only one connection.
 */
export async function generalCostOf({ run }: Database, { text, parameters }: Ran): Promise<Cost> {
  await run('set plan_cache_mode = force_generic_plan');
  await run(`prepare general as ${text}`);
  try {
    const given = parameters.length > 0 ? `(${parameters.map(literal).join(', ')})` : '';
    return read(await run(`explain (analyze, buffers, timing off, format json) execute general${given}`), true);
  } finally {
    await run('deallocate general');
    await run('reset plan_cache_mode');
  }
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (value instanceof Date) return quoted(value.toISOString());
  if (Array.isArray(value)) return quoted(`{${value.map((each) => `"${String(each).replace(/[\\"]/g, '\\$&')}"`).join(',')}}`);
  return quoted(String(value as string | number | boolean));
}

const quoted = (text: string): string => `E'${text.replace(/[\\']/g, '\\$&')}'`;

function read([row]: readonly Record<string, unknown>[], isGeneral: boolean): Cost {
  const [{ Plan: root }] = (row as { 'QUERY PLAN': [{ Plan: Node }] })['QUERY PLAN'];
  const nodes = [...nodesOf(root)];
  return {
    isGeneral,
    rows: nodes.filter((node) => node['Relation Name'] !== undefined).reduce((sum, node) => sum + rowsOf(node), 0),
    pages: (root['Shared Hit Blocks'] ?? 0) + (root['Shared Read Blocks'] ?? 0),
    whole: nodes.filter((node) => node['Node Type'] === 'Seq Scan').map(rowsOf),
    plan: nodes
      .map((node) => [node['Node Type'], node['Index Name'] ?? node['Relation Name'], `${rowsOf(node)}`].filter(Boolean).join(' '))
      .join(' > '),
  };
}

function* nodesOf(node: Node): Generator<Node> {
  yield node;
  for (const each of node.Plans ?? []) yield* nodesOf(each);
}

const rowsOf = (node: Node): number =>
  Math.ceil(
    node['Actual Loops'] * (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)),
  );
