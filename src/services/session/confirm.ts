import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { AuditOutcome } from '../../entities/audit.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { badCredentials, conflict } from '../../errors.ts';
import { recordDenial } from '../audit/denial.ts';
import { recordChange } from '../audit/event.ts';
import { verifyTotp } from '../crypto/totp.ts';
import { accountOf, type Trial } from './attempt.ts';
import { BackupCodes, replaceCodes } from './codes.ts';
import { takeCodeTurn, withSeed } from './factor.ts';
import type { Client, SessionTools } from './tools.ts';

/** A second factor that was begun and not confirmed. */
interface Begun {
  id: string;
  sealed_seed: string;
}

/**
 * Confirms a second factor with a code of it: from then on a sign-in asks for it.
 * @returns ten backup codes.
 * @throws BAD_CREDENTIALS where the code is wrong; CONFLICT where none was begun, or one is there; RATE_LIMITED.
 */
export async function confirmTotp(
  em: SqlEntityManager,
  tools: SessionTools,
  viewer: Viewer,
  code: string,
  client: Client,
): Promise<BackupCodes> {
  const account = accountOf(viewer);
  const trial: Trial = { action: 'confirm_totp', client };
  const begun = await findBegun(em, account.userId);
  if (begun === null) throw conflict('No second factor is being set up. Start with beginTotp.');
  const turn = await takeCodeTurn(em, tools, account, trial);
  const step = stepIn(tools, account.userId, begun, code);
  if (step === null) {
    const { userId: actorId, sessionId } = account;
    const failure = {
      action: trial.action,
      reason: 'wrong_code',
      outcome: AuditOutcome.FAILED,
      actorId,
      sessionId,
      targetId: actorId,
    } as const;
    await recordDenial(em, tools.now(), client, failure);
    throw badCredentials();
  }
  await turn.giveBack();
  const { codes, hashes } = await tools.passwords.mintCodes();
  const isFirst = await em.transactional(async (transaction) => {
    if (!(await confirm(transaction, tools, begun, step))) return false;
    await replaceCodes(transaction, account.userId, hashes);
    recordChange(transaction, tools, viewer, client, { action: 'confirm_totp', targetType: 'User', targetId: account.userId });
    const at = tools.now().toISOString();
    await tools.mail.enqueue(transaction, { kind: 'security-alert', userId: account.userId, alert: 'second-factor-added', at });
    return true;
  });
  if (!isFirst) throw conflict('Another request set up or confirmed a second factor at the same time.');
  return new BackupCodes(codes);
}

async function findBegun(em: SqlEntityManager, userId: string): Promise<Begun | null> {
  const [begun] = await em.execute<Begun[]>('select id, sealed_seed from totp_credentials where user_id = ? and confirmed_at is null', [
    userId,
  ]);
  return begun ?? null;
}

function stepIn({ keyring, now }: SessionTools, userId: string, { sealed_seed }: Begun, code: string): number | null {
  return withSeed(keyring, userId, sealed_seed, (seed) => verifyTotp(seed, code, now(), null));
}

/** Of several at once, one confirms; and only the seed whose code it was. Its step counts as used. */
async function confirm(em: SqlEntityManager, { now }: SessionTools, { id, sealed_seed }: Begun, step: number): Promise<boolean> {
  const confirmed = await em.execute<object[]>(
    `update totp_credentials set confirmed_at = ?, updated_at = ?, last_step = ?
     where id = ? and sealed_seed = ? and confirmed_at is null returning id`,
    [now(), now(), step, id, sealed_seed],
  );
  return confirmed.length === 1;
}
