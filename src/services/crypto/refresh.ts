import { timingSafeEqual } from 'node:crypto';
import { parse as uuidBytes, stringify as uuidText, validate as isUuid } from 'uuid';
import { frame, fromBase64Url } from './framing.ts';
import type { Keyring } from './keyring.ts';

/** The claims of a refresh token: its session, its counter within the session, and the key that signed it. */
export interface RefreshClaims {
  readonly sessionId: string;
  readonly counter: number;
  readonly kid: string;
}

const scheme = 'rft1';
const bodyLength = 16 + 4;
const macLength = 32;
const maxLength = 160;

/**
 * `rft1.<kid>.<base64url of session id ‖ counter ‖ HMAC>`. The same claims always give the same token, so that a
 * retried rotation gets the same answer without storing it.
 */
export function mintRefreshToken(keyring: Keyring, { sessionId, counter, kid }: RefreshClaims): string {
  const body = Buffer.alloc(bodyLength);
  body.set(uuidBytes(sessionId), 0);
  body.writeUInt32BE(counter, 16);
  return `${scheme}.${kid}.${Buffer.concat([body, sign(keyring, kid, body)]).toString('base64url')}`;
}

/** Returns the claims of a token. Null if this keyring did not sign it or its form is not canonical. */
export function verifyRefreshToken(keyring: Keyring, token: string): RefreshClaims | null {
  if (token.length > maxLength) return null;
  const [name, kid, encoded, ...rest] = token.split('.');
  if (name !== scheme || kid === undefined || encoded === undefined || rest.length > 0 || !keyring.has(kid))
    return null;
  const bytes = fromBase64Url(encoded);
  if (bytes?.byteLength !== bodyLength + macLength) return null;
  const body = bytes.subarray(0, bodyLength);
  if (!timingSafeEqual(bytes.subarray(bodyLength), sign(keyring, kid, body))) return null;
  const sessionId = uuidText(Uint8Array.from(body.subarray(0, 16)));
  return isUuid(sessionId) ? { sessionId, counter: body.readUInt32BE(16), kid } : null;
}

function sign(keyring: Keyring, kid: string, body: Uint8Array): Buffer {
  return keyring.mac(kid, 'refresh-token', frame(scheme, kid, body));
}
