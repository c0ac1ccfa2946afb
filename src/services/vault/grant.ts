import { validate as isUuid } from 'uuid';
import { sqlNow } from '../../entities/clock.ts';
import { User } from '../../entities/user.ts';
import { vaultRoles } from '../../entities/vault.ts';
import { badInput, conflict, notFound } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { grantAll } from './grants.ts';
import { withVault } from './open.ts';
import { pairOf } from '../pair.ts';
import { holdVault } from './state.ts';
import { within, type Scope } from './tools.ts';

/**
 * Gives a user access to the vault, present or not: what is needed of them is their public key. They are told by mail.
 * @returns the vault's id.
 * @throws VAULT_LOCKED; NOT_FOUND where the caller sees no such user; CONFLICT where the user may not have it, or has no
 * key yet.
 */
export async function grantVaultAccess(scope: Scope, userId: string): Promise<string> {
  const { em, tools, viewer, client } = scope;
  return em.transactional(async (transaction) => {
    await holdVault(transaction);
    return withVault(within(scope, transaction), async ({ vaultId, keys }) => {
      await demandTrusted(within(scope, transaction), userId);
      const pair = await pairOf(transaction, tools.keyring, userId);
      if (pair === null) throw conflict('The user has no vault key yet. It is created the next time they sign in with their password.');
      await grantAll(transaction, vaultId, keys, pair);
      recordChange(transaction, tools, viewer, client, { action: 'vault.grant', targetType: 'User', targetId: userId });
      await tools.mail.enqueue(transaction, { kind: 'security-alert', userId, alert: 'vault-granted', at: tools.now().toISOString() });
      return vaultId;
    });
  });
}

async function demandTrusted({ em, tools }: Scope, userId: string): Promise<void> {
  if (!isUuid(userId)) throw badInput({ path: 'userId', message: 'must be a UUID' });
  if ((await em.count(User, { id: userId, deletedAt: null })) === 0) throw notFound();
  const roles = vaultRoles.map(() => '?').join(', ');
  const trusted = await em.execute<object[]>(
    `select a.id from user_roles a join roles r on r.id = a.role_id join users u on u.id = a.user_id
     where u.id = ? and u.is_active and (a.expires_at is null or a.expires_at > ${sqlNow(tools)}) and r.based_on in (${roles})`,
    [userId, ...vaultRoles],
  );
  if (trusted.length === 0) throw conflict('The user is inactive, or none of their roles may open the vault.');
}
