import { AuditOutcome } from '../../entities/audit.ts';
import { foldCase, normalizeEmail } from '../../entities/identifier.ts';
import { holdsEmail, User } from '../../entities/user.ts';
import { countWithin } from '../audit/denial.ts';
import { recordChange } from '../audit/event.ts';
import { networkOf, takeAttempt } from '../limit.ts';
import { mailToken } from '../mail/index.ts';
import type { Scope } from '../scope.ts';

/** The lifetime of a reset token in seconds. */
export const resetAge = 1800;

const action = 'request_password_reset';
const anonymous = { userId: null, sessionId: null };

/**
 * Mails a password reset to this address. The answer, limits and work are the same if no account has it.
 * @returns true, always.
 * @throws RATE_LIMITED per client address, and per requested address.
 */
export async function requestPasswordReset(scope: Scope, email: string): Promise<true> {
  const address = normalizeEmail(email).slice(0, 255);
  await takeAttempt(scope, 'mail-address', networkOf(scope.client.ipAddress));
  await takeAttempt(scope, 'mail-account', foldCase(address));
  const chosen = await choose(scope, address);
  const isHeld = chosen?.is_holder === true;
  await scope.transaction(async (tx) => {
    // Waiting for the disk would reveal that something was written.
    await tx.em.execute('set local synchronous_commit = off');
    if (chosen !== null)
      await keepIf(isHeld, tx, async (nested) => {
        await mailReset(nested, chosen.id);
        const change = { action, targetType: 'User', targetId: chosen.id } as const;
        recordChange({ ...nested, viewer: anonymous }, change);
      });
    await keepIf(!isHeld, tx, async (nested) => {
      const facts = { action, reason: 'unknown', outcome: AuditOutcome.FAILED } as const;
      await countWithin(nested, [{ facts, at: nested.now(), client: nested.client, count: 1 }]);
    });
  });
  return true;
}

/** Rolls a nested transaction back. */
class Rollback extends Error {}

/** The recipient of a token, and whether the user has the requested address. */
interface Chosen {
  readonly id: string;
  readonly is_holder: boolean;
}

/**
 * Chooses the user who holds the address, otherwise the latest who claims it. If no user has it, chooses another user,
 * so that the work is the same. Null in a database without users.
 */
async function choose(scope: Scope, address: string): Promise<Chosen | null> {
  const [chosen] = await scope.em.execute<Chosen[]>(
    `select id, is_holder from (
       (select u.id, true as is_holder, case when ${holdsEmail('u')} then 2 else 1 end as rank from users u
        where lower(u.email) = lower(cast(? as text) collate "C") and u.is_active and u.deleted_at is null)
       union all (select id, false, 0 from users order by id limit 1)
     ) c order by rank desc, id desc limit 1`,
    [address],
  );
  return chosen ?? null;
}

/** Does the same work in every case, in a nested transaction that is rolled back unless the result is kept. */
async function keepIf(isKept: boolean, scope: Scope, work: (nested: Scope) => Promise<void>): Promise<void> {
  await scope
    .transaction(async (nested) => {
      await work(nested);
      await nested.em.flush();
      if (!isKept) throw new Rollback();
    })
    .catch((error: unknown) => {
      if (!(error instanceof Rollback)) throw error;
    });
}

async function mailReset(scope: Scope, userId: string): Promise<void> {
  const user = await scope.em.findOneOrFail(User, userId, { filters: false });
  await mailToken(scope, { kind: 'password-reset', user, lifetime: resetAge });
}
