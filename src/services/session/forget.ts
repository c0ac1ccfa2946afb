import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { AuditOutcome } from '../../entities/audit.ts';
import { holdsEmail, User } from '../../entities/user.ts';
import { recordAudit } from '../audit/event.ts';
import { networkOf, takeTurn } from '../limit.ts';
import { mailToken } from '../mail/index.ts';
import type { Client, SessionTools } from './tools.ts';

/** Seconds in which a reset works. */
const resetAge = 1800;

/**
 * Mails a reset to whoever has this address. The answer, the limits and the work are the same where nobody has it.
 * @returns true, always.
 * @throws RATE_LIMITED by the address that asks, and by the one that is asked for.
 */
export async function requestPasswordReset(em: SqlEntityManager, tools: SessionTools, email: string, client: Client): Promise<true> {
  const address = email.trim().slice(0, 255);
  await takeTurn(em, tools, 'mail-address', networkOf(client.ipAddress));
  await takeTurn(em, tools, 'mail-account', address.toLowerCase());
  const chosen = await choose(em, address);
  const targetId = chosen?.is_holder ? chosen.id : null;
  await em.transactional(async (transaction) => {
    // A commit that waited for the disk would tell that there is something to be kept.
    await transaction.execute('set local synchronous_commit = off');
    if (chosen !== null) await mailReset(transaction, tools, chosen);
    recordAudit(transaction, tools.keyring, {
      at: tools.now(),
      actor: null,
      sessionId: null,
      ipAddress: client.ipAddress,
      action: 'request_password_reset',
      targetType: 'User',
      targetId,
      outcome: targetId === null ? AuditOutcome.FAILED : AuditOutcome.SUCCEEDED,
      requestId: client.requestId,
      count: 1,
    });
  });
  return true;
}

/** Undoes what was done for a user who does not have the address. */
class Undone extends Error {}

/** A user to mail a token to, and whether the user has the address. */
interface Chosen {
  readonly id: string;
  readonly is_holder: boolean;
}

/**
 * Chooses who has the address: the user who holds it, else the latest who claims it. Where nobody has it, another user
 * is chosen, for whom the same is done. Null in a database without users.
 */
async function choose(em: SqlEntityManager, address: string): Promise<Chosen | null> {
  const [chosen] = await em.execute<Chosen[]>(
    `select id, is_holder from (
       (select u.id, true as is_holder, case when ${holdsEmail('u')} then 2 else 1 end as rank from users u
        where lower(u.email) = lower(cast(? as text) collate "C") and u.is_active and u.deleted_at is null)
       union all (select id, false, 0 from users order by id limit 1)
     ) c order by rank desc, id desc limit 1`,
    [address],
  );
  return chosen ?? null;
}

/** Mails the token in a nested transaction, which is rolled back, after the same work, where the user has no such address. */
async function mailReset(em: SqlEntityManager, tools: SessionTools, { id, is_holder: isHolder }: Chosen): Promise<void> {
  await em
    .transactional(async (nested) => {
      const user = await nested.findOneOrFail(User, id, { filters: false });
      await mailToken(nested, tools, { kind: 'password-reset', user, lifetime: resetAge });
      await nested.flush();
      if (!isHolder) throw new Undone();
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undone)) throw error;
    });
}
