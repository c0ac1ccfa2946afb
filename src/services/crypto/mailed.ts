import { timingSafeEqual } from 'node:crypto';
import { parse as uuidBytes, stringify as uuidText } from 'uuid';
import { frame, fromBase64Url } from './framing.ts';
import type { Keyring } from './keyring.ts';

/** The purpose of a mailed token. */
export type MailedTokenType = 'password_reset' | 'email_verification';

/** The claims of a mailed token: its row, and the owner of that row when it was mailed. */
export interface MailedClaims {
  readonly id: string;
  readonly userId: string;
}

const schemes = { password_reset: 'prt1', email_verification: 'evt1' } as const;
const bodyLength = 16 + 16;
const macLength = 32;
const maxLength = 160;

/**
 * `prt1.<kid>.<base64url of token id ‖ user id ‖ HMAC>`, or `evt1.…`. The same row always gives the same token. So the
 * worker can derive it whenever it sends the mail, with the keyring as the only secret.
 * @throws {KeyringError} if the keyring does not have this key.
 */
export function mailedToken(
  keyring: Keyring,
  kid: string,
  type: MailedTokenType,
  { id, userId }: MailedClaims,
): string {
  const body = Buffer.concat([uuidBytes(id), uuidBytes(userId)]);
  return `${schemes[type]}.${kid}.${Buffer.concat([body, sign(keyring, kid, type, body)]).toString('base64url')}`;
}

/**
 * Returns the claims of a token. Null if this keyring did not sign it, it has another type, or its form is not
 * canonical. This proves that the token was mailed. Only its row shows whether it is unused, the newest and not
 * expired.
 */
export function readMailedToken(keyring: Keyring, type: MailedTokenType, token: string): MailedClaims | null {
  if (token.length > maxLength) return null;
  const [name, kid, encoded, ...rest] = token.split('.');
  if (name !== schemes[type] || kid === undefined || encoded === undefined || rest.length > 0 || !keyring.has(kid))
    return null;
  const bytes = fromBase64Url(encoded);
  if (bytes?.byteLength !== bodyLength + macLength) return null;
  const body = bytes.subarray(0, bodyLength);
  if (!timingSafeEqual(bytes.subarray(bodyLength), sign(keyring, kid, type, body))) return null;
  return { id: uuidText(Uint8Array.from(body.subarray(0, 16))), userId: uuidText(Uint8Array.from(body.subarray(16))) };
}

function sign(keyring: Keyring, kid: string, type: MailedTokenType, body: Uint8Array): Buffer {
  return keyring.mac(kid, 'mailed-token', frame(schemes[type], kid, body));
}
