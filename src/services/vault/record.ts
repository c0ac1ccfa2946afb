import { Secret, SecretVersion, VaultKey } from '../../entities/vault.ts';
import { isLonger } from '../../entities/text.ts';
import { User } from '../../entities/user.ts';
import { assertValid, notFound, type FieldProblem } from '../../errors.ts';
import { decryptFernet, encryptFernet, FernetError } from '../crypto/fernet.ts';
import { SealError } from '../crypto/gcm.ts';
import { freshSalt, recordKey, type VaultKeys } from '../crypto/vault.ts';
import type { OpenVault } from './open.ts';
import type { EntityScope } from '../scope.ts';

/** The identity of a stored value. */
export interface StoredValue {
  readonly id: string;
  readonly secretId: string;
  readonly keyName: string;
  readonly version: number;
  readonly keyVersion: number;
  readonly salt: string;
  readonly token: string;
}

export interface ValueRow {
  id: string;
  secret_id: string;
  key_name: string;
  version: number;
  key_version: number;
  salt: string;
  token: string;
}

/** A destroyed key is not a version of the vault, even if a session from before the destruction still has it. */
const valueSql = `select v.id, v.secret_id, s.key_name, v.version, case when k.state = 'destroyed' then 0 else k.version end as key_version,
  v.salt, v.token
  from secrets s join secret_versions v on v.secret_id = s.id join vault_keys k on k.id = v.vault_key_id`;

/** SQL for a secret's value. The parameters are its name and its version, the latest if null. */
export const oneValueSql = (keyName: string, version: string): string =>
  `${valueSql} where s.key_name = ${keyName} and v.version = coalesce(cast(${version} as int), s.current_version)`;

/** Finds a secret's value in one version, the latest if none is named. @throws NOT_FOUND */
export async function findValue({ em }: EntityScope, keyName: string, version: number | null): Promise<StoredValue> {
  const [row] = await em.execute<ValueRow[]>(oneValueSql('?', '?'), [keyName, version]);
  if (row === undefined) throw notFound();
  return valueOf(row);
}

/** Returns all kept values of a secret. */
export async function valuesOf({ em }: EntityScope, secretId: string): Promise<StoredValue[]> {
  return (await em.execute<ValueRow[]>(`${valueSql} where s.id = ? order by v.version`, [secretId])).map(valueOf);
}

/** Returns a page of values under an earlier key of the vault, after the given one. */
export async function staleValues({ em }: EntityScope, after: string, most: number): Promise<StoredValue[]> {
  const rows = await em.execute<ValueRow[]>(
    `${valueSql} where k.state = 'decrypt_only' and v.id > ? order by v.id limit ${most}`,
    [after],
  );
  return rows.map(valueOf);
}

/** A stored value cannot be decrypted, because it was altered or moved. Names the value. */
export class ValueError extends FernetError {
  constructor(readonly secretId: string) {
    super();
  }
}

/** Decrypts a value. The caller must zero the plaintext. @throws {@link ValueError} if it was altered or moved. */
export function decryptValue(vaultId: string, keys: VaultKeys, value: StoredValue): Buffer {
  try {
    const key = recordKey(keys.key(value.keyVersion), value.salt, { vaultId, ...value });
    try {
      return decryptFernet(key, value.token);
    } finally {
      key.fill(0);
    }
  } catch (error) {
    throw error instanceof SealError || error instanceof FernetError ? new ValueError(value.secretId) : error;
  }
}

/** Encrypts a value under the vault's active key. Returns its salt and token. */
export function encryptValue(
  { vaultId, keys }: Pick<OpenVault, 'vaultId' | 'keys'>,
  place: Pick<StoredValue, 'secretId' | 'keyName' | 'version'>,
  plaintext: Uint8Array,
  at: Date,
): Pick<StoredValue, 'salt' | 'token'> {
  const salt = freshSalt();
  const key = recordKey(keys.key(), salt, { vaultId, ...place, keyVersion: keys.active });
  const token = encryptFernet(key, plaintext, { at });
  key.fill(0);
  return { salt, token };
}

/** Adds a version to a secret, and deletes the oldest ones beyond the limit. */
export async function addVersion(
  { em }: EntityScope,
  vault: OpenVault,
  secret: Secret,
  { plaintext, at, versionsKept }: { plaintext: Uint8Array; at: Date; versionsKept: number },
): Promise<void> {
  const place = { secretId: secret.id, keyName: secret.keyName, version: secret.version };
  const { salt, token } = encryptValue(vault, place, plaintext, at);
  const createdBy = em.getReference(User, vault.userId, { wrapped: true });
  em.persist(
    Object.assign(
      new SecretVersion({
        secret: em.getReference(Secret, secret.id, { wrapped: true }),
        version: secret.version,
        vaultKey: em.getReference(VaultKey, vault.keyId, { wrapped: true }),
        salt,
        token,
        createdBy,
      }),
      { createdAt: at },
    ),
  );
  await em.flush();
  await em.execute('delete from secret_versions where secret_id = ? and version <= ?', [
    secret.id,
    secret.version - versionsKept,
  ]);
}

/** Re-encrypts a value under the vault's active key and the current name of its secret. */
export async function renewValue(
  { em }: EntityScope,
  { vaultId, keyId, keys }: Pick<OpenVault, 'vaultId' | 'keyId' | 'keys'>,
  value: StoredValue,
  { keyName, at }: { keyName: string; at: Date },
): Promise<void> {
  const plaintext = decryptValue(vaultId, keys, value);
  const { salt, token } = encryptValue({ vaultId, keys }, { ...value, keyName }, plaintext, at);
  plaintext.fill(0);
  await em.execute('update secret_versions set salt = ?, token = ?, vault_key_id = ?, updated_at = ? where id = ?', [
    salt,
    token,
    keyId,
    at,
    value.id,
  ]);
}

/** Validates a name and returns it as it is stored. @throws BAD_INPUT at the path. */
export function demandName(keyName: string, path: string): string {
  const problems = nameProblems(keyName.trim(), path);
  assertValid(problems);
  return keyName.trim();
}

export function nameProblems(keyName: string, path: string): FieldProblem[] {
  if (keyName === '' || isLonger(keyName, 200)) return [{ path, message: 'must have 1 to 200 characters' }];
  return /\p{Cc}|\p{Surrogate}/u.test(keyName)
    ? [{ path, message: 'must not contain control characters or invalid Unicode' }]
    : [];
}

export function valueOf(row: ValueRow): StoredValue {
  const { id, secret_id: secretId, key_name: keyName, version, key_version: keyVersion, salt, token } = row;
  return { id, secretId, keyName, version, keyVersion, salt, token };
}
