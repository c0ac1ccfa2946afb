import { frame } from '../crypto/framing.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { start, type ChainHead } from './chain.ts';
import type { RunSql } from '../scope.ts';
import { OperatorError } from '../../errors.ts';

/** Archiving failed, or an archive is faulty. The message says why. */
export class ArchiveError extends OperatorError {}

/** The record of an archived part of the chain. */
export interface Archive {
  /** The last seal of the archive. */
  readonly head: ChainHead;
  /** The first month after the archive, for example `2026-06`. */
  readonly before: string;
  /** SHA-256 of the file, hexadecimal. */
  readonly digest: string;
  readonly at: Date;
}

/** An archive with the key that made its MAC. */
export interface StoredArchive extends Archive {
  readonly kid: string;
  readonly mac: string;
}

/** Computes the MAC of the record of an archive. */
export function macOfArchive({ head, before, digest, at }: Archive, keyring: Keyring, kid: string): string {
  const fields = frame('audit-archive-v1', head.sequence, head.hash, before, digest, at.toISOString());
  return keyring.mac(kid, 'audit', fields).toString('base64url');
}

/** Loads the latest archive, or the latest that ends before a place in the chain. Null if there is none. */
export async function findArchive(
  run: RunSql,
  sequence: number = Number.MAX_SAFE_INTEGER,
): Promise<StoredArchive | null> {
  const [row] = await run(
    'select sequence, hash, before, digest, at, kid, mac from audit_archives where sequence < $1 order by sequence desc limit 1',
    [sequence],
  );
  if (row === undefined) return null;
  return {
    head: { sequence: Number(row['sequence']), hash: row['hash'] as string },
    before: row['before'] as string,
    digest: row['digest'] as string,
    at: new Date(row['at'] as string | Date),
    kid: row['kid'] as string,
    mac: row['mac'] as string,
  };
}

/** Returns the fault of the record of an archive. Null if it is unchanged. */
export function faultOfArchive(
  archive: StoredArchive,
  keyring: Keyring,
): 'unknown archive key' | 'altered archive' | null {
  const { kid, mac, at } = archive;
  if (!keyring.has(kid)) return 'unknown archive key';
  // an instant like `infinity` is not a valid date, so it has no MAC
  return !Number.isNaN(at.valueOf()) && mac === macOfArchive(archive, keyring, kid) ? null : 'altered archive';
}

/**
 * Returns the beginning of the chain in the database: the end of its latest archive. @throws {ArchiveError} if it was
 * altered.
 */
export function headOfArchive(archive: StoredArchive | null, keyring: Keyring): ChainHead {
  if (archive === null) return start;
  const fault = faultOfArchive(archive, keyring);
  if (fault !== null) throw new ArchiveError(formatArchiveFault(fault, archive.head.sequence));
  return archive.head;
}

/** Describes a fault of an archive. */
export const formatArchiveFault = (fault: 'unknown archive key' | 'altered archive', sequence: number): string =>
  fault === 'altered archive'
    ? `The row of audit_archives with the sequence ${sequence} was altered.`
    : `The row of audit_archives with the sequence ${sequence} cannot be verified: the keyring does not have its key.`;
