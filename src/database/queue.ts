import { types as pgliteTypes, type PGlite } from '@electric-sql/pglite';
import { types, type Pool } from 'pg';
import { fromPglite, type Db } from 'pg-boss';
import { nativeClient, type Database } from './open.ts';

/**
 * Adapts the database for pg-boss. Uses the open connections, with values parsed as `pg` does and not as for entities.
 */
export async function queueDatabase(database: Pick<Database, 'orm' | 'engine'>): Promise<Db> {
  return database.engine === 'embedded'
    ? onPglite(await nativeClient<PGlite>(database))
    : onPool(await nativeClient<Pool>(database));
}

function onPglite(pglite: PGlite): Db {
  const { parsers } = pgliteTypes;
  return fromPglite({
    query: (text, params) => pglite.query(text, params, { parsers }),
    exec: (text) => pglite.exec(text, { parsers }),
  });
}

/**
 * Runs the statements of pg-boss on a pool. A text without values may be a whole transaction. If it fails in the
 * middle, the connection is closed: back in the pool, its open transaction would break the next request.
 */
function onPool(pool: Pool): Db {
  return {
    executeSql: async (text, values) => {
      if (values !== undefined && values.length > 0) return await pool.query({ text, values, types });
      const client = await pool.connect();
      try {
        const result = await client.query({ text, types });
        client.release();
        return result;
      } catch (error) {
        client.release(true);
        throw error;
      }
    },
  };
}
