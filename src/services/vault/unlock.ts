import { Field, Int, ObjectType } from 'type-graphql';
import { databaseNow, sqlAfter, sqlNow } from '../../entities/clock.ts';
import { Session } from '../../entities/session.ts';
import { VaultSession } from '../../entities/vault.ts';
import { badCredentials, conflict, unauthenticated, type Refusal } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { isOfActiveKid, openByPassword, sealAgain, sealPrivateKey, type PrivateSeal } from '../crypto/pair.ts';
import { composed } from '../crypto/password.ts';
import { freshStretching } from '../crypto/stretch.ts';
import { hashToken, mintToken, tokenBytes } from '../crypto/token.ts';
import { keepingKeys, wrapKeys, type VaultKeys } from '../crypto/vault.ts';
import { pairOf, readPair, writePair, type StoredPair } from '../pair.ts';
import { grantsOf, isGranted, openGrants } from './grants.ts';
import { rewrap } from './rewrap.ts';
import { demandState, digestSql, holdVault } from './state.ts';
import { after, within, type Scope, type Verify } from './tools.ts';

@ObjectType({ description: 'The vault is unlocked for this session.' })
export class VaultToken {
  @Field(() => String, { description: 'Send it in the header `x-vault-token` with what is asked of the vault.' })
  vaultToken: string;

  @Field(() => Int, { description: 'Seconds until it is of no use, unless it is used before; each use begins them anew, up to a limit.' })
  expiresIn: number;

  constructor(vaultToken: string, expiresIn: number) {
    this.vaultToken = vaultToken;
    this.expiresIn = expiresIn;
  }
}

/**
 * Unlocks the vault for this session with the caller's password, which opens the caller's own key, which opens what was
 * granted to it. It is a fresh proof of who it is too. Goes on with a rotation that was interrupted.
 * @throws CONFLICT where there is no vault, or no access to it; BAD_CREDENTIALS; BAD_INPUT where a code is needed;
 * RATE_LIMITED.
 */
export async function unlockVault(scope: Scope, password: string, code: string | null): Promise<VaultToken> {
  const { em, tools, viewer, client } = scope;
  const { userId } = viewer;
  if (userId === null) throw unauthenticated();
  const vaultId = await demandVault(scope);
  const pair = await pairOf(em, tools.keyring, userId);
  if (pair === null || !isGranted(await grantsOf(em, userId))) throw noAccess();
  const seal = readPair(tools.keyring, pair);
  const lock = new PrivateLock(scope, pair, seal);
  try {
    const trial = { action: 'vault.unlock', client };
    const proved = await tools.proofs.prove(em, viewer, { password, code }, trial, { path: '', verify: lock.verify });
    const resealed = await lock.resealed(password);
    return await keepingKeys(async (keep) => {
      const { token, keys } = await em.transactional(async (transaction) => {
        if (!(await proved.spend(transaction))) throw badCredentials('spent_proof');
        // unless somebody else did meanwhile
        if (resealed !== null) await writePair(transaction, tools, pair, resealed);
        await holdVault(transaction, 'share');
        const grants = await grantsOf(transaction, userId);
        if (!isGranted(grants)) throw noAccess();
        const keys = keep(openGrants(grants, vaultId, userId, { publicKey: pair.publicKey, privateKey: lock.privateKey }));
        return { keys, token: await beginSession(within(scope, transaction), keys, 'vault.unlock') };
      });
      return lasting(scope, vaultId, keys, token);
    });
  } finally {
    lock.wipe();
  }
}

/** Goes on with what an earlier rotation left, and answers the token. */
export async function lasting({ em, tools }: Scope, vaultId: string, keys: VaultKeys, token: string): Promise<VaultToken> {
  try {
    await rewrap(em, tools, vaultId, keys);
  } catch (error) {
    // The vault is unlocked all the same; what is left is told by its status, and tried again at the next unlock.
    tools.warn(`Vault key rotation could not continue: ${String(error)}`);
  }
  return new VaultToken(token, Math.min(tools.vault.idleTtl, tools.vault.maxTtl));
}

/** The id of the vault. @throws CONFLICT where there is none. */
export async function demandVault({ em }: Scope): Promise<string> {
  const [vault] = await em.execute<{ id: string }[]>('select id from vaults');
  if (vault === undefined) throw conflict('The vault does not exist yet. The owner creates it with createVault.');
  return vault.id;
}

/** Begins a session of the vault, in the caller's transaction, once what is stored was found to be the vault's own. */
export async function beginSession({ em, tools, viewer, client }: Scope, keys: VaultKeys, action: string): Promise<string> {
  const { userId, sessionId } = viewer;
  if (userId === null || sessionId === null) throw unauthenticated();
  const [row] = await em.execute<{ id: string; kit_key: string; state: string; digest: string }[]>(
    `select id, kit_key, state, ${digestSql} as digest from vaults`,
  );
  if (row === undefined) throw noAccess();
  demandState(keys, { vaultId: row.id, kitKey: row.kit_key, state: row.state, digest: row.digest });
  const at = await databaseNow(em, tools);
  const vaultToken = mintToken('vlt1');
  const bytes = tokenBytes('vlt1', vaultToken) ?? Buffer.alloc(0);
  const wrappedKey = wrapKeys(tools.keyring, bytes, { sessionId, userId, vaultId: row.id, version: keys.active }, keys);
  bytes.fill(0);
  await em.execute(
    `delete from vault_sessions
     where session_id = ? and (expires_at <= ${sqlNow(tools)} or last_used_at <= ${sqlAfter(tools, -tools.vault.idleTtl)})`,
    [sessionId],
  );
  await em.execute(`update sessions set authenticated_at = ${sqlNow(tools)} where id = ?`, [sessionId]);
  const session = em.getReference(Session, sessionId, { wrapped: true });
  const expiresAt = after(at, tools.vault.maxTtl);
  em.persist(new VaultSession({ session, tokenHash: hashToken(vaultToken), wrappedKey, at, expiresAt }));
  recordChange(em, tools, viewer, client, { action, targetType: 'Vault', targetId: row.id });
  return vaultToken;
}

export const noAccess = (): Refusal =>
  conflict(
    'You have no access to the vault. Ask someone who has access to use grantVaultAccess, or use the recovery kit.',
    undefined,
    undefined,
    'no_grant',
  );

/** The caller's private key, closed until the password was right. */
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

  /** The password is right where it opens the key: that is work enough, and no hash is needed beside it. */
  readonly verify: Verify = async (password, choose) => {
    const { passwords } = this.scope.tools;
    let choice: Promise<string | null> | null = null;
    const chooseOnce = () => (choice ??= choose());
    const privateKey = await openByPassword(this.seal, password, (each) => passwords.stretch(each, this.seal.stretching, chooseOnce));
    const stored = await chooseOnce();
    const isRight = stored !== null && privateKey !== null;
    if (isRight) this.#privateKey = privateKey;
    else privateKey?.fill(0);
    return { isRight, stored, renewed: null };
  };

  /** The private key sealed anew, where its seal costs less than today, or is of another system key; else null. */
  async resealed(password: string): Promise<string | null> {
    const { keyring, rules, passwords } = this.scope.tools;
    if (this.seal.stretching.iterations < rules.keyIterations) {
      const stretching = freshStretching(rules.keyIterations);
      const key = await passwords.stretch(composed(password), stretching);
      const { userId, publicKey } = this.pair;
      const sealed = sealPrivateKey(keyring, userId, { publicKey, privateKey: this.privateKey }, key, stretching);
      key.fill(0);
      return sealed;
    }
    return this.seal.isOfActiveKey && isOfActiveKid(keyring, this.pair.mark) ? null : sealAgain(keyring, this.seal);
  }

  wipe(): void {
    this.#privateKey?.fill(0);
  }
}
