import type { KeyObject } from 'node:crypto';
import { randomBytes } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { stringify as uuidText } from 'uuid';
import { fromBase64Url } from './framing.ts';
import type { Keyring, KeyPurpose } from './keyring.ts';

/** The issuer, the audience and the lifetime in seconds. */
export interface TokenTerms {
  readonly issuer: string;
  readonly audience: string;
  readonly ttl: number;
}

/** The claims of a token that was verified once. Only its time must be checked again. */
interface Verified extends AccessSubject {
  readonly jti: string;
  readonly iat: number;
  readonly exp: number;
}

/** The subject of an access token. */
export interface AccessSubject {
  readonly userId: string;
  readonly sessionId: string;
}

/** The seconds by which the clocks of two nodes may differ. */
export const clockTolerance = 30;

const maxLength = 4096;
const algorithm = 'HS256';
const claimNames = ['aud', 'exp', 'iat', 'iss', 'jti', 'sid', 'sub', 'typ'];
const access: { header: string; claim: string; key: KeyPurpose } = {
  header: 'at+jwt',
  claim: 'access',
  key: 'access-token',
};

/** The subject of an access token, and the counter of the refresh token that is issued with it. */
export interface IssuedSubject extends AccessSubject {
  readonly counter?: number;
}

/** Creates an access token, signed with the active key. */
export function signAccessToken(
  keyring: Keyring,
  terms: TokenTerms,
  { userId, sessionId, counter = 0 }: IssuedSubject,
  now: Date,
): string {
  const iat = seconds(now);
  const claims = {
    iss: terms.issuer,
    aud: terms.audience,
    sub: userId,
    sid: sessionId,
    jti: mintId(counter),
    iat,
    exp: iat + terms.ttl,
    typ: access.claim,
  };
  const kid = keyring.active;
  return jwt.sign(claims, keyring.secret(kid, access.key), {
    algorithm,
    header: { alg: algorithm, typ: access.header, kid },
  });
}

/** The maximum number of remembered tokens. */
const remembered = 10_000;

/**
 * Verifies access tokens. The JWT library accepts tokens without an expiry, of any type, and with any additional
 * header; this class accepts only what {@link signAccessToken} writes. A client sends the same token hundreds of times,
 * so its form and signature are verified once, and its time on each use.
 */
export class AccessTokens {
  readonly #known = new Map<string, Verified>();

  constructor(
    private readonly keyring: Keyring,
    private readonly terms: TokenTerms,
  ) {}

  /** Returns the subject of the token. Null for every fault, so that the answer is always the same. */
  verify(token: string, now: Date): AccessSubject | null {
    const known = this.#known.get(token);
    if (known && !isTimely(known, this.terms, now)) return null;
    const found = known ?? verify(this.keyring, this.terms, token, now);
    if (found === null) return null;
    if (!known) this.#remember(token, found);
    return { userId: found.userId, sessionId: found.sessionId };
  }

  /** Returns the counter of the refresh token that was issued with a verified token. 0 if it names none. */
  counterOf(token: string): number {
    return counterIn(this.#known.get(token)?.jti ?? '');
  }

  /** Returns the milliseconds until a token expires. 0 if it has expired or was never verified. */
  timeLeft(token: string, now: Date): number {
    const known = this.#known.get(token);
    return known === undefined ? 0 : Math.max(0, known.exp * 1000 - now.valueOf());
  }

  #remember(token: string, found: Verified): void {
    const oldest = this.#known.keys().next();
    if (this.#known.size >= remembered && !oldest.done) this.#known.delete(oldest.value);
    this.#known.set(token, found);
  }
}

function verify(keyring: Keyring, terms: TokenTerms, token: string, now: Date): Verified | null {
  const kid = kidOf(token);
  if (kid === null || !keyring.has(kid)) return null;
  const claims = verified(token, keyring.secret(kid, access.key), terms, now);
  return claims === null ? null : subjectOf(claims, terms, now);
}

/** Repeats the library's time check for a token whose signature was verified before. */
function isTimely({ iat, exp }: Verified, { ttl }: TokenTerms, now: Date): boolean {
  const at = seconds(now);
  return iat <= at + clockTolerance && at < exp + clockTolerance && at < iat + ttl + clockTolerance;
}

/**
 * Returns the key that the header names, if the token has the expected form and its header has exactly the expected
 * fields.
 */
function kidOf(token: string): string | null {
  if (token.length > maxLength) return null;
  const [head, payload, signature, ...rest] = token.split('.').map(fromBase64Url);
  if (!head || !payload || !signature || rest.length > 0) return null;
  const text = head.toString('utf8');
  const header = asRecord(parsed(text));
  // This service never writes a header in another way, for example with spaces or a repeated name.
  if (header === null || JSON.stringify(header) !== text || Object.keys(header).sort().join() !== 'alg,kid,typ')
    return null;
  return header['alg'] === algorithm && header['typ'] === access.header && typeof header['kid'] === 'string'
    ? header['kid']
    : null;
}

function verified(token: string, secret: KeyObject, terms: TokenTerms, now: Date): Record<string, unknown> | null {
  try {
    return asRecord(
      jwt.verify(token, secret, {
        algorithms: [algorithm],
        issuer: terms.issuer,
        audience: terms.audience,
        maxAge: terms.ttl,
        clockTolerance,
        clockTimestamp: seconds(now),
      }),
    );
  } catch {
    return null;
  }
}

function subjectOf(claims: Record<string, unknown>, terms: TokenTerms, now: Date): Verified | null {
  const { iss, aud, sub, sid, jti, iat, exp, typ } = claims;
  if (Object.keys(claims).sort().join() !== claimNames.join()) return null;
  if (iss !== terms.issuer || aud !== terms.audience || typ !== access.claim) return null;
  if (!isUuid(sub) || !isUuid(sid) || !isUuid(jti)) return null;
  if (!isInstant(iat) || !isInstant(exp) || exp <= iat) return null;
  return iat > seconds(now) + clockTolerance ? null : { userId: sub, sessionId: sid, jti, iat, exp };
}

/**
 * Creates an id of UUID version 8, whose form the application defines: random, except for the counter in the last 32
 * bits.
 */
function mintId(counter: number): string {
  const bytes = randomBytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  bytes.writeUInt32BE(counter, 12);
  return uuidText(bytes);
}

/** Ids of other versions name no counter: earlier releases made them fully random. */
const counterIn = (jti: string): number => (jti[14] === '8' ? Number.parseInt(jti.slice(-8), 16) : 0);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

function asRecord(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

function isUuid(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);
}

function isInstant(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

const seconds = (at: Date): number => Math.floor(at.valueOf() / 1000);
