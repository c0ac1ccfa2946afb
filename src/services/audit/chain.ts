import { frame } from '../crypto/framing.ts';
import type { Keyring } from '../crypto/keyring.ts';

/** The end of a chain: the number of its events, and the hash of the last seal. */
export interface ChainHead {
  readonly sequence: number;
  /** Null before the first event. */
  readonly hash: string | null;
}

/** The start of every chain. */
export const start: ChainHead = { sequence: 0, hash: null };

/** The parts of an event that its seal covers. The MAC of the event covers all other columns. */
export interface Sealed {
  readonly eventId: string;
  readonly mac: string;
}

/** Returns the hash of the seal after a head. It covers the position, the event and all earlier seals. */
export function sealAfter(
  { sequence, hash }: ChainHead,
  { eventId, mac }: Sealed,
  keyring: Keyring,
  kid: string,
): string {
  return keyring.mac(kid, 'audit', frame('audit-seal-v1', sequence + 1, eventId, mac, hash)).toString('base64url');
}
