import type { KeyObject } from 'node:crypto';
import { randomBytes } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { stringify as uuidText } from 'uuid';
import { fromBase64Url } from './framing.ts';
import type { Keyring, KeyPurpose } from './keyring.ts';

/** Who issues tokens, to whom, and for how many seconds. */
export interface TokenTerms {
  readonly issuer: string;
  readonly audience: string;
  readonly ttl: number;
}

/** What a token that was verified once says; only its time has to be looked at again. */
interface Verified extends AccessSubject {
  readonly jti: string;
  readonly iat: number;
  readonly exp: number;
}

/** Whom an access token speaks of. */
export interface AccessSubject {
  readonly userId: string;
  readonly sessionId: string;
}

/** Seconds by which the clocks of two nodes may differ. */
export const clockTolerance = 30;

const maxLength = 4096;
const algorithm = 'HS256';
const claimNames = ['aud', 'exp', 'iat', 'iss', 'jti', 'sid', 'sub', 'typ'];
const access: { header: string; claim: string; key: KeyPurpose } = { header: 'at+jwt', claim: 'access', key: 'access-token' };

/** Whom an access token speaks of, and the counter of the refresh token that it is issued with. */
export interface IssuedSubject extends AccessSubject {
  readonly counter?: number;
}

/** An access token, signed with the active key. */
export function signAccessToken(keyring: Keyring, terms: TokenTerms, { userId, sessionId, counter = 0 }: IssuedSubject, now: Date): string {
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
  return jwt.sign(claims, keyring.secret(kid, access.key), { algorithm, header: { alg: algorithm, typ: access.header, kid } });
}

/** Tokens that are remembered at a time. */
const remembered = 10_000;

/**
 * Verifies access tokens. The library under it accepts tokens without an end, of any type, with any further header; here
 * only what {@link signAccessToken} writes passes. A client sends the same token hundreds of times: its form and
 * signature are verified once, its time on each use.
 */
export class AccessTokens {
  readonly #known = new Map<string, Verified>();

  constructor(
    private readonly keyring: Keyring,
    private readonly terms: TokenTerms,
  ) {}

  /** Whom the token speaks of, or null: whatever is wrong with it, the answer is the same. */
  verify(token: string, now: Date): AccessSubject | null {
    const known = this.#known.get(token);
    if (known && !isTimely(known, this.terms, now)) return null;
    const found = known ?? verify(this.keyring, this.terms, token, now);
    if (found === null) return null;
    if (!known) this.#remember(token, found);
    return { userId: found.userId, sessionId: found.sessionId };
  }

  /** The counter of the refresh token that a token was issued with, once it was verified; 0 where it names none. */
  counterOf(token: string): number {
    return counterIn(this.#known.get(token)?.jti ?? '');
  }

  /** Milliseconds until a token ends, none where it has; of a token that was never verified, too. */
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

/** The library's own reckoning, for a token whose signature was verified before. */
function isTimely({ iat, exp }: Verified, { ttl }: TokenTerms, now: Date): boolean {
  const at = seconds(now);
  return iat <= at + clockTolerance && at < exp + clockTolerance && at < iat + ttl + clockTolerance;
}

/** The key the header names, where the token is of the one form and its header has exactly what it must. */
function kidOf(token: string): string | null {
  if (token.length > maxLength) return null;
  const [head, payload, signature, ...rest] = token.split('.').map(fromBase64Url);
  if (!head || !payload || !signature || rest.length > 0) return null;
  const text = head.toString('utf8');
  const header = asRecord(parsed(text));
  // A header written any other way (spaces, a name given twice) is not one of ours.
  if (header === null || JSON.stringify(header) !== text || Object.keys(header).sort().join() !== 'alg,kid,typ') return null;
  return header['alg'] === algorithm && header['typ'] === access.header && typeof header['kid'] === 'string' ? header['kid'] : null;
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

/** An id of UUID version 8, whose form is the application's: random, but for its last 32 bits, which are the counter. */
function mintId(counter: number): string {
  const bytes = randomBytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  bytes.writeUInt32BE(counter, 12);
  return uuidText(bytes);
}

/** Ids of other versions name no counter: earlier releases made them wholly at random. */
const counterIn = (jti: string): number => (jti[14] === '8' ? Number.parseInt(jti.slice(-8), 16) : 0);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

function asRecord(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
}

function isUuid(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);
}

function isInstant(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

const seconds = (at: Date): number => Math.floor(at.valueOf() / 1000);
