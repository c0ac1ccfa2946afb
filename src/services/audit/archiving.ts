import { AuditOutcome } from '../../entities/audit.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { ArchiveError, findArchive, headOfArchive, macOfArchive } from './archive.ts';
import type { ArchiveFile } from './archivefile.ts';
import type { ChainHead } from './chain.ts';
import { hostClient, recordAudit } from './event.ts';
import { runOn, type EntityScope, type RunSql, type Scope } from '../scope.ts';
import { sealingLock } from './seal.ts';
import { formatFault, verifyAudit } from './verify.ts';

/** The content of an archive: the events after one head of the chain, up to another. */
export interface ArchivePlan {
  /** The first month after the archive, for example `2026-06`. */
  readonly before: string;
  readonly from: ChainHead;
  readonly to: ChainHead;
}

/**
 * Finds what can be archived: the sealed events up to the first one of the month `before`, in the order of the chain.
 * Verifies the whole log first.
 * @param before a month in UTC: `2026-06`.
 * @throws {ArchiveError} if the role may not archive, the log was altered, or there is nothing to archive.
 */
export async function planArchive(run: RunSql, keyring: Keyring, before: string): Promise<ArchivePlan> {
  const [owner] = await run(
    `select pg_has_role(current_user, relowner, 'usage') as "isOwner" from pg_class where oid = 'audit_events'::regclass`,
    [],
  );
  if (owner?.['isOwner'] !== true)
    throw new ArchiveError(
      'Nothing was archived: only the database role that owns the table audit_events can archive. Set DATABASE_URL to that role.',
    );
  const { fault } = await verifyAudit(run, keyring);
  if (fault !== null) throw new ArchiveError(`Nothing was archived: the audit log was altered. ${formatFault(fault)}`);
  const from = headOfArchive(await findArchive(run), keyring);
  const [last] = await run(
    `select sequence, hash from audit_seals where sequence < coalesce(
       (select min(s.sequence) from audit_seals s join audit_events e on e.id = s.event_id where e.at >= $1::timestamptz),
       (select max(sequence) + 1 from audit_seals)) order by sequence desc limit 1`,
    [new Date(`${before}-01T00:00:00.000Z`)],
  );
  if (last === undefined)
    throw new ArchiveError(
      `Nothing was archived: no sealed events remain before the first event of ${before} or later.`,
    );
  return { before, from, to: { sequence: Number(last['sequence']), hash: last['hash'] as string } };
}

/**
 * Deletes the events and seals of an archive whose file was verified, and records the archive and its audit event: one
 * transaction. Waits for a sealer that is at work.
 * @returns how many events were deleted.
 * @throws {ArchiveError} if the database has changed since the file was written. Then nothing is deleted.
 */
export async function removeArchived(
  { em, keyring, now }: Pick<Scope, 'em' | 'keyring' | 'now'>,
  { before, from, to, digest }: ArchiveFile,
): Promise<number> {
  return await em.transactional(async (transaction) => {
    await transaction.execute('select pg_advisory_xact_lock(?)', [sealingLock]);
    const latest = headOfArchive(await findArchive(runOn(transaction)), keyring);
    const isNext = latest.sequence === from.sequence && latest.hash === from.hash;
    const count = to.sequence - from.sequence;
    if (!isNext || (await deleteUpTo({ em: transaction }, to)).some((deleted) => deleted !== count))
      throw new ArchiveError(
        'Nothing was deleted: the database changed since the file was written. Delete the file and archive again.',
      );
    const archive = { head: to, before, digest, at: now() };
    await transaction.execute(
      'insert into audit_archives (sequence, hash, before, digest, at, kid, mac) values (?, ?, ?, ?, ?, ?, ?)',
      [
        to.sequence,
        to.hash,
        before,
        digest,
        archive.at,
        keyring.active,
        macOfArchive(archive, keyring, keyring.active),
      ],
    );
    recordAudit(
      { em: transaction, keyring },
      {
        at: archive.at,
        actor: null,
        sessionId: null,
        ipAddress: null,
        requestId: hostClient().requestId,
        action: 'audit.archive',
        targetType: null,
        targetId: null,
        outcome: AuditOutcome.SUCCEEDED,
        count: 1,
      },
    );
    return count;
  });
}

/** @returns how many events and how many seals were deleted. */
async function deleteUpTo({ em }: EntityScope, { sequence }: ChainHead): Promise<readonly number[]> {
  await em.execute(`select set_config('unionhall.archiving', 'on', true)`);
  await em.execute(
    'delete from audit_backlog where event_id in (select event_id from audit_seals where sequence <= ?)',
    [sequence],
  );
  const counts: number[] = [];
  for (const text of [
    'delete from audit_events e using audit_seals s where s.event_id = e.id and s.sequence <= ?',
    'delete from audit_seals where sequence <= ?',
  ]) {
    const [row] = await em.execute<{ count: number }[]>(
      `with deleted as (${text} returning 1) select cast(count(*) as int) as count from deleted`,
      [sequence],
    );
    counts.push(row?.count ?? 0);
  }
  return counts;
}
