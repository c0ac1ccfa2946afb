import { UniqueConstraintViolationException, type SqlEntityManager } from '@mikro-orm/postgresql';
import type { Viewer } from '../../entities/viewer.ts';
import { conflict } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { administer, holdUser } from './admins.ts';
import type { Origin, UserTools } from './tools.ts';

/**
 * Verifies a user's address by hand, as the token that was mailed to it would.
 * @returns the user's id.
 * @throws NOT_FOUND; CONFLICT where the address is another account's by now.
 */
export async function verifyUser(em: SqlEntityManager, tools: UserTools, viewer: Viewer, id: string, origin: Origin): Promise<string> {
  return administer(em, tools, viewer, async (transaction) => {
    const user = await holdUser(transaction, id);
    user.isVerified = true;
    recordChange(transaction, tools, viewer, origin, { action: 'user.verify', targetType: 'User', targetId: user.id });
    await transaction.flush().catch((error: unknown) => {
      throw error instanceof UniqueConstraintViolationException ? conflict('Another account already has this address.') : error;
    });
    return user.id;
  });
}
