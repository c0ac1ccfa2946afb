import { validate as isUuid } from 'uuid';
import { User } from '../../entities/user.ts';
import { badInput, conflict, forbidden, type Refusal } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { findVisible } from '../record/index.ts';
import { administer, isLastingAdmin, isOwn } from './admin-guard.ts';
import type { Scope } from '../scope.ts';
import { closeVault } from '../sign-in/sign-out.ts';

/**
 * Makes another admin the owner. The former owner stays an admin, and their vault sessions are closed. Both get a mail.
 * @returns the new owner's id.
 * @throws BAD_INPUT; NOT_FOUND; FORBIDDEN if the viewer is no longer the owner; CONFLICT for the caller's own account,
 * and for a user who is not an active admin with a verified address and a permanent role.
 */
export async function transferOwnership(scope: Scope, userId: string): Promise<string> {
  if (!isUuid(userId)) throw badInput({ path: 'userId', message: 'must be a UUID' });
  if (isOwn(scope.viewer, userId)) throw conflict('You are already the owner.', 'owner');
  return administer(scope, async (tx) => {
    const [former, next] = await holdBoth(tx, scope.viewer.userId ?? '', userId);
    const refusal = await refusalOf(tx, former, next);
    if (refusal !== null) return refusal;
    // One after the other, because the database refuses two owners.
    former.isOwner = false;
    await tx.em.flush();
    next.isOwner = true;
    await closeVault(tx, former.id);
    recordChange(tx, { action: 'user.transfer_ownership', targetType: 'User', targetId: next.id });
    const at = scope.now().toISOString();
    for (const { id } of [former, next])
      await scope.mail.enqueue(tx.em, { kind: 'security-alert', userId: id, alert: 'ownership-transferred', at });
    return next.id;
  });
}

async function holdBoth(scope: Scope, formerId: string, nextId: string): Promise<[User, User]> {
  await scope.em.execute('select id from users where id in (?, ?) order by id for no key update', [formerId, nextId]);
  const next = await findVisible(scope, User, nextId, { path: 'userId' });
  return [await findVisible(scope, User, formerId), next];
}

async function refusalOf(scope: Scope, former: User, next: User): Promise<Refusal | null> {
  if (!former.isOwner) return forbidden('Only the owner of this instance may do this.');
  if (next.isVerified && (await isLastingAdmin(scope, next.id))) return null;
  return conflict('The new owner must be an active admin without an end date and with a verified e-mail address.');
}
