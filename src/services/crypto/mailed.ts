import { timingSafeEqual } from 'node:crypto';
import { parse as uuidBytes, stringify as uuidText } from 'uuid';
import { frame, fromBase64Url } from './framing.ts';
import type { Keyring } from './keyring.ts';

/** What a mailed token is for. */
export type MailedTokenType = 'password_reset' | 'email_verification';

/** What a mailed token says: which row it is the key to, and whose that row was when it was mailed. */
export interface MailedClaims {
  readonly id: string;
  readonly userId: string;
}

const schemes = { password_reset: 'prt1', email_verification: 'evt1' } as const;
const bodyLength = 16 + 16;
const macLength = 32;
const maxLength = 160;

/**
 * `prt1.<kid>.<base64url of token id ‖ user id ‖ HMAC>`, or `evt1.…`. The same row always gives the same token, so that
 * the sender can derive it when it is sent, and derive it again, with the keyring as the only secret.
 * @throws {KeyringError} where the keyring has no such key.
 */
export function mailedToken(keyring: Keyring, kid: string, type: MailedTokenType, { id, userId }: MailedClaims): string {
  const body = Buffer.concat([uuidBytes(id), uuidBytes(userId)]);
  return `${schemes[type]}.${kid}.${Buffer.concat([body, sign(keyring, kid, type, body)]).toString('base64url')}`;
}

/**
 * What the token says, or null where this keyring did not sign it, it is of another type, or it is not written the one
 * way. It proves that the token was mailed; whether it is unused, the newest and in time, its row says.
 */
export function readMailedToken(keyring: Keyring, type: MailedTokenType, token: string): MailedClaims | null {
  if (token.length > maxLength) return null;
  const [name, kid, encoded, ...rest] = token.split('.');
  if (name !== schemes[type] || kid === undefined || encoded === undefined || rest.length > 0 || !keyring.has(kid)) return null;
  const bytes = fromBase64Url(encoded);
  if (bytes?.byteLength !== bodyLength + macLength) return null;
  const body = bytes.subarray(0, bodyLength);
  if (!timingSafeEqual(bytes.subarray(bodyLength), sign(keyring, kid, type, body))) return null;
  return { id: uuidText(Uint8Array.from(body.subarray(0, 16))), userId: uuidText(Uint8Array.from(body.subarray(16))) };
}

function sign(keyring: Keyring, kid: string, type: MailedTokenType, body: Uint8Array): Buffer {
  return keyring.mac(kid, 'mailed-token', frame(schemes[type], kid, body));
}
