import { frame } from '../crypto/framing.ts';
import type { Keyring } from '../crypto/keyring.ts';

/** The end of a chain: how many events it has, and the hash of the last one's seal. */
export interface Head {
  readonly sequence: number;
  /** Null before the first event. */
  readonly hash: string | null;
}

/** Where every chain begins. */
export const start: Head = { sequence: 0, hash: null };

/** An event as its seal covers it: its code covers all the rest. */
export interface Sealed {
  readonly eventId: string;
  readonly mac: string;
}

/** The hash of the seal that comes after a head. It covers the place, the event and all that came before. */
export function sealAfter({ sequence, hash }: Head, { eventId, mac }: Sealed, keyring: Keyring, kid: string): string {
  return keyring.mac(kid, 'audit', frame('audit-seal-v1', sequence + 1, eventId, mac, hash)).toString('base64url');
}
