import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { z } from 'zod';
import { AuditOutcome } from '../../entities/audit.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { ArchiveError, faultOfArchive, findArchive, headOfArchive, formatArchiveFault } from './archive.ts';
import type { ArchivePlan } from './archiving.ts';
import type { ChainHead } from './chain.ts';
import { lineOf } from './export.ts';
import type { RunSql } from '../scope.ts';
import { eventColumns } from './row.ts';
import { faultOf, formatFault, type ChainLink } from './verify.ts';

/** The verified file of an archive. */
export interface ArchiveFile extends ArchivePlan {
  /** SHA-256 of the file, hexadecimal. */
  readonly digest: string;
}

const format = 'unionhall-audit-archive-v1';

const headSchema = z.strictObject({ sequence: z.int().min(0), hash: z.string().nullable() });

/** The first line of the file: the month of the archive, and the heads of the chain before and after it. */
const headerSchema = z.strictObject({
  format: z.literal(format),
  before: z.string(),
  from: headSchema,
  to: headSchema,
});

/** Every other line: an event as it is stored, with its seal. */
const lineSchema = z.strictObject({
  id: z.string(),
  at: z.string(),
  actorId: z.string().nullable(),
  sessionId: z.string().nullable(),
  ipAddress: z.string().nullable(),
  action: z.string(),
  targetType: z.string().nullable(),
  targetId: z.string().nullable(),
  outcome: z.enum(AuditOutcome),
  reason: z.string().nullable(),
  requestId: z.string(),
  count: z.int(),
  mac: z.string(),
  seal: z.strictObject({ sequence: z.int(), kid: z.string(), hash: z.string() }),
});

/** Writes an archive as JSON lines in the order of the chain. Reads a page of rows at a time. */
export async function* archiveLines(
  run: RunSql,
  { before, from, to }: ArchivePlan,
  most = 1000,
): AsyncGenerator<string> {
  yield `${JSON.stringify({ format, before, from, to })}\n`;
  let last = from.sequence;
  while (last < to.sequence) {
    const rows = await run(
      `select ${eventColumns}, s.sequence as seal_sequence, s.kid as seal_kid, s.hash as seal_hash
       from audit_seals s join audit_events e on e.id = s.event_id
       where s.sequence > $1 and s.sequence <= $2 order by s.sequence limit ${most}`,
      [last, to.sequence],
    );
    for (const row of rows) yield `${JSON.stringify(lineOf(row))}\n`;
    if (rows.length === 0) return;
    last = Number(rows.at(-1)?.['seal_sequence']);
  }
}

/**
 * Verifies the file of an archive: every event and every seal against its MAC, and the chain from the first head to the
 * last.
 * @param kept a head that was stored elsewhere, which the file must contain.
 * @throws {ArchiveError} if the file is faulty.
 */
export async function verifyArchive(path: string, keyring: Keyring, kept?: ChainHead): Promise<ArchiveFile> {
  const hash = createHash('sha256');
  const lines = linesOf(path, hash);
  const first = await lines.next();
  const header = parse(first.done ? '' : first.value, headerSchema);
  if (header === null)
    throw new ArchiveError(`${path} is not an archive: its first line was not written by audit:archive.`);
  const { before, from, to } = header;
  let head: ChainHead = from;
  for await (const line of lines) {
    const link = linkOf(line);
    if (link === null)
      throw new ArchiveError(`${path} was altered: line ${head.sequence - from.sequence + 2} is not an event.`);
    const fault = faultOf(link, head, keyring, [link]);
    if (fault !== null)
      throw new ArchiveError(
        `${path} ${fault.kind === 'unknown key' ? 'cannot be verified' : 'was altered'}. ${formatFault(fault)}`,
      );
    head = { sequence: link.sequence, hash: link.hash };
    if (head.sequence === kept?.sequence && head.hash !== kept.hash)
      throw new ArchiveError(`${path} belongs to another chain. ${formatFault({ kind: 'other chain', ...link })}`);
  }
  if (head.sequence !== to.sequence || head.hash !== to.hash)
    throw new ArchiveError(
      `${path} was altered: it ends with event ${head.sequence} of the chain, but its first line says ${to.sequence}.`,
    );
  if (kept && (kept.sequence <= from.sequence || kept.sequence > to.sequence))
    throw new ArchiveError(
      `${path} does not contain the given head: it has the events ${from.sequence + 1} to ${to.sequence} of the chain.`,
    );
  return { before, from, to, digest: hash.digest('hex') };
}

/**
 * Compares the file of an archive with its record in the database.
 * @throws {ArchiveError} if they differ, or the database has no such archive.
 */
export async function checkArchive(run: RunSql, keyring: Keyring, { from, to, digest }: ArchiveFile): Promise<void> {
  const archive = await findArchive(run, to.sequence + 1);
  if (archive?.head.sequence !== to.sequence)
    throw new ArchiveError(
      `The file is intact, but no archive of this database ends with event ${to.sequence}: these events were not archived from this database.`,
    );
  const fault = faultOfArchive(archive, keyring);
  if (fault !== null) throw new ArchiveError(`The file is intact. ${formatArchiveFault(fault, to.sequence)}`);
  if (archive.head.hash !== to.hash)
    throw new ArchiveError(
      `The file is intact, but the chain of the database has another event with the number ${to.sequence}.`,
    );
  const previous = headOfArchive(await findArchive(run, to.sequence), keyring);
  if (previous.sequence !== from.sequence || previous.hash !== from.hash)
    throw new ArchiveError(
      `The file is intact, but does not begin after event ${previous.sequence} of the chain, where the previous archive ends.`,
    );
  if (archive.digest !== digest)
    throw new ArchiveError('Every event in the file is unchanged, but the file differs from the archived one.');
}

async function* linesOf(path: string, hash: Hash): AsyncGenerator<string, undefined> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk as Buffer);
    const lines = (rest + decoder.write(chunk as Buffer)).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  rest += decoder.end();
  if (rest !== '') yield rest;
  return undefined;
}

function parse<T>(line: string, schema: z.ZodType<T>): T | null {
  try {
    return schema.parse(JSON.parse(line));
  } catch {
    return null;
  }
}

function linkOf(line: string): ChainLink | null {
  const parsed = parse(line, lineSchema);
  if (parsed === null) return null;
  const { seal, actorId, at, ...event } = parsed;
  const actor = actorId === null ? null : { id: actorId };
  return { ...seal, eventId: event.id, event: { ...event, actor, at: new Date(at) } };
}
