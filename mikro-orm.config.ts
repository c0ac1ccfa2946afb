import { existsSync } from 'node:fs';
import { defineConfig as onPostgres, type Options } from '@mikro-orm/postgresql';
import { defineConfig as onPglite } from '@mikro-orm/pglite';
import { Migrator } from '@mikro-orm/migrations';
import { SeedManager } from '@mikro-orm/seeder';
import { entities } from './src/entities/index.ts';
import { rowRules } from './src/permissions/index.ts';
import { rowFilters } from './src/reading/filter.ts';

/** The options of every database connection of the service, on every engine. */
export const ormOptions = {
  entities,
  filters: rowFilters(rowRules),
  // a case stays visible when its member or employer is hidden or deleted
  autoJoinRefsForFilters: false,
  extensions: [Migrator, SeedManager],
  forceUtcTimezone: true,
  migrations: {
    path: `${import.meta.dirname}/migrations`,
    pathTs: 'migrations',
    snapshotName: 'snapshot',
    // the snapshot comes from the entities; one from a database differs in form, and would look like a change
    snapshotOnMigrate: false,
    emit: 'ts',
    fileName: (timestamp: string, name?: string) => `${timestamp}${name === undefined ? '' : `-${name}`}`,
  },
  seeder: {
    path: `${import.meta.dirname}/seeds`,
    glob: 'index.{js,ts}',
    defaultSeeder: 'DatabaseSeeder',
  },
} satisfies Options;

/** The name of the empty database in memory that the CLI uses without DATABASE_URL. */
export const emptyDatabase = 'memory://empty';

/**
 * Returns the options of MikroORM's CLI, which runs the built copy of this file. Uses DATABASE_URL from the environment or
 * .env. Without it, uses an empty database in memory: a new migration only compares the entities with the snapshot of the
 * last one. Seeders then open the service's own database.
 */
export default function cliOptions(): object {
  if (existsSync('.env')) process.loadEnvFile('.env');
  const url = process.env['DATABASE_URL'];
  return url ? onPostgres({ ...ormOptions, clientUrl: url }) : onPglite({ ...ormOptions, dbName: emptyDatabase } as never);
}
