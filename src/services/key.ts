import { isGenuine, keyOf } from './audit/event.ts';
import { eventColumns, eventOf } from './audit/row.ts';
import { frame } from './crypto/framing.ts';
import { confirmKeyring, discardUnconfirmed } from './crypto/keyfile.ts';
import { KeyringError, type Keyring } from './crypto/keyring.ts';
import { runOn, type RunSql, type Scope } from './scope.ts';

/** The keyring differs from the one that the database was used with. */
export class ForeignKeyringError extends KeyringError {
  /** Treated as the code of a failed connection. */
  readonly code = 'FOREIGN_KEYRING';
}

/**
 * Compares the keyring with the keys of the database and registers new keys. An advisory lock serializes nodes that
 * start at the same time, so that they cannot initialize an empty database with different keyrings.
 * @throws {ForeignKeyringError} if a required key is missing, or a key differs from the one in the database.
 */
export async function registerKeys({ em, keyring }: Pick<Scope, 'em' | 'keyring'>): Promise<void> {
  await em.fork().transactional(async (transaction) => {
    await transaction.execute('select pg_advisory_xact_lock(8519330718)');
    const problem = await keyringProblem(runOn(transaction), keyring);
    if (problem !== null) {
      await discardUnconfirmed(keyring);
      throw new ForeignKeyringError(problem);
    }
    for (const kid of keyring.kids)
      await transaction.execute('insert into system_keys (kid, check_value) values (?, ?) on conflict do nothing', [
        kid,
        checkValue(keyring, kid),
      ]);
    await transaction.execute('update system_keys set retired_at = null where kid = ? and retired_at is not null', [
      keyring.active,
    ]);
  });
  confirmKeyring(keyring);
}

/** Says in a sentence how the keyring differs from the one that the database was used with. Null if it matches. */
export async function keyringProblem(run: RunSql, keyring: Keyring | null): Promise<string | null> {
  const has = (kid: string): boolean => keyring?.has(kid) ?? false;
  const known = (await run(
    'select kid, check_value, retired_at is not null as "isRetired" from system_keys order by kid',
    [],
  )) as unknown as Known[];
  const other = keyring === null ? null : known.length > 0 ? differing(known, keyring) : await altered(run, keyring);
  if (other !== null)
    return `Key ${other} in the keyring differs from the key ${other} that this database was used with. ${restore}`;
  const needed = await neededKeys(run);
  // after an upgrade or a partial restore, system_keys is empty: the data shows which keys are in use
  const inUse = known.length > 0 ? known.filter(({ isRetired }) => !isRetired).map(({ kid }) => kid) : [...needed];
  if (inUse.length === 0) return null;
  if (!inUse.some(has))
    return `The keyring has none of the keys that this database was used with (${inUse.join(', ')}). ${restore}`;
  const missing = inUse.filter((kid) => !has(kid) && needed.has(kid));
  if (missing.length === 0) return null;
  const [which, verb, it] = missing.length === 1 ? ['key', 'is', 'it'] : ['keys', 'are', 'them'];
  return (
    `The keyring lacks the ${which} ${missing.join(', ')}, which stored passwords, second factors or vault keys need. ` +
    `Add ${it} after the active key. If ${it === 'it' ? 'the key' : 'they'} ${verb} lost: npm run keys:retire -- ${missing[0]}`
  );
}

const restore = 'Restore the keyring of this database, or use the database of this keyring.';

interface Known {
  readonly kid: string;
  readonly check_value: string;
  readonly isRetired: boolean;
}

/** Computes a MAC of the key's name, which identifies the key without revealing it. */
const checkValue = (keyring: Keyring, kid: string): string =>
  keyring.mac(kid, 'key-check', frame('system-key', kid)).toString('base64url');

/**
 * Finds a key that differs from the one in the database. A key that was retired before registration has no check value.
 */
const differing = (known: readonly Known[], keyring: Keyring): string | null =>
  known.find(({ kid, check_value: value }) => value !== '' && keyring.has(kid) && checkValue(keyring, kid) !== value)
    ?.kid ?? null;

/** Finds the key of the latest audit event if the keyring has another key with the same name. */
async function altered(run: RunSql, keyring: Keyring): Promise<string | null> {
  const [row] = await run(`select ${eventColumns} from audit_events e order by e.id desc limit 1`, []);
  if (!row) return null;
  const event = eventOf({ ...row, at: new Date(row['at'] as string | Date) });
  const kid = keyOf(event);
  return keyring.has(kid) && !isGenuine(event, keyring) ? kid : null;
}

/** Finds the keys that stored passwords, second factors and vault keys depend on. */
async function neededKeys(run: RunSql): Promise<ReadonlySet<string>> {
  const rows = await run(
    `
    select distinct split_part(password_hash, ':', 2) as kid from users
      where password_hash like 'pepper-v1:%' and deleted_at is null
    union select split_part(c.sealed_seed, ':', 2) from totp_credentials c join users u on u.id = c.user_id
      where u.deleted_at is null
    union select split_part(c.code_hash, ':', 2) from backup_codes c join users u on u.id = c.user_id
      where c.used_at is null and u.deleted_at is null
    union select split_part(k.sealed_private_key, ':', 2) from user_keys k join users u on u.id = k.user_id
      where u.deleted_at is null`,
    [],
  );
  return new Set(rows.map(({ kid }) => String(kid)));
}

/** Retires a key, so that a keyring may omit it. @returns whether the database knew the key. */
export async function retireKey(run: RunSql, kid: string): Promise<boolean> {
  const isNeeded = (await neededKeys(run)).has(kid);
  const text = `insert into system_keys as k (kid, check_value, retired_at)
    select cast($1 as text), '', now() where $2::boolean or exists (select 1 from system_keys where kid = $1)
    on conflict (kid) do update set retired_at = coalesce(k.retired_at, now()) returning kid`;
  return (await run(text, [kid, isNeeded])).length === 1;
}
