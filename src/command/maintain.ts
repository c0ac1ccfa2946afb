import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Config } from '../config.ts';
import type { Database } from '../database/index.ts';
import { systemClock } from '../entities/clock.ts';
import { queueDatabase } from '../database/queue.ts';
import { PasswordHasher } from '../services/crypto/hasher.ts';
import { MailQueue } from '../services/mail/index.ts';
import { hasOwner } from '../services/account/new-account.ts';
import { disableSeededUsers, findSeededUsers } from '../services/user/seeded-accounts.ts';
import { keyringFor, placeOf, whileOpen, withDatabase } from './opening.ts';
import { CommandError, counted, say, warn } from './operator.ts';

/** Creates the tables and the queue for a service whose database role may not create them. */
export async function update(config: Config): Promise<void> {
  await withDatabase(config, async (database) => {
    await prepareQueue(database);
    say('The database is up to date.');
  });
}

async function prepareQueue(database: Database): Promise<void> {
  const queue = new MailQueue(await queueDatabase(database), { supervises: false, warn });
  await queue.start();
  await queue.stop();
}

export interface SeedOptions {
  readonly phase?: '0' | '1' | '2';
  readonly scale?: string;
}

export async function seed(config: Config, options: SeedOptions): Promise<void> {
  // a production installation does not contain the seeds
  if (config.environment === 'production')
    throw new CommandError('Seeding is refused in production: the passwords of seeded accounts are public.');
  await withDatabase(config, (database) => seedInto(config, database, options));
}

async function seedInto(config: Config, database: Database, { phase, scale = '1' }: SeedOptions): Promise<void> {
  const phases = phase === undefined ? ([0, 1, 2] as const) : [Number(phase) as 0 | 1 | 2];
  const { progressOn, seed: seedDatabase } = await import('../../seeds/index.ts');
  const { progress, end } = progressOn(process.stderr);
  const options = {
    environment: config.environment,
    hashPassword: await hasherOf(config, database),
    phases,
    scale: Number(scale),
    progress,
    givesOwner: true,
  };
  const { written } = await seedDatabase(database.orm.em, options).finally(end);
  const counts = Object.entries(written).map(([table, count]) => `${count} ${table}`);
  say(counts.length === 0 ? 'All seeded records already exist.' : `Added ${counts.join(', ')}.`);
}

/** Disables the seeded accounts with public passwords, before the database is used in production. */
export async function disableSeeded(config: Config): Promise<void> {
  await withDatabase(config, async (database) => {
    const keyring = await keyringFor(config, database);
    const em = database.orm.em.fork() as SqlEntityManager;
    const users = await findSeededUsers({ em, passwords: new PasswordHasher(keyring, config.passwordCost) });
    await disableSeededUsers({ em, keyring, now: systemClock }, users);
    if (users.length === 0) return say('No account has a seeded password.');
    const names = users.map(({ username }) => username).join(', ');
    say(`Disabled ${counted(users.length, 'account', 'accounts')}: ${names}.`);
    if (!(await hasOwner({ em }))) say('The instance has no owner now. The next start prints a set-up token.');
  });
}

/** Empties the database, migrates it and seeds it. */
export async function reset(config: Config, { force }: { readonly force?: boolean }): Promise<void> {
  if (config.environment === 'production') throw new CommandError('db:reset is refused in production.');
  const { url } = await placeOf(config);
  if (url !== null && !force) {
    const database = config.databaseUrl === null ? 'saved in the settings' : 'in DATABASE_URL';
    throw new CommandError(
      `db:reset deletes everything in the database ${database}. To confirm, run: npm run db:reset -- --force`,
    );
  }
  await whileOpen(config, async (database) => {
    await database.orm.schema.drop({ dropMigrationsTable: true });
    await database.run('drop schema if exists pgboss cascade');
  });
  await withDatabase(config, async (database) => {
    await prepareQueue(database); // a running service goes on with the new queue
    await seedInto(config, database, {});
  });
}

async function hasherOf(config: Config, database: Database): Promise<(password: string) => Promise<string>> {
  const keyring = await keyringFor(config, database);
  const hasher = new PasswordHasher(keyring, config.passwordCost);
  return (password) => hasher.hash(password);
}
