import { isGenuine, keyOf, type WrittenEvent } from './event.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { faultOfArchive, findArchive, formatArchiveFault } from './archive.ts';
import { sealAfter, start, type ChainHead } from './chain.ts';
import type { RunSql } from '../scope.ts';
import { eventColumns, eventOf } from './row.ts';

/** The first fault in the log. */
export interface AuditFault {
  readonly kind:
    | 'altered event'
    | 'altered seal'
    | 'reordered'
    | 'missing event'
    | 'missing seal'
    | 'unknown key'
    | 'truncated'
    | 'other chain'
    | 'archived'
    | 'altered archive'
    | 'unknown archive key';
  /** Null if the event is missing and its id is unknown. */
  readonly eventId: string | null;
  /** The position in the chain. Null for an unsealed event. */
  readonly sequence: number | null;
}

/** The result of verifying the log. */
export interface AuditVerification {
  /** The last valid seal. All seals before it are valid too. */
  readonly head: ChainHead;
  /** The number of events that are not sealed yet. */
  readonly unsealed: number;
  readonly fault: AuditFault | null;
}

export interface VerifyOptions {
  /** A head that was stored elsewhere. The log must still contain it. */
  readonly kept?: ChainHead;
  /** A head of an earlier verification: only later events are verified. */
  readonly after?: ChainHead;
  /** The number of rows per page. */
  readonly most?: number;
}

/**
 * Verifies the chain from the end of the latest archive, and then the unsealed events, a page at a time. Checks every
 * column of every event and seal against its MAC. Stops at the first fault.
 */
export async function verifyAudit(
  run: RunSql,
  keyring: Keyring,
  { kept, after, most = 1000 }: VerifyOptions = {},
): Promise<AuditVerification> {
  const beginning =
    after === undefined
      ? await readBeginning(run, keyring)
      : { head: after, fault: await faultOfKept(run, keyring, after) };
  if (beginning.fault !== null) return { head: start, unsealed: 0, fault: beginning.fault };
  const { head, fault } = await walk(run, keyring, most, beginning.head);
  const found = fault ?? (kept === undefined ? null : await faultOfKept(run, keyring, kept));
  if (found !== null) return { head, unsealed: 0, fault: found };
  return { head, ...(await walkUnsealed(run, keyring, most)) };
}

/** Returns the end of the latest archive, or the beginning of the chain. */
async function readBeginning(run: RunSql, keyring: Keyring): Promise<Pick<AuditVerification, 'head' | 'fault'>> {
  const archive = await findArchive(run);
  if (archive === null) return { head: start, fault: null };
  const kind = faultOfArchive(archive, keyring);
  return { head: archive.head, fault: kind === null ? null : { kind, eventId: null, sequence: archive.head.sequence } };
}

/** Checks that the log still has the head at its position. */
async function faultOfKept(run: RunSql, keyring: Keyring, { sequence, hash }: ChainHead): Promise<AuditFault | null> {
  const [row] = await run('select event_id, hash from audit_seals where sequence = $1', [sequence]);
  if (row) return row['hash'] === hash ? null : { kind: 'other chain', eventId: row['event_id'] as string, sequence };
  const { head, fault } = await readBeginning(run, keyring);
  if (sequence < head.sequence) return { kind: 'archived', eventId: null, sequence };
  if (sequence === head.sequence)
    return fault ?? (hash === head.hash ? null : { kind: 'other chain', eventId: null, sequence });
  const [end] = await run('select max(sequence) as sequence from audit_seals where sequence < $1', [sequence]);
  return { kind: 'truncated', eventId: null, sequence: Number(end?.['sequence'] ?? head.sequence) + 1 };
}

/** A seal with its event. The event is null if it is missing. */
export interface ChainLink {
  readonly sequence: number;
  readonly eventId: string;
  readonly kid: string;
  readonly hash: string;
  readonly event: WrittenEvent | null;
}

async function walk(
  run: RunSql,
  keyring: Keyring,
  most: number,
  after: ChainHead,
): Promise<Pick<AuditVerification, 'head' | 'fault'>> {
  let head = after;
  for (;;) {
    const links = (await run(linksText(most), [head.sequence])).map(linkOf);
    for (const [place, link] of links.entries()) {
      const fault = faultOf(link, head, keyring, links.slice(place));
      if (fault !== null) return { head, fault };
      head = { sequence: link.sequence, hash: link.hash };
    }
    if (links.length < most) return { head, fault: null };
  }
}

const linksText = (most: number): string =>
  `select s.sequence, s.event_id, s.kid, s.hash, ${eventColumns} from audit_seals s left join audit_events e on e.id = s.event_id
   where s.sequence > $1 order by s.sequence limit ${most}`;

const linkOf = (row: Record<string, unknown>): ChainLink => ({
  sequence: Number(row['sequence']),
  eventId: row['event_id'] as string,
  kid: row['kid'] as string,
  hash: row['hash'] as string,
  event: row['id'] === null ? null : eventOf(row),
});

/** @param following the link itself and some links after it. */
export function faultOf(
  link: ChainLink,
  head: ChainHead,
  keyring: Keyring,
  following: readonly ChainLink[],
): AuditFault | null {
  const { sequence, eventId, kid, event } = link;
  const place = { eventId, sequence };
  if (sequence !== head.sequence + 1) return { kind: 'missing event', eventId: null, sequence: head.sequence + 1 };
  if (event === null) return { kind: 'missing event', ...place };
  if (!keyring.has(kid) || !keyring.has(keyOf(event))) return { kind: 'unknown key', ...place };
  if (!isGenuine(event, keyring)) return { kind: 'altered event', ...place };
  if (link.hash === hashOf(link, head, keyring)) return null;
  const isMoved = following.some((other) => belongs(other, link, head, keyring));
  return { kind: isMoved ? 'reordered' : 'altered seal', ...place };
}

const hashOf = ({ eventId, event, kid }: ChainLink, head: ChainHead, keyring: Keyring): string =>
  sealAfter(head, { eventId, mac: event?.mac ?? '' }, keyring, kid);

/** Whether another event was sealed at this position, according to its own seal or to the seal at this position. */
function belongs(other: ChainLink, link: ChainLink, head: ChainHead, keyring: Keyring): boolean {
  if (other === link || !keyring.has(other.kid)) return false;
  return [other.hash, link.hash].includes(hashOf(other, head, keyring));
}

/** Verifies the unsealed events. A waiting entry without an event, or an event that is not waiting, is a fault. */
async function walkUnsealed(
  run: RunSql,
  keyring: Keyring,
  most: number,
): Promise<Pick<AuditVerification, 'unsealed' | 'fault'>> {
  const [gone] = await run(
    'select b.event_id from audit_backlog b where not exists (select 1 from audit_events e where e.id = b.event_id) order by 1 limit 1',
    [],
  );
  if (gone)
    return { unsealed: 0, fault: { kind: 'missing event', eventId: gone['event_id'] as string, sequence: null } };
  let [unsealed, last] = [0, '00000000-0000-0000-0000-000000000000'];
  for (;;) {
    const rows = await run(unsealedText(most), [last]);
    for (const row of rows) {
      const kind = faultOfUnsealed(eventOf(row), row['waits'] as boolean, keyring);
      if (kind !== null) return { unsealed, fault: { kind, eventId: row['id'] as string, sequence: null } };
      unsealed += 1;
    }
    if (rows.length < most) return { unsealed, fault: null };
    last = rows.at(-1)?.['id'] as string;
  }
}

const unsealedText = (most: number): string =>
  `select ${eventColumns}, exists (select 1 from audit_backlog b where b.event_id = e.id) as waits from audit_events e
   where e.id > $1 and not exists (select 1 from audit_seals s where s.event_id = e.id) order by e.id limit ${most}`;

function faultOfUnsealed(event: WrittenEvent, waits: boolean, keyring: Keyring): AuditFault['kind'] | null {
  if (!keyring.has(keyOf(event))) return 'unknown key';
  if (!isGenuine(event, keyring)) return 'altered event';
  return waits ? null : 'missing seal';
}

/** Describes a fault. */
export function formatFault({ kind, eventId, sequence }: AuditFault): string {
  const what = eventId === null ? 'The event' : `Event ${eventId}`;
  const named = sequence === null ? `${what} (not sealed)` : `${what} (number ${sequence} of the chain)`;
  return {
    'altered event': `${named} was altered.`,
    'altered seal': `${named} has an altered seal.`,
    reordered: `${named} is in the wrong place: events were reordered.`,
    'missing event': `${named} is missing.`,
    'missing seal': `${named} is neither sealed nor waiting to be sealed: its seal is missing.`,
    'unknown key': `${named} cannot be verified: the keyring does not have its key.`,
    truncated: `${named} is missing: the log ends before the given head.`,
    'other chain': `${named} does not match the given head: the log was rewritten.`,
    archived: `Number ${sequence} of the chain was archived. Verify its file with this head: npm run audit:verify -- --archive FILE --head …`,
    'altered archive': formatArchiveFault('altered archive', sequence ?? 0),
    'unknown archive key': formatArchiveFault('unknown archive key', sequence ?? 0),
  }[kind];
}

const ofArchive: readonly AuditFault['kind'][] = ['archived', 'altered archive', 'unknown archive key'];

/** Says what is known about the events before a fault. Null if none of them were verified. */
export function formatVerifiedPart({ kind, sequence }: AuditFault, head: ChainHead): string | null {
  if (ofArchive.includes(kind)) return null;
  if (head.sequence > 0) return `All earlier events are unchanged, up to ${formatHead(head)}.`;
  return sequence === null || sequence === 1 ? 'It is the first event.' : null;
}

/** Formats a head for storage elsewhere: `4711:hash`. */
export const formatHead = ({ sequence, hash }: ChainHead): string => `${sequence}:${hash ?? ''}`;

/** Parses a head. Null if it is malformed. */
export function readHead(text: string): ChainHead | null {
  const [, sequence, hash] = /^(\d{1,15}):([A-Za-z0-9_-]{43})$/.exec(text) ?? [];
  return sequence === undefined || hash === undefined || Number(sequence) === 0
    ? null
    : { sequence: Number(sequence), hash };
}
