import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { v7 as uuidv7 } from 'uuid';
import { vaultRoles } from '../../entities/vault.ts';
import { generatePair } from '../crypto/box.ts';
import { markPublicKey, openPrivateKey, readPrivateSeal, sealPrivateKey, type PrivateSeal } from '../crypto/pair.ts';
import { SealError } from '../crypto/seal.ts';
import { freshStretching } from '../crypto/stretch.ts';
import type { SessionTools } from './tools.ts';

type PairTools = Pick<SessionTools, 'keyring' | 'passwords' | 'rules' | 'now'>;

/** What becomes of a user's key pair when the password is replaced: from which stored text to which; null for none. */
export interface PairMove {
  readonly from: string | null;
  readonly to: SealedPair | null;
}

interface SealedPair {
  readonly sealed: string;
  /** Of the same system key as the seal: nothing of the pair stays under an earlier one. */
  readonly mark: string;
}

/**
 * Makes the key pair of somebody who may be given the vault and has none yet: only now, as the password is known, can it
 * be sealed. Once in a user's life, the sign-in takes as long as PBKDF2 longer.
 * @param stored the hash that the password was held against: where it is another by now, no pair is made.
 */
export async function ensurePair(em: SqlEntityManager, tools: PairTools, userId: string, password: string, stored: string): Promise<void> {
  if (!(await lacksPair(em, tools, userId))) return;
  const stretching = freshStretching(tools.rules.keyIterations);
  const key = await tools.passwords.stretch(password, stretching);
  const pair = generatePair();
  const sealed = sealPrivateKey(tools.keyring, userId, pair, key, stretching);
  for (const bytes of [key, pair.privateKey]) bytes.fill(0);
  const at = tools.now();
  const mark = markPublicKey(tools.keyring, { userId, publicKey: pair.publicKey });
  await em.execute(
    `insert into user_keys (id, created_at, updated_at, user_id, public_key, public_key_mac, sealed_private_key)
     select cast(? as uuid), cast(? as timestamptz), cast(? as timestamptz), id, cast(? as text), cast(? as text), cast(? as text)
     from users where id = ? and password_hash = ? and is_active and deleted_at is null for no key update
     on conflict (user_id) do nothing`,
    [uuidv7(), at, at, pair.publicKey.toString('base64url'), mark, sealed, userId, stored],
  );
}

async function lacksPair(em: SqlEntityManager, { now }: PairTools, userId: string): Promise<boolean> {
  const roles = vaultRoles.map(() => '?').join(', ');
  const found = await em.execute<object[]>(
    `select u.id from users u where u.id = ? and not exists (select 1 from user_keys k where k.user_id = u.id)
     and exists (select 1 from user_roles a join roles r on r.id = a.role_id
       where a.user_id = u.id and (a.expires_at is null or a.expires_at > ?) and r.based_on in (${roles}))`,
    [userId, now(), ...vaultRoles],
  );
  return found.length === 1;
}

/**
 * Seals a user's private key under the new password. One that the old password does not open, because its system key is
 * gone, would never be opened again: it goes, and what was granted to it.
 */
export async function resealPair(
  em: SqlEntityManager,
  tools: PairTools,
  userId: string,
  password: string,
  next: string,
): Promise<PairMove> {
  const [row] = await em.execute<{ public_key: string; sealed_private_key: string }[]>(
    'select public_key, sealed_private_key from user_keys where user_id = ?',
    [userId],
  );
  if (row === undefined) return { from: null, to: null };
  const from = row.sealed_private_key;
  const publicKey = Buffer.from(row.public_key, 'base64url');
  const privateKey = await opened(tools, readSeal(tools, { userId, publicKey }, from), password);
  if (privateKey === null) return { from, to: null };
  const stretching = freshStretching(tools.rules.keyIterations);
  const key = await tools.passwords.stretch(next, stretching);
  const sealed = sealPrivateKey(tools.keyring, userId, { publicKey, privateKey }, key, stretching);
  for (const bytes of [key, privateKey]) bytes.fill(0);
  // The private half opened for this public half and no other, so it is vouched for anew.
  return { from, to: { sealed, mark: markPublicKey(tools.keyring, { userId, publicKey }) } };
}

/** Whether the pair is still the one that was sealed anew; asked while the user's row is held. */
export async function isPair(em: SqlEntityManager, userId: string, { from }: PairMove): Promise<boolean> {
  const [row] = await em.execute<{ sealed_private_key: string }[]>('select sealed_private_key from user_keys where user_id = ?', [userId]);
  return (row?.sealed_private_key ?? null) === from;
}

/** Writes what was sealed anew. @returns whether grants were voided with a pair that could not be. */
export async function movePair(em: SqlEntityManager, userId: string, { from, to }: PairMove, at: Date): Promise<boolean> {
  if (to !== null) {
    const values = [to.sealed, to.mark, at, userId];
    await em.execute('update user_keys set sealed_private_key = ?, public_key_mac = ?, updated_at = ? where user_id = ?', values);
    return false;
  }
  return from !== null && (await voidPair(em, userId));
}

/** Takes a user's key pair away, and what was granted to it. @returns whether anything was. */
export async function voidPair(em: SqlEntityManager, userId: string): Promise<boolean> {
  const voided = await em.execute<object[]>('delete from vault_grants where user_id = ? returning id', [userId]);
  await em.execute('delete from user_keys where user_id = ?', [userId]);
  return voided.length > 0;
}

function readSeal({ keyring }: PairTools, holder: Parameters<typeof readPrivateSeal>[1], text: string): PrivateSeal | null {
  try {
    return readPrivateSeal(keyring, holder, text);
  } catch (error) {
    if (error instanceof SealError) return null;
    throw error;
  }
}

async function opened({ passwords }: PairTools, seal: PrivateSeal | null, password: string): Promise<Buffer | null> {
  if (seal === null) return null;
  const key = await passwords.stretch(password, seal.stretching);
  const privateKey = openPrivateKey(seal, key);
  key.fill(0);
  return privateKey;
}
