import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { AuditOutcome } from '../../entities/audit.ts';
import { foldCase, normalizeEmail } from '../../entities/identifier.ts';
import { User } from '../../entities/user.ts';
import { countWithin } from '../audit/denial.ts';
import { recordChange } from '../audit/event.ts';
import { networkOf, takeTurn } from '../limit.ts';
import { mailToken } from '../mail/index.ts';
import type { Client, SessionTools } from './tools.ts';

/** Seconds in which a reset works. */
export const resetAge = 1800;

const action = 'request_password_reset';
const anonymous = { userId: null, sessionId: null };
const nobody = '00000000-0000-0000-0000-000000000000';

/**
 * Mails a reset to whoever has this address. The answer, the limits and the work are the same where nobody has it.
 * @returns true, always.
 * @throws RATE_LIMITED by the address that asks, and by the one that is asked for.
 */
export async function requestPasswordReset(em: SqlEntityManager, tools: SessionTools, email: string, client: Client): Promise<true> {
  const address = normalizeEmail(email).slice(0, 255);
  await takeTurn(em, tools, 'mail-address', networkOf(client.ipAddress));
  await takeTurn(em, tools, 'mail-account', foldCase(address));
  const user = await holderOf(em, address);
  await em.transactional(async (transaction) => {
    // A commit that waited for the disk would tell that there is something to be kept.
    await transaction.execute('set local synchronous_commit = off');
    if (user === null) {
      await pretend(transaction, tools);
      const facts = { action, reason: 'unknown', outcome: AuditOutcome.FAILED } as const;
      await countWithin(transaction, [{ facts, at: tools.now(), requester: client, count: 1 }]);
      return;
    }
    await mailToken(transaction, tools, { kind: 'password-reset', user, lifetime: resetAge });
    recordChange(transaction, tools, anonymous, client, { action, targetType: 'User', targetId: user.id });
  });
  return true;
}

/** Whose address it is: the one who proved it, or was given it by an admin; else the latest who claims it. */
async function holderOf(em: SqlEntityManager, address: string): Promise<User | null> {
  const [row] = await em.execute<{ id: string }[]>(
    `select id from users where lower(email) = lower(cast(? as text) collate "C") and is_active and deleted_at is null
     order by is_verified or not is_self_registered desc, id desc limit 1`,
    [address],
  );
  return em.findOne(User, { id: row?.id ?? nobody }, { filters: false });
}

/** The statements of {@link mailToken}, to nobody's good: a mail to nobody is none. */
async function pretend(em: SqlEntityManager, { mail, keyring }: SessionTools): Promise<void> {
  await em.execute('select from users where id = ? for no key update', [nobody]);
  await em.execute('delete from one_time_tokens where user_id = ?', [nobody]);
  await mail.enqueue(em, { kind: 'password-reset', userId: nobody, tokenId: nobody, kid: keyring.active });
  await em.execute('insert into one_time_tokens select * from one_time_tokens where user_id = ?', [nobody]);
}
