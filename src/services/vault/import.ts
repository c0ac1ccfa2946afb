import { access } from 'node:fs/promises';
import { AuditOutcome } from '../../entities/audit.ts';
import { User } from '../../entities/user.ts';
import { Secret } from '../../entities/vault.ts';
import { hostClient, recordAudit } from '../audit/event.ts';
import type { Client, EntityScope } from '../scope.ts';
import { decryptFernet, FernetError } from '../crypto/fernet.ts';
import { openByPassword } from '../crypto/pair.ts';
import { pythonIterations, stretch } from '../crypto/stretch.ts';
import { keepingKeys, type KeepKeys } from '../crypto/vault.ts';
import { grantsOf, isGranted, openGrants } from './grants.ts';
import type { OpenVault } from './open.ts';
import { findActiveUser, VaultError, type OperatorScope } from './operator.ts';
import { pairOf, readPair } from '../proof/stored-pair.ts';
import { addVersion, decryptValue, findValue, nameProblems } from './record.ts';
import { demandState, digestSql, holdVault, writeState } from './state.ts';

/** A secret of a Python installation. The caller must zero the value. */
export interface ForeignSecret {
  readonly keyName: string;
  readonly description: string | null;
  readonly value: Buffer;
}

type ImportingScope = OperatorScope & { readonly versionsKept: number };

/** The numbers of new, changed and unchanged secrets. */
export interface Imported {
  readonly added: number;
  readonly changed: number;
  readonly unchanged: number;
}

/**
 * Reads the secrets of a Python installation: a SQLite file with `auth_config` (`fernet_salt`) and `secrets_metadata`
 * (`key_name`, `encrypted_value`, `description`). Returns all secrets, or fails if one cannot be decrypted.
 * A value may be empty here, but the vault stores no empty values.
 * @throws {VaultError} that says what is wrong with the file or each secret, without values.
 */
export async function readForeign(path: string, password: string): Promise<ForeignSecret[]> {
  const { salt, rows } = await readFile(path);
  const key = await stretch(password, { iterations: pythonIterations, salt });
  const read = rows.map((row) => readRow(key, row));
  key.fill(0);
  const secrets = read.filter((each) => typeof each !== 'string');
  const problems = read.filter((each) => typeof each === 'string');
  if (problems.length === 0) return secrets;
  wipe(secrets);
  throw new VaultError(problems.join('\n'));
}

export function wipe(secrets: readonly ForeignSecret[]): void {
  for (const { value } of secrets) value.fill(0);
}

/**
 * Stores secrets in the vault as a user with access, in one transaction. Skips unchanged values, so a file can be
 * imported again.
 * @throws {VaultError} if the user has no access, or the password is incorrect.
 */
export async function importSecrets(
  scope: ImportingScope,
  as: { readonly username: string; readonly password: string },
  secrets: readonly ForeignSecret[],
): Promise<Imported> {
  return scope.em.transactional((em) =>
    keepingKeys(async (keep) => {
      const inner = { ...scope, em, origin: hostClient() };
      await holdVault(inner);
      const vault = await openAs(inner, as, keep);
      const done = { added: 0, changed: 0, unchanged: 0 };
      for (const secret of secrets) done[await importOne(inner, vault, secret)] += 1;
      await writeState(inner, vault, vault.keys);
      return done;
    }),
  );
}

interface ForeignRow {
  readonly key_name: Uint8Array | null;
  readonly encrypted_value: unknown;
  readonly description: Uint8Array | null;
}

async function readFile(path: string): Promise<{ salt: Buffer; rows: ForeignRow[] }> {
  const { DatabaseSync } = await import('node:sqlite');
  await access(path).catch((error: NodeJS.ErrnoException) => {
    throw new VaultError(
      error.code === 'ENOENT' ? `The file ${path} does not exist.` : `${path} cannot be read (${error.code}).`,
    );
  });
  try {
    const file = new DatabaseSync(path, { readOnly: true });
    try {
      const config = file.prepare('select fernet_salt from auth_config order by id desc limit 1').get();
      const salt = saltOf(config?.['fernet_salt']);
      if (salt.byteLength === 0)
        throw new VaultError('The file has no salt in auth_config: that installation was never set up.');
      // read as bytes: some versions of Node.js cut a text at U+0000
      const rows = file
        .prepare(
          `select cast(key_name as blob) as key_name, encrypted_value, cast(description as blob) as description
           from secrets_metadata order by secrets_metadata.key_name`,
        )
        .all();
      return { salt, rows: rows as unknown as ForeignRow[] };
    } finally {
      file.close();
    }
  } catch (error) {
    if (error instanceof VaultError) throw error;
    throw new VaultError(
      'The file must be a readable SQLite database with the tables auth_config and secrets_metadata.',
    );
  }
}

/** Reads the salt, which is stored as base64 or as raw bytes. */
function saltOf(cell: unknown): Buffer {
  const bytes =
    cell instanceof Uint8Array ? Buffer.from(cell) : Buffer.from(typeof cell === 'string' ? cell : '', 'latin1');
  const text = bytes.toString('latin1');
  return typeof cell === 'string' || /^[\w+/-]{22,}={0,2}$/.test(text) ? Buffer.from(text, 'base64url') : bytes;
}

/** Reads a secret, or returns in words what is wrong with it. */
function readRow(key: Buffer, row: ForeignRow): ForeignSecret | string {
  const keyName = Buffer.from(row.key_name ?? [])
    .toString()
    .trim();
  const description =
    Buffer.from(row.description ?? [])
      .toString()
      .slice(0, 1000) || null;
  const value = openRow(key, row.encrypted_value);
  const problem =
    value === null
      ? 'cannot be decrypted: the password is wrong, or the file was altered'
      : problemOf({ keyName, description, value });
  if (value !== null && problem === undefined) return { keyName, description, value };
  value?.fill(0);
  return `The secret ${JSON.stringify(keyName)} ${problem}.`;
}

function problemOf({ keyName, description, value }: ForeignSecret): string | undefined {
  const [named] = nameProblems(keyName, '');
  if (value.byteLength > 65_536) return 'has a value of more than 64 kB';
  if (named !== undefined) return named.message;
  if (!isText(value) || value.includes(0)) return 'is not text';
  return description?.includes('\0') ? 'has a description that is not text' : undefined;
}

/** Decrypts a token. Null if it is malformed or was encrypted with another key. */
function openRow(key: Buffer, token: unknown): Buffer | null {
  try {
    return decryptFernet(key, token instanceof Uint8Array ? Buffer.from(token).toString('latin1') : String(token));
  } catch (error) {
    if (error instanceof FernetError) return null;
    throw error;
  }
}

const isText = (value: Buffer): boolean => Buffer.from(value.toString('utf8'), 'utf8').equals(value);

/** Unlocks the vault with the password of a user for the current transaction, without a vault session. */
async function openAs(
  scope: OperatorScope,
  { username, password }: { readonly username: string; readonly password: string },
  keep: KeepKeys,
): Promise<OpenVault> {
  const userId = await findActiveUser(scope, username);
  const pair = userId === null ? null : await pairOf(scope, userId);
  const grants = userId === null ? [] : await grantsOf(scope, userId);
  if (userId === null || pair === null || !isGranted(grants))
    throw new VaultError('No active user with that username has access to the vault.');
  const [row] = await scope.em.execute<
    { id: string; kit_key: string; state: string; key_id: string; digest: string }[]
  >(
    `select v.id, v.kit_key, v.state, k.id as key_id, ${digestSql} as digest from vaults v join vault_keys k on k.state = 'active'`,
  );
  if (row === undefined) throw new VaultError('The vault does not exist yet. The owner creates it with createVault.');
  const seal = readPair(scope.keyring, pair);
  const privateKey = await openByPassword(seal, password, (each) => stretch(each, seal.stretching));
  if (privateKey === null) throw new VaultError(`The password of ${username} is incorrect.`);
  try {
    const keys = keep(openGrants(grants, row.id, userId, { publicKey: pair.publicKey, privateKey }));
    demandState(keys, { vaultId: row.id, kitKey: row.kit_key, state: row.state, digest: row.digest });
    return { vaultId: row.id, kitKey: row.kit_key, keyId: row.key_id, keys, vaultSessionId: '', userId, sessionId: '' };
  } finally {
    privateKey.fill(0);
  }
}

async function importOne(
  scope: ImportingScope & { readonly origin: Client },
  vault: OpenVault,
  { keyName, description, value }: ForeignSecret,
): Promise<keyof Imported> {
  const { em, versionsKept, origin } = scope;
  const at = scope.now();
  const actor = em.getReference(User, vault.userId, { wrapped: true });
  const found = await em.findOne(Secret, { keyName }, { filters: false });
  if (found !== null && (await hasValue(scope, vault, keyName, value))) return 'unchanged';
  const secret = found ?? Object.assign(new Secret({ keyName, updatedBy: actor }), { description, createdAt: at });
  if (found !== null) secret.version += 1;
  Object.assign(secret, { updatedBy: actor, updatedAt: at });
  em.persist(secret);
  await em.flush();
  await addVersion(scope, vault, secret, { plaintext: value, at, versionsKept });
  const target = { action: 'secret.import', targetType: 'Secret', targetId: secret.id } as const;
  recordAudit(scope, {
    at,
    actor,
    sessionId: null,
    ...origin,
    outcome: AuditOutcome.SUCCEEDED,
    count: 1,
    ...target,
  });
  return found === null ? 'added' : 'changed';
}

async function hasValue(
  scope: EntityScope,
  { vaultId, keys }: OpenVault,
  keyName: string,
  value: Buffer,
): Promise<boolean> {
  const current = decryptValue(vaultId, keys, await findValue(scope, keyName, null));
  const isSame = current.equals(value);
  current.fill(0);
  return isSame;
}
