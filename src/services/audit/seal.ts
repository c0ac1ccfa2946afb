import type { Keyring } from '../crypto/keyring.ts';
import { findArchive, headOfArchive } from './archive.ts';
import { sealAfter, type ChainHead } from './chain.ts';
import { runOn, type EntityScope, type Scope } from '../scope.ts';

/** The advisory lock of sealing. Every other advisory lock has another number. */
export const sealingLock = 7_201_183_403;

/** The number of events per transaction. */
export const batchSize = 500;

/**
 * Seals waiting events in the order of their ids, after the sealed ones, in one transaction. Events of a transaction
 * that is still open are not visible yet; a later batch seals them. So writers and the sealer never wait for one
 * another. Of several concurrent sealers, one works.
 * @returns the number of sealed events. Null if another sealer is at work.
 */
export async function sealEvents(
  { em, keyring }: Pick<Scope, 'em' | 'keyring'>,
  most: number = batchSize,
): Promise<number | null> {
  return em.transactional(async (transaction) => {
    const [lock] = await transaction.execute<{ taken: boolean }[]>('select pg_try_advisory_xact_lock(?) as taken', [
      sealingLock,
    ]);
    if (!lock?.taken) return null;
    const head = await headOf({ em: transaction, keyring });
    const waiting = await transaction.execute<{ event_id: string; mac: string }[]>(
      `select b.event_id, e.mac from audit_backlog b join audit_events e on e.id = b.event_id
       where not exists (select 1 from audit_seals s where s.event_id = b.event_id) order by b.event_id limit ?`,
      [most],
    );
    if (waiting.length > 0) await write({ em: transaction }, head, sealsOf(waiting, head, keyring));
    return waiting.length;
  });
}

interface Seal {
  readonly sequence: number;
  readonly event_id: string;
  readonly kid: string;
  readonly hash: string;
}

async function headOf({ em, keyring }: Pick<Scope, 'em' | 'keyring'>): Promise<ChainHead> {
  const [last] = await em.execute<{ sequence: number | string; hash: string }[]>(
    'select sequence, hash from audit_seals order by sequence desc limit 1',
  );
  return last
    ? { sequence: Number(last.sequence), hash: last.hash }
    : headOfArchive(await findArchive(runOn(em)), keyring);
}

function sealsOf(events: readonly { event_id: string; mac: string }[], head: ChainHead, keyring: Keyring): Seal[] {
  let last = head;
  return events.map(({ event_id, mac }) => {
    const hash = sealAfter(last, { eventId: event_id, mac }, keyring, keyring.active);
    last = { sequence: last.sequence + 1, hash };
    return { sequence: last.sequence, event_id, kid: keyring.active, hash };
  });
}

async function write({ em }: EntityScope, { sequence }: ChainHead, seals: readonly Seal[]): Promise<void> {
  await em.execute(
    `insert into audit_seals (sequence, event_id, kid, hash)
     select sequence, event_id, kid, hash from jsonb_to_recordset(cast(? as jsonb)) as seal (sequence bigint, event_id uuid, kid text, hash text)`,
    [JSON.stringify(seals)],
  );
  await em.execute(
    'delete from audit_backlog where event_id in (select event_id from audit_seals where sequence > ?)',
    [sequence],
  );
}
