import { Field, Int, ObjectType } from 'type-graphql';
import { databaseNow, sqlAfter, sqlNow } from '../../entities/clock.ts';
import { Session } from '../../entities/session.ts';
import { VaultSession } from '../../entities/vault.ts';
import { badCredentials, conflict, unauthenticated, type Refusal } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { isOfActiveKid, openByPassword, reseal, sealPrivateKey, type PrivateSeal } from '../crypto/pair.ts';
import { composed } from '../crypto/password.ts';
import { freshStretching } from '../crypto/stretch.ts';
import { hashToken, mintToken, tokenBytes } from '../crypto/token.ts';
import { keepingKeys, wrapKeys, type VaultKeys } from '../crypto/vault.ts';
import { pairOf, readPair, writePair, type StoredPair } from '../proof/stored-pair.ts';
import { grantsOf, isGranted, openGrants } from './grants.ts';
import { rewrap } from './rewrap.ts';
import { demandState, digestSql, holdVault } from './state.ts';
import type { Verify } from '../proof/password-attempt.ts';
import { proveViewer } from '../proof/proof.ts';
import type { Scope } from '../scope.ts';

@ObjectType({ description: 'The token of an unlocked vault.' })
export class VaultToken {
  @Field(() => String, {
    description: 'The vault token. Send it in the `x-vault-token` header with every vault operation.',
  })
  vaultToken: string;

  @Field(() => Int, {
    description: 'The number of seconds until the token expires. Each use extends it, up to a maximum lifetime.',
  })
  expiresIn: number;

  constructor(vaultToken: string, expiresIn: number) {
    this.vaultToken = vaultToken;
    this.expiresIn = expiresIn;
  }
}

/**
 * Unlocks the vault for this session. The caller's password opens the caller's own key, which opens the grants. Also
 * counts as step-up authentication. Resumes an interrupted rotation.
 * @throws CONFLICT if there is no vault, or the caller has no access to it; BAD_CREDENTIALS; BAD_INPUT if a code is
 * required; RATE_LIMITED.
 */
export async function unlockVault(scope: Scope, password: string, code: string | null): Promise<VaultToken> {
  const { userId } = scope.viewer;
  if (userId === null) throw unauthenticated();
  const vaultId = await demandVault(scope);
  const pair = await pairOf(scope, userId);
  if (pair === null || !isGranted(await grantsOf(scope, userId))) throw noAccess();
  const seal = readPair(scope.keyring, pair);
  const lock = new PrivateLock(scope, pair, seal);
  try {
    const proved = await proveViewer(
      scope,
      { password, code },
      { action: 'vault.unlock', path: '', verify: lock.verify },
    );
    const resealed = await lock.resealed(password);
    return await keepingKeys(async (keep) => {
      const { token, keys } = await scope.transaction(async (tx) => {
        if (!(await proved.spend(tx))) throw badCredentials('spent_proof');
        // unless a concurrent call did so
        if (resealed !== null) await writePair(tx, pair, resealed);
        await holdVault(tx, 'share');
        const grants = await grantsOf(tx, userId);
        if (!isGranted(grants)) throw noAccess();
        const keys = keep(
          openGrants(grants, vaultId, userId, { publicKey: pair.publicKey, privateKey: lock.privateKey }),
        );
        return { keys, token: await beginSession(tx, keys, 'vault.unlock') };
      });
      return lasting(scope, vaultId, keys, token);
    });
  } finally {
    lock.wipe();
  }
}

/** Resumes an interrupted rotation and returns the token. */
export async function lasting(scope: Scope, vaultId: string, keys: VaultKeys, token: string): Promise<VaultToken> {
  try {
    await rewrap(scope, vaultId, keys);
  } catch (error) {
    // The vault is unlocked anyway. Its status shows the remaining work, which the next unlock retries.
    scope.warn(`Vault key rotation could not continue: ${String(error)}`);
  }
  return new VaultToken(token, Math.min(scope.vault.idleTtl, scope.vault.maxTtl));
}

/** Returns the id of the vault. @throws CONFLICT if there is none. */
export async function demandVault(scope: Scope): Promise<string> {
  const [vault] = await scope.em.execute<{ id: string }[]>('select id from vaults');
  if (vault === undefined) throw conflict('The vault does not exist yet. The owner creates it with createVault.');
  return vault.id;
}

/** Starts a vault session in the caller's transaction, after verifying that the stored data is the vault's own. */
export async function beginSession(scope: Scope, keys: VaultKeys, action: string): Promise<string> {
  const { userId, sessionId } = scope.viewer;
  if (userId === null || sessionId === null) throw unauthenticated();
  const [row] = await scope.em.execute<{ id: string; kit_key: string; state: string; digest: string }[]>(
    `select id, kit_key, state, ${digestSql} as digest from vaults`,
  );
  if (row === undefined) throw noAccess();
  demandState(keys, { vaultId: row.id, kitKey: row.kit_key, state: row.state, digest: row.digest });
  const at = await databaseNow(scope);
  const vaultToken = mintToken('vlt1');
  const bytes = tokenBytes('vlt1', vaultToken) ?? Buffer.alloc(0);
  const wrappedKey = wrapKeys(scope.keyring, bytes, { sessionId, userId, vaultId: row.id, version: keys.active }, keys);
  bytes.fill(0);
  await scope.em.execute(
    `delete from vault_sessions
     where session_id = ? and (expires_at <= ${sqlNow(scope)} or last_used_at <= ${sqlAfter(scope, -scope.vault.idleTtl)})`,
    [sessionId],
  );
  await scope.em.execute(`update sessions set authenticated_at = ${sqlNow(scope)} where id = ?`, [sessionId]);
  const session = scope.em.getReference(Session, sessionId, { wrapped: true });
  const expiresAt = new Date(at.valueOf() + scope.vault.maxTtl * 1000);
  scope.em.persist(new VaultSession({ session, tokenHash: hashToken(vaultToken), wrappedKey, at, expiresAt }));
  recordChange(scope, { action, targetType: 'Vault', targetId: row.id });
  return vaultToken;
}

export const noAccess = (): Refusal =>
  conflict(
    'You have no access to the vault. Ask someone who has access to use grantVaultAccess, or use the recovery kit.',
    undefined,
    undefined,
    'no_grant',
  );

/** The caller's private key, which stays closed until the password was right. */
class PrivateLock {
  #privateKey: Buffer | null = null;

  constructor(
    private readonly scope: Scope,
    private readonly pair: StoredPair,
    private readonly seal: PrivateSeal,
  ) {}

  /** @throws {Error} before the password was right. */
  get privateKey(): Buffer {
    if (this.#privateKey === null) throw new Error('The private key is closed');
    return this.#privateKey;
  }

  /** The password is right if it opens the key. That takes enough work, so no hash is needed besides. */
  readonly verify: Verify = async (password, choose) => {
    const { passwords } = this.scope;
    let choice: Promise<string | null> | null = null;
    const chooseOnce = () => (choice ??= choose());
    const privateKey = await openByPassword(this.seal, password, (each) =>
      passwords.stretch(each, this.seal.stretching, chooseOnce),
    );
    const stored = await chooseOnce();
    const isRight = stored !== null && privateKey !== null;
    if (isRight) this.#privateKey = privateKey;
    else privateKey?.fill(0);
    return { isRight, stored, renewed: null };
  };

  /** The private key sealed again if its seal is weaker than today's or uses another system key; else null. */
  async resealed(password: string): Promise<string | null> {
    const { keyring, rules, passwords } = this.scope;
    if (this.seal.stretching.iterations < rules.keyIterations) {
      const stretching = freshStretching(rules.keyIterations);
      const key = await passwords.stretch(composed(password), stretching);
      const { userId, publicKey } = this.pair;
      const sealed = sealPrivateKey(keyring, userId, { publicKey, privateKey: this.privateKey }, { key, stretching });
      key.fill(0);
      return sealed;
    }
    return this.seal.isOfActiveKey && isOfActiveKid(keyring, this.pair.mark) ? null : reseal(keyring, this.seal);
  }

  wipe(): void {
    this.#privateKey?.fill(0);
  }
}
