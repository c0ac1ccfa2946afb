import { UniqueConstraintViolationException } from '@mikro-orm/postgresql';
import { conflict } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { administer, holdUser } from './admin-guard.ts';
import type { Scope } from '../scope.ts';

/**
 * Verifies a user's address by hand, as the mailed token would.
 * @returns the user's id.
 * @throws NOT_FOUND; CONFLICT if another account already has the address.
 */
export async function verifyUser(scope: Scope, id: string): Promise<string> {
  return administer(scope, async (tx) => {
    const user = await holdUser(tx, id);
    user.isVerified = true;
    recordChange(tx, { action: 'user.verify', targetType: 'User', targetId: user.id });
    await tx.em.flush().catch((error: unknown) => {
      throw error instanceof UniqueConstraintViolationException
        ? conflict('Another account already has this address.')
        : error;
    });
    return user.id;
  });
}
