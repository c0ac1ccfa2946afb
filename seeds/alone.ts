import type { EntityManager } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { emptyDatabase } from '../mikro-orm.config.ts';
import { readConfig } from '../src/config.ts';
import { PasswordHasher } from '../src/services/crypto/hasher.ts';
import { loadKeyring } from '../src/services/crypto/keyfile.ts';
import { registerKeys } from '../src/services/key.ts';
import { seed } from './index.ts';
import { refuseProduction, SeedError, type SeedPhase } from './run.ts';

/**
 * Seeds like `npm run seed` when a seeder runs without {@link seed}: from MikroORM's CLI or `orm.seeder.seed()`. The
 * passwords are hashed with the configured keyring. Without DATABASE_URL, the CLI has no database, so this seeds the
 * one that the service would open.
 *
 * @param phase the only phase to run; undefined for all.
 * @throws {SeedError} in production, and on a database without tables.
 */
export async function seedAlone(em: EntityManager, phase?: SeedPhase): Promise<void> {
  const config = readConfig();
  const { environment } = config;
  if (em.config.get('dbName') === emptyDatabase) {
    const command = await import('../src/command/maintain.ts');
    return await command.seed(config, phase === undefined ? {} : { phase: `${phase}` });
  }
  refuseProduction(environment);
  await demandTables(em as SqlEntityManager);
  const keyring = await loadKeyring({ keys: config.keys, directory: config.configDirectory, mayMake: config.mayMakeKeys });
  await registerKeys({ em: em as SqlEntityManager, keyring });
  const hasher = new PasswordHasher(keyring, config.passwordCost);
  const hashPassword = (password: string): Promise<string> => hasher.hash(password);
  await seed(em, { environment, hashPassword, givesOwner: true, ...(phase !== undefined && { phases: [phase] }) });
}

async function demandTables(em: SqlEntityManager): Promise<void> {
  const [found] = await em.execute<{ table: string | null }[]>(`select to_regclass('system_keys') as "table"`);
  if (!found?.table) throw new SeedError('The database has no tables yet. Create them first: npm run db:migrate');
}
