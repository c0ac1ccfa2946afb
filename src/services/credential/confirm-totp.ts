import { AuditOutcome } from '../../entities/audit.ts';
import { badCredentials, conflict } from '../../errors.ts';
import { recordDenial } from '../audit/denial.ts';
import { recordChange } from '../audit/event.ts';
import { verifyTotp } from '../crypto/totp.ts';
import { accountOf } from '../proof/password-attempt.ts';
import { BackupCodes, replaceCodes } from './backup-codes.ts';
import { takeCodeAttempt, withSeed } from '../proof/second-factor.ts';
import type { Scope } from '../scope.ts';

/** A second factor that is not confirmed yet. */
interface PendingTotp {
  id: string;
  sealed_seed: string;
}

/**
 * Confirms a second factor with one of its codes. Sign-ins then require the factor.
 * @returns ten backup codes.
 * @throws BAD_CREDENTIALS if the code is wrong; CONFLICT if no enrollment was started, or the factor is already
 * confirmed; RATE_LIMITED.
 */
export async function confirmTotp(scope: Scope, code: string): Promise<BackupCodes> {
  const account = accountOf(scope.viewer);
  const action = 'confirm_totp';
  const begun = await findBegun(scope, account.userId);
  if (begun === null) throw conflict('No second factor is being set up. Start with beginTotp.');
  const attempt = await takeCodeAttempt(scope, account, action);
  const step = stepIn(scope, account.userId, begun, code);
  if (step === null) {
    const { userId: actorId, sessionId } = account;
    const failure = {
      action,
      reason: 'wrong_code',
      outcome: AuditOutcome.FAILED,
      actorId,
      sessionId,
      targetId: actorId,
    } as const;
    await recordDenial(scope, failure);
    throw badCredentials();
  }
  await attempt.giveBack();
  const { codes, hashes } = await scope.passwords.mintCodes();
  const isFirst = await scope.transaction(async (tx) => {
    if (!(await confirm(tx, begun, step))) return false;
    await replaceCodes(tx, account.userId, hashes);
    recordChange(tx, { action: 'confirm_totp', targetType: 'User', targetId: account.userId });
    const at = scope.now().toISOString();
    await scope.mail.enqueue(tx.em, {
      kind: 'security-alert',
      userId: account.userId,
      alert: 'second-factor-added',
      at,
    });
    return true;
  });
  if (!isFirst) throw conflict('Another request set up or confirmed a second factor at the same time.');
  return new BackupCodes(codes);
}

async function findBegun(scope: Scope, userId: string): Promise<PendingTotp | null> {
  const [begun] = await scope.em.execute<PendingTotp[]>(
    'select id, sealed_seed from totp_credentials where user_id = ? and confirmed_at is null',
    [userId],
  );
  return begun ?? null;
}

function stepIn({ keyring, now }: Scope, userId: string, { sealed_seed }: PendingTotp, code: string): number | null {
  return withSeed(keyring, userId, sealed_seed, (seed) => verifyTotp(seed, code, now(), null));
}

/**
 * Confirms only the seed whose code was given. Of concurrent calls, one succeeds. Marks the code's time step as used.
 */
async function confirm(scope: Scope, { id, sealed_seed }: PendingTotp, step: number): Promise<boolean> {
  const confirmed = await scope.em.execute<object[]>(
    `update totp_credentials set confirmed_at = ?, updated_at = ?, last_step = ?
     where id = ? and sealed_seed = ? and confirmed_at is null returning id`,
    [scope.now(), scope.now(), step, id, sealed_seed],
  );
  return confirmed.length === 1;
}
