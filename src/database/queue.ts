import { types as pgliteTypes, type PGlite } from '@electric-sql/pglite';
import { types, type Pool } from 'pg';
import { fromPglite, type Db } from 'pg-boss';
import { nativeClient, type Database } from './open.ts';

/**
 * The database as pg-boss asks for it: on the connections that are open already, with values read as `pg` reads them
 * and not as entities are.
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
 * A text without values may be a whole transaction. Where it fails in the middle, its connection would go back into the
 * pool inside that transaction, and fail the request that gets it next: it is closed instead.
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
