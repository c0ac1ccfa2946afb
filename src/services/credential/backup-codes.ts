import { Field, ObjectType } from 'type-graphql';
import { BackupCode } from '../../entities/credential.ts';
import { User } from '../../entities/user.ts';
import { conflict } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { accountOf } from '../proof/password-attempt.ts';
import { methodsOf } from '../proof/second-factor.ts';
import type { Scope } from '../scope.ts';

@ObjectType({ description: 'Backup codes for the second factor. Each code works once. They are shown only once.' })
export class BackupCodes {
  @Field(() => [String], { description: 'The ten codes.' })
  codes: string[];

  constructor(codes: readonly string[]) {
    this.codes = [...codes];
  }
}

/**
 * Creates ten new backup codes for the account and invalidates the old ones.
 * @throws CONFLICT if there is no second factor; RATE_LIMITED if too many callers wait to hash.
 */
export async function regenerateBackupCodes(scope: Scope): Promise<BackupCodes> {
  const { userId } = accountOf(scope.viewer);
  if ((await methodsOf(scope, userId)).length === 0) throw noSecondFactor();
  const { codes, hashes } = await scope.passwords.mintCodes();
  const isReplaced = await scope.transaction(async (tx) => {
    const held = 'select id from totp_credentials where user_id = ? and confirmed_at is not null for update';
    if ((await tx.em.execute<object[]>(held, [userId])).length === 0) return false;
    await replaceCodes(tx, userId, hashes);
    recordChange(tx, { action: 'regenerate_backup_codes', targetType: 'User', targetId: userId });
    return true;
  });
  if (!isReplaced) throw noSecondFactor();
  return new BackupCodes(codes);
}

/** Replaces all backup codes of the user, in a transaction that has locked the user's second factor. */
export async function replaceCodes(scope: Scope, userId: string, hashes: readonly string[]): Promise<void> {
  await scope.em.execute('delete from backup_codes where user_id = ?', [userId]);
  const user = scope.em.getReference(User, userId, { wrapped: true });
  scope.em.persist(hashes.map((codeHash) => new BackupCode({ user, codeHash })));
}

/** The error of an operation that needs a second factor. */
export const noSecondFactor = () => conflict('The account has no second factor.');
