import { finished } from 'node:stream/promises';
import type { PGlite, Transaction } from '@electric-sql/pglite';
import type { EntityManager as AnyEntityManager } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/sql';
import type { Pool, PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

/**
 * The only connection of a run, inside its transaction. It bypasses the entities, so no hook, filter or default changes
 * a row.
 */
export interface SeedConnection {
  query<Row = unknown>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Adds rows in COPY's text format, and returns their number. `into` is the table with its columns. */
  copy(into: string, lines: Buffer): Promise<number>;
}

/** The advisory lock that makes runs wait for each other: the key of the migrations plus one. */
const SEEDING = 8_519_330_718;

/** Runs a function in one transaction. Runs at the same time wait for its end. */
export async function inTransaction(em: AnyEntityManager, act: (connection: SeedConnection) => Promise<void>): Promise<void> {
  const connection = (em as EntityManager).getConnection() as unknown as { getNativeClient(): Promise<Pool | PGlite> };
  const client = await connection.getNativeClient();
  const alone = async (own: SeedConnection) => {
    await own.query('select pg_advisory_xact_lock($1)', [SEEDING]);
    await act(own);
  };
  if ('transaction' in client) await client.transaction((transaction) => alone(onPglite(transaction)));
  else await onServer(client, alone);
}

function onPglite(transaction: Transaction): SeedConnection {
  return {
    query: async <Row>(text: string, values: readonly unknown[] = []) => (await transaction.query<Row>(text, [...values])).rows,
    copy: async (into, lines) => {
      const { affectedRows = 0 } = await transaction.query(`copy ${into} from '/dev/blob'`, [], {
        blob: new Blob([new Uint8Array(lines)]),
      });
      return affectedRows;
    },
  };
}

async function onServer(pool: Pool, act: (connection: SeedConnection) => Promise<void>): Promise<void> {
  const client = await pool.connect();
  client.on('error', () => undefined); // the next statement on it reports the error
  try {
    await client.query('begin');
    await act(onClient(client));
    await client.query('commit');
  } finally {
    client.release(true); // closing it undoes what was not committed
  }
}

function onClient(client: PoolClient): SeedConnection {
  return {
    query: async <Row>(text: string, values: readonly unknown[] = []) => (await client.query(text, [...values])).rows as Row[],
    copy: async (into, lines) => {
      const stream = client.query(copyFrom(`copy ${into} from stdin`));
      stream.end(lines);
      await finished(stream);
      return stream.rowCount;
    },
  };
}
