import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { Field, ObjectType } from 'type-graphql';
import { BackupCode } from '../../entities/credential.ts';
import { User } from '../../entities/user.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { conflict } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { accountOf } from './attempt.ts';
import { methodsOf } from './factor.ts';
import type { Client, SessionTools } from './tools.ts';

@ObjectType({ description: 'Backup codes for the second factor. Each code works once. They are shown only once.' })
export class BackupCodes {
  @Field(() => [String], { description: 'The ten codes.' })
  codes: string[];

  constructor(codes: readonly string[]) {
    this.codes = [...codes];
  }
}

/**
 * Gives the account ten new backup codes; the old ones are of no use from then on.
 * @throws CONFLICT where there is no second factor; RATE_LIMITED where too many wait for a turn to hash.
 */
export async function regenerateBackupCodes(
  em: SqlEntityManager,
  tools: SessionTools,
  viewer: Viewer,
  client: Client,
): Promise<BackupCodes> {
  const { userId } = accountOf(viewer);
  if ((await methodsOf(em, userId)).length === 0) throw noSecondFactor();
  const { codes, hashes } = await tools.passwords.mintCodes();
  const isReplaced = await em.transactional(async (transaction) => {
    const held = 'select id from totp_credentials where user_id = ? and confirmed_at is not null for update';
    if ((await transaction.execute<object[]>(held, [userId])).length === 0) return false;
    await replaceCodes(transaction, userId, hashes);
    recordChange(transaction, tools, viewer, client, { action: 'regenerate_backup_codes', targetType: 'User', targetId: userId });
    return true;
  });
  if (!isReplaced) throw noSecondFactor();
  return new BackupCodes(codes);
}

/** Puts new codes in the place of all that the user has, in a transaction that holds the user's second factor. */
export async function replaceCodes(em: SqlEntityManager, userId: string, hashes: readonly string[]): Promise<void> {
  await em.execute('delete from backup_codes where user_id = ?', [userId]);
  const user = em.getReference(User, userId, { wrapped: true });
  em.persist(hashes.map((codeHash) => new BackupCode({ user, codeHash })));
}

/** What is said where a second factor is needed to go on. */
export const noSecondFactor = () => conflict('The account has no second factor.');
