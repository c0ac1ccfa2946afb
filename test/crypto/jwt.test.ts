import { createHmac, createSecretKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import jwt from 'jsonwebtoken';
import { AccessTokens, signAccessToken } from '../../src/services/crypto/jwt.ts';
import { Keyring } from '../../src/services/crypto/keyring.ts';

const older = Keyring.generate();
const keyring = Keyring.parse(`${Keyring.generate()},${older}`);
const kid = keyring.active;
const oldKid = older.split(':')[0] ?? '';
const terms = { issuer: 'unionhall', audience: 'unionhall', ttl: 1800 };
const now = new Date('2026-03-01T12:00:00.000Z');
const iat = now.valueOf() / 1000;
const subject = { userId: randomUUID(), sessionId: randomUUID() };
const good = {
  iss: 'unionhall',
  aud: 'unionhall',
  sub: subject.userId,
  sid: subject.sessionId,
  jti: randomUUID(),
  iat,
  exp: iat + 1800,
  typ: 'access',
};
const goodHeader = { alg: 'HS256', typ: 'at+jwt', kid };

const encode = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const macOf = (signed: string, key = keyring.secret(kid, 'access-token')) => createHmac('sha256', key).update(signed).digest('base64url');
const forge = (header: unknown, payload: unknown, key = keyring.secret(kid, 'access-token')) => {
  const signed = `${encode(header)}.${encode(payload)}`;
  return `${signed}.${macOf(signed, key)}`;
};
const verify = (token: string, at = now) => new AccessTokens(keyring, terms).verify(token, at);
const later = (seconds: number) => new Date(now.valueOf() + seconds * 1000);
const without = (name: keyof typeof good) => Object.fromEntries(Object.entries(good).filter(([claim]) => claim !== name));
const token = signAccessToken(keyring, terms, subject, now);
const [head = '', payload = '', signature = ''] = token.split('.');

describe('an access token', () => {
  it('names the user, session, issuer, audience and expiry', () => {
    expect(jwt.decode(token, { complete: true })).toMatchObject({
      header: goodHeader,
      payload: { ...good, jti: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    });
    expect(verify(token)).toEqual(subject);
    expect(signAccessToken(keyring, terms, subject, now)).not.toBe(token);
  });

  it('equals the one that this file builds with valid parts', () => {
    expect(verify(forge(goodHeader, good))).toEqual(subject);
  });

  it('is accepted under an older key of the keyring, and not under a removed key', () => {
    const signed = signAccessToken(Keyring.parse(older), terms, subject, now);
    expect(verify(signed)).toEqual(subject);
    expect(new AccessTokens(Keyring.parse(Keyring.generate()), terms).verify(signed, now)).toBeNull();
  });

  it('is valid from its issue to its expiry, with 30 seconds of tolerance on both sides', () => {
    expect(verify(token, later(-30))).toEqual(subject);
    expect(verify(token, later(-31))).toBeNull();
    expect(verify(token, later(1829))).toEqual(subject);
    expect(verify(token, later(1830))).toBeNull();
  });

  it('expires earlier when the operator shortens the lifetime', () => {
    expect(new AccessTokens(keyring, { ...terms, ttl: 60 }).verify(token, later(89))).toEqual(subject);
    expect(new AccessTokens(keyring, { ...terms, ttl: 60 }).verify(token, later(90))).toBeNull();
  });

  it('is invalid with any single character changed', () => {
    for (let at = 0; at < token.length; at++) {
      const other = token[at] === 'A' ? 'B' : 'A';
      expect(verify(token.slice(0, at) + other + token.slice(at + 1))).toBeNull();
    }
  });
});

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const foreign = createSecretKey(Buffer.alloc(32, 9));
const empty = `${head}.${payload}.`;
const other = (header: object, key = keyring.secret(kid, 'access-token')) => forge({ ...goodHeader, ...header }, good, key);

describe('the wrapper refuses', () => {
  it.each<[string, string]>([
    ['nothing', ''],
    ['dots', '..'],
    ['one part', head],
    ['two parts', `${head}.${payload}`],
    ['four parts', `${token}.${signature}`],
    ['five parts, as of an encrypted token', `${token}.${signature}.${signature}`],
    ['no signature', empty],
    ['no signature, alg none', `${encode({ ...goodHeader, alg: 'none' })}.${payload}.`],
    ['alg none with a signature', other({ alg: 'none' })],
    ['alg None', other({ alg: 'None' })],
    ['alg HS384 named', other({ alg: 'HS384' })],
    [
      'alg HS384 done',
      jwt.sign(good, keyring.secret(kid, 'access-token'), { algorithm: 'HS384', header: { ...goodHeader, alg: 'HS384' } }),
    ],
    [
      'alg HS512 done',
      jwt.sign(good, keyring.secret(kid, 'access-token'), { algorithm: 'HS512', header: { ...goodHeader, alg: 'HS512' } }),
    ],
    ['alg RS256 done', jwt.sign(good, rsa.privateKey, { algorithm: 'RS256', header: { ...goodHeader, alg: 'RS256' } })],
    ['alg RS256 named, our HMAC under it', other({ alg: 'RS256' })],
    [
      'a public key as the secret',
      forge(goodHeader, good, createSecretKey(rsa.publicKey.export({ type: 'spki', format: 'pem' }) as never)),
    ],
    ['no alg', forge({ typ: 'at+jwt', kid }, good)],
    ['alg as a list', other({ alg: ['HS256'] })],
    ['a foreign key', forge(goodHeader, good, foreign)],
    ['an empty key', forge(goodHeader, good, createSecretKey(Buffer.alloc(0)))],
    ['a key of ours for another purpose', forge(goodHeader, good, keyring.secret(kid, 'refresh-token'))],
    ['another key of the ring than named', forge(goodHeader, good, keyring.secret(oldKid, 'access-token'))],
    ['no kid', forge({ alg: 'HS256', typ: 'at+jwt' }, good)],
    ['an unknown kid', other({ kid: 'unknown' })],
    ['kid __proto__', forge(`{"alg":"HS256","typ":"at+jwt","__proto__":"x"}`, good)],
    ['kid named __proto__', other({ kid: '__proto__' })],
    ['kid constructor', other({ kid: 'constructor' })],
    ['kid as a path', other({ kid: '../../../../dev/null' }, createSecretKey(Buffer.alloc(0)))],
    ['kid as SQL', other({ kid: "' union select 'a" })],
    ['kid as a list', other({ kid: [kid] })],
    ['kid as a number', other({ kid: 0 })],
    ['kid null', other({ kid: null })],
    ['kid with a slash and purpose', other({ kid: `${kid}/access-token` })],
    ['typ JWT', other({ typ: 'JWT' })],
    ['no typ', forge({ alg: 'HS256', kid }, good)],
    ['typ in capitals', other({ typ: 'AT+JWT' })],
    ['crit', other({ crit: ['exp'] })],
    ['crit unknown', other({ crit: ['x'], x: 1 })],
    ['b64', other({ b64: false })],
    ['jwk', other({ jwk: { kty: 'oct', k: 'AAAA' } })],
    ['jku', other({ jku: 'https://evil.test/keys' })],
    ['x5u', other({ x5u: 'https://evil.test/cert' })],
    ['zip', other({ zip: 'DEF' })],
    ['cty', other({ cty: 'JWT' })],
    ['a header with spaces', forge(`{ "alg":"HS256","typ":"at+jwt","kid":"${kid}"}`, good)],
    ['a header that gives alg twice', forge(`{"alg":"none","typ":"at+jwt","kid":"${kid}","alg":"HS256"}`, good)],
    ['a header that is a list', forge([goodHeader], good)],
    ['a header that is a string', forge('"at+jwt"', good)],
    ['a header that is null', forge('null', good)],
    ['a header that is no JSON', forge('{', good)],
    ['a payload that is a list', forge(goodHeader, [good])],
    ['a payload that is a string', forge(goodHeader, '"access"')],
    ['a payload that is null', forge(goodHeader, 'null')],
    ['a payload that is no JSON', forge(goodHeader, 'access')],
    ['a payload that is empty', forge(goodHeader, {})],
    ['padding', `${head}.${payload}.${signature}=`],
    ['base64 instead of base64url', `${head}.${Buffer.from(payload, 'base64url').toString('base64')}.${signature}`],
    ['a last character with stray bits', token.slice(0, -1) + String.fromCharCode(token.charCodeAt(token.length - 1) + 1)],
    ['a space before', ` ${token}`],
    ['a line feed after', `${token}\n`],
    ['Bearer before', `Bearer ${token}`],
    ['5 kB', forge(goodHeader, { ...good, iss: 'x'.repeat(5000) })],
    ['5 kB that are otherwise right', forge(goodHeader, { ...good, extra: 'x'.repeat(5000) })],
    ['a claim too many', forge(goodHeader, { ...good, admin: true })],
    ['nbf', forge(goodHeader, { ...good, nbf: iat })],
    ...(Object.keys(good) as (keyof typeof good)[]).map((name): [string, string] => [`no ${name}`, forge(goodHeader, without(name))]),
    ...(Object.keys(good) as (keyof typeof good)[]).flatMap((name) =>
      [null, true, [], {}, [good[name]], '', -1, 1.5].map((value): [string, string] => [
        `${name} as ${JSON.stringify(value)}`,
        forge(goodHeader, { ...good, [name]: value }),
      ]),
    ),
    ['a foreign issuer', forge(goodHeader, { ...good, iss: 'elsewhere' })],
    ['a foreign audience', forge(goodHeader, { ...good, aud: 'elsewhere' })],
    ['a second audience', forge(goodHeader, { ...good, aud: ['unionhall', 'elsewhere'] })],
    ['typ refresh', forge(goodHeader, { ...good, typ: 'refresh' })],
    ['sub that is no uuid', forge(goodHeader, { ...good, sub: 'admin' })],
    ['sub in capitals', forge(goodHeader, { ...good, sub: subject.userId.toUpperCase().replace(/^./, 'A') })],
    ['sid that is no uuid', forge(goodHeader, { ...good, sid: "' or 1=1 --" })],
    ['jti that is no uuid', forge(goodHeader, { ...good, jti: 'x' })],
    ['iat in the future', forge(goodHeader, { ...good, iat: iat + 31, exp: iat + 1831 })],
    ['iat long ago, exp far off', forge(goodHeader, { ...good, iat: iat - 9000, exp: iat + 9000 })],
    ['iat as text', forge(goodHeader, { ...good, iat: String(iat) })],
    ['exp as text', forge(goodHeader, { ...good, exp: String(iat + 1800) })],
    ['exp without end', forge(goodHeader, JSON.stringify(good).replace(`"exp":${iat + 1800}`, '"exp":1e999'))],
    ['exp in the past', forge(goodHeader, { ...good, iat: iat - 100, exp: iat - 31 })],
    ['exp before iat', forge(goodHeader, { ...good, exp: iat - 1 })],
  ])('%s', (_, attack) => {
    expect(verify(attack)).toBeNull();
  });
});

describe('a token that was verified before', () => {
  it.each([0, 60, 1829, 1830, 4000, -29, -31])('has the same validity at %s seconds as at the first verification', (seconds) => {
    const tokens = new AccessTokens(keyring, terms);
    expect(tokens.verify(token, now)).toEqual(subject);
    expect(tokens.verify(token, later(seconds))).toEqual(verify(token, later(seconds)));
  });

  it('does not make another token valid', () => {
    const tokens = new AccessTokens(keyring, terms);
    expect(tokens.verify(token, now)).toEqual(subject);
    expect(tokens.verify(`${head}.${payload}.${macOf('another')}`, now)).toBeNull();
  });
});
