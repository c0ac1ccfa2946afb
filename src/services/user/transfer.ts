import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { validate as isUuid } from 'uuid';
import { User } from '../../entities/user.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { badInput, conflict, forbidden, type Refusal } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { find } from '../record/index.ts';
import { administer, isLastingAdmin, isOwn } from './admins.ts';
import type { Origin, UserTools } from './tools.ts';
import { closeVault } from './unassign.ts';

/**
 * Makes another admin the owner. The former owner stays an admin; what they have open of the vault is closed. Both are
 * told by mail.
 * @returns the new owner's id.
 * @throws BAD_INPUT; NOT_FOUND; FORBIDDEN where the viewer is not the owner any more; CONFLICT for oneself, and for who
 * is not an active admin without an end whose address is verified.
 */
export async function transferOwnership(
  em: SqlEntityManager,
  tools: UserTools,
  viewer: Viewer,
  userId: string,
  origin: Origin,
): Promise<string> {
  if (!isUuid(userId)) throw badInput({ path: 'userId', message: 'must be a UUID' });
  if (isOwn(viewer, userId)) throw conflict('You are already the owner.', 'owner');
  return administer(em, tools, viewer, async (transaction) => {
    const [former, next] = await holdBoth(transaction, viewer.userId ?? '', userId);
    const refusal = await refusalOf(transaction, former, next);
    if (refusal !== null) return refusal;
    // One after the other: of two owners the database would refuse one.
    former.isOwner = false;
    await transaction.flush();
    next.isOwner = true;
    await closeVault(transaction, former.id);
    recordChange(transaction, tools, viewer, origin, { action: 'user.transfer_ownership', targetType: 'User', targetId: next.id });
    const at = tools.now().toISOString();
    for (const { id } of [former, next])
      await tools.mail.enqueue(transaction, { kind: 'security-alert', userId: id, alert: 'ownership-transferred', at });
    return next.id;
  });
}

async function holdBoth(em: SqlEntityManager, formerId: string, nextId: string): Promise<[User, User]> {
  await em.execute('select id from users where id in (?, ?) order by id for no key update', [formerId, nextId]);
  const next = await find(em, User, nextId, { path: 'userId' });
  return [await find(em, User, formerId), next];
}

async function refusalOf(em: SqlEntityManager, former: User, next: User): Promise<Refusal | null> {
  if (!former.isOwner) return forbidden('Only the owner of this instance may do this.');
  if (next.isVerified && (await isLastingAdmin(em, next.id))) return null;
  return conflict('The new owner must be an active admin without an end date and with a verified e-mail address.');
}
