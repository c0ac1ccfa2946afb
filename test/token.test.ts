import 'reflect-metadata';
import { createHmac, createSecretKey, generateKeyPairSync, randomBytes, randomUUID, sign, type KeyObject } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../src/database/index.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { shownBy } from './factor.kit.ts';
import { Clock } from './support/local.ts';
import { Mailboxes } from './support/mailbox.ts';
import { aNode, bearer, seededDatabase, type Node, type Reply } from './support/node.ts';

const [newer, older] = [Keyring.generate(), Keyring.generate()];
const keyring = Keyring.parse(`${newer},${older}`);
const kid = keyring.active;
const olderKid = older.split(':')[0] ?? '';
const clock = new Clock();
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });

let database: Database;
let node: Node;
/** The officer's tokens, and the claims of a valid access token of that session. */
let officer: Record<'accessToken' | 'refreshToken' | 'deviceToken', string>;
let claims: Record<string, unknown>;
let staffSession: string;

const me = '{ me { username } }';
const login =
  'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken refreshToken deviceToken } ... on SecondFactorRequired { challenge } } }';
type Login = Record<'accessToken' | 'refreshToken' | 'deviceToken' | 'challenge', string>;

async function signIn(identifier: string, more: object = {}): Promise<Login> {
  const { data, codes } = await node.ask<{ login: Login }>(login, { input: { identifier, password: 'unionhall-dev', ...more } });
  expect(codes).toEqual([]);
  return data.login;
}

const payloadOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown> & { sid: string };

/** Returns a response without parts that always differ. */
const plain = ({ status, body }: Reply<unknown>): [number, string] => [status, body.replaceAll(/"requestId":"[^"]+"/g, '')];

beforeAll(async () => {
  database = await seededDatabase(keyring);
  const environment = { LIMIT_MAIL_ADDRESS: '1000/60', LIMIT_MAIL_ACCOUNT: '1000/60', LIMIT_SECOND_FACTOR: '1000/60' };
  node = await aNode({ database, keyring, clock, environment });
  officer = await signIn('officer');
  claims = payloadOf(officer.accessToken);
  staffSession = payloadOf((await signIn('staff')).accessToken).sid;
}, 60_000);

const secret = (of = kid): KeyObject => keyring.secret(of, 'access-token');
const encode = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const macOf = (signed: string, key: KeyObject, hash = 'sha256'): string => createHmac(hash, key).update(signed).digest('base64url');
const header = { alg: 'HS256', typ: 'at+jwt', kid };

/** Returns a token that is valid except for the given parts. */
function forged(over: { header?: unknown; payload?: unknown; key?: KeyObject; hash?: string } = {}): string {
  const signed = `${encode(over.header ?? header)}.${encode(over.payload ?? claims)}`;
  return `${signed}.${macOf(signed, over.key ?? secret(), over.hash)}`;
}
const withHeader = (more: object): string => forged({ header: { ...header, ...more } });
const withClaims = (more: object): string => forged({ payload: { ...claims, ...more } });
const without = (claim: string): string =>
  forged({ payload: Object.fromEntries(Object.entries(claims).filter(([name]) => name !== claim)) });
const now = (): number => Math.floor(clock.now().valueOf() / 1000);
const parts = (): [string, string, string] => officer.accessToken.split('.') as [string, string, string];
const pem = (): Buffer => Buffer.from(rsa.publicKey.export({ type: 'spki', format: 'pem' }));
/** Sets the unused bits of the last character: the same bytes in another encoding. */
const strayBits = (token: string): string => token.slice(0, -1) + String.fromCharCode(token.charCodeAt(token.length - 1) + 1);

const attacks: readonly (readonly [name: string, token: () => string])[] = [
  ['nothing in it', () => '..'],
  ['no signature', () => `${parts().slice(0, 2).join('.')}.`],
  ['two parts', () => parts().slice(0, 2).join('.')],
  ['four parts', () => `${officer.accessToken}.${parts()[2]}`],
  ['alg none, unsigned', () => `${encode({ ...header, alg: 'none' })}.${parts()[1]}.`],
  ['alg none, signed', () => withHeader({ alg: 'none' })],
  ['alg nOnE', () => `${encode({ ...header, alg: 'nOnE' })}.${parts()[1]}.`],
  ['alg HS384', () => forged({ header: { ...header, alg: 'HS384' }, hash: 'sha384' })],
  ['alg HS512', () => forged({ header: { ...header, alg: 'HS512' }, hash: 'sha512' })],
  ['alg RS256 over our HMAC', () => withHeader({ alg: 'RS256' })],
  [
    'alg RS256 with a key of the attacker’s',
    () => {
      const signed = `${encode({ ...header, alg: 'RS256' })}.${parts()[1]}`;
      return `${signed}.${sign('sha256', Buffer.from(signed), rsa.privateKey).toString('base64url')}`;
    },
  ],
  ['an HMAC under a public key', () => forged({ key: createSecretKey(pem()) })],
  ['no alg', () => forged({ header: { typ: 'at+jwt', kid } })],
  ['a foreign key', () => forged({ key: createSecretKey(randomBytes(32)) })],
  ['an empty key', () => forged({ key: createSecretKey(Buffer.alloc(0)) })],
  ['the key of another purpose', () => forged({ key: keyring.secret(kid, 'refresh-token') })],
  ['another key than it names', () => forged({ key: secret(olderKid) })],
  ['kid missing', () => forged({ header: { alg: 'HS256', typ: 'at+jwt' } })],
  ['kid unknown', () => withHeader({ kid: 'k0' })],
  ['kid empty', () => withHeader({ kid: '' })],
  ['kid as a path', () => forged({ header: { ...header, kid: '../../../../dev/null' }, key: createSecretKey(Buffer.alloc(0)) })],
  ['kid as SQL', () => withHeader({ kid: `' union select '${kid}` })],
  ['kid as a list', () => withHeader({ kid: [kid] })],
  ['kid as an object', () => withHeader({ kid: { [kid]: kid } })],
  ['kid null', () => withHeader({ kid: null })],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty'].map((name) => [`kid ${name}`, () => withHeader({ kid: name })] as const),
  ['crit', () => withHeader({ crit: ['exp'] })],
  ['a key of its own', () => withHeader({ jwk: { kty: 'oct', k: 'AAAA' } })],
  ['the address of a key', () => withHeader({ jku: 'https://evil.example/keys' })],
  ['typ JWT', () => withHeader({ typ: 'JWT' })],
  ['no typ', () => forged({ header: { alg: 'HS256', kid } })],
  ['alg given twice', () => forged({ header: `{"alg":"none","alg":"HS256","typ":"at+jwt","kid":"${kid}"}` })],
  ['spaces in its header', () => forged({ header: JSON.stringify(header, null, 1) })],
  ['a header that is a list', () => forged({ header: [header] })],
  ...['exp', 'iat', 'iss', 'aud', 'sub', 'sid', 'jti', 'typ'].map((name) => [`no ${name}`, () => without(name)] as const),
  ['a foreign issuer', () => withClaims({ iss: 'elsewhere' })],
  ['a foreign audience', () => withClaims({ aud: 'elsewhere' })],
  ['two audiences', () => withClaims({ aud: ['unionhall', 'elsewhere'] })],
  ['a claim of being a refresh token', () => withClaims({ typ: 'refresh' })],
  ['a claim too many', () => withClaims({ roles: ['admin'] })],
  ['iat in the future', () => withClaims({ iat: now() + 120, exp: now() + 1800 })],
  ['nbf in the future', () => withClaims({ nbf: now() + 120 })],
  ['exp in the past', () => withClaims({ iat: now() - 1000, exp: now() - 60 })],
  ['exp far off, iat long ago', () => withClaims({ iat: now() - 90_000, exp: now() + 90_000 })],
  ['exp without end', () => forged({ payload: JSON.stringify(claims).replace(/"exp":\d+/, '"exp":1e999') })],
  ['exp as a text', () => withClaims({ exp: String(claims['exp']) })],
  ['sub that is no uuid', () => withClaims({ sub: 'officer' })],
  ['sub as SQL', () => withClaims({ sub: `${String(claims['sub'])}' or '1'='1` })],
  ['sub as a list', () => withClaims({ sub: [claims['sub']] })],
  ['sub of nobody', () => withClaims({ sub: randomUUID() })],
  ['sid of nobody', () => withClaims({ sid: randomUUID() })],
  ['sid of another user’s session', () => withClaims({ sid: staffSession })],
  ['sid that is no uuid', () => withClaims({ sid: '*' })],
  ['a payload that is a list', () => forged({ payload: [claims] })],
  ['a payload that is a text', () => forged({ payload: '"officer"' })],
  ['a payload that is null', () => forged({ payload: 'null' })],
  ['a payload that is no JSON', () => forged({ payload: 'officer' })],
  ['padding', () => `${officer.accessToken}=`],
  ['padding within', () => parts().join('=.')],
  ['stray bits in its last character', () => strayBits(officer.accessToken)],
  ['plain base64', () => `${parts()[0]}.${parts()[1]}.${Buffer.from(parts()[2], 'base64url').toString('base64')}`],
  ['a percent sign', () => officer.accessToken.replace('.', '%2E')],
  ['another signature’s bytes', () => `${parts()[0]}.${parts()[1]}.${macOf('another', secret())}`],
  ['5 kB', () => withClaims({ jti: 'x'.repeat(5000) })],
  ['5 kB of claims', () => withClaims({ extra: 'x'.repeat(5000) })],
  ['a character that is no ASCII', () => `${officer.accessToken}\u00e9`],
];

describe('an access token', () => {
  it('equals the one that this file builds with valid parts', async () => {
    for (const token of [officer.accessToken, forged(), forged({ header: { ...header, kid: olderKid }, key: secret(olderKid) })])
      expect(await node.ask(me, {}, bearer(token))).toMatchObject({ codes: [], data: { me: { username: 'officer' } } });
  });

  it.each(attacks)('with %s is refused', async (_, token) => {
    const anonymous = plain(await node.ask(me));
    const refused = await node.ask(me, {}, bearer(token()));
    expect(refused.codes).toEqual(['UNAUTHENTICATED']);
    expect(plain(refused)).toEqual(anonymous);
  });

  it('allows no mutation if it is invalid', async () => {
    const logout = 'mutation { logout }';
    const anonymous = plain(await node.ask(logout));
    expect(anonymous[1]).toContain('UNAUTHENTICATED');
    for (const [, token] of attacks) expect(plain(await node.ask(logout, {}, bearer(token())))).toEqual(anonymous);
    expect(await node.ask(me, {}, bearer(officer.accessToken))).toMatchObject({ codes: [] });
  });

  it('is accepted in one place only', async () => {
    const token = officer.accessToken;
    const codesOf = async (headers: Record<string, string>): Promise<unknown> => (await node.ask(me, {}, headers)).codes;
    for (const scheme of ['Bearer', 'bearer', 'BEARER']) expect(await codesOf({ authorization: `${scheme} ${token}` })).toEqual([]);
    const wrong = [token, `Bearer${token}`, `Bearer  ${token}`, `Bearer\t${token}`, `Basic ${token}`, `Bearer ${token} ${token}`];
    const lists = [
      `Bearer ${token}, Bearer ${token}`,
      `Bearer ${token},${token}`,
      `Bearer "${token}"`,
      `Bearer token=${token}`,
      'Bearer',
      'Bearer ',
    ];
    for (const authorization of [...wrong, ...lists]) expect(await codesOf({ authorization })).toEqual(['UNAUTHENTICATED']);
    expect(await codesOf({ cookie: `unionhall_refresh=${token}; access_token=${token}; authorization=Bearer ${token}` })).toEqual([
      'UNAUTHENTICATED',
    ]);
    expect(await codesOf({ 'x-access-token': token, 'proxy-authorization': `Bearer ${token}` })).toEqual(['UNAUTHENTICATED']);
    const byAddress = await fetch(`${node.url}/graphql?access_token=${token}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: me, access_token: token, extensions: { authorization: `Bearer ${token}` } }),
    });
    expect(await byAddress.text()).toContain('UNAUTHENTICATED');
  });
});

/** One valid token of each kind. */
const kinds = ['access', 'refresh', 'reset', 'verification', 'challenge', 'device', 'vault', 'setup'] as const;
type Kind = (typeof kinds)[number];

describe('a token of one kind is refused wherever another is expected', () => {
  const tokens = {} as Record<Kind, string>;
  let totp: string;

  const refresh = 'mutation ($token: String) { refresh(refreshToken: $token) { accessToken refreshToken } }';
  const reset = 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) }';
  const verify = 'mutation ($token: String!) { verifyEmail(token: $token) }';
  const complete = 'mutation ($input: CompleteLoginInput!) { completeLogin(input: $input) { accessToken } }';
  const setUp = 'mutation ($input: SetupOwnerInput!) { setupOwner(input: $input) { accessToken } }';
  const newPassword = 'a password nobody has chosen';
  const owner = { username: 'owner', email: 'owner@unionhall.test', firstName: 'O', lastName: 'Wner', password: newPassword };

  /** The places for tokens: the kind, how it is sent there, and the refusal. */
  const places: readonly (readonly [place: string, kind: Kind, refusal: string, give: (token: string) => Promise<Reply<unknown>>])[] = [
    ['the header', 'access', 'UNAUTHENTICATED', (token) => node.ask(me, {}, bearer(token))],
    ['refresh', 'refresh', 'UNAUTHENTICATED', (token) => node.ask(refresh, { token })],
    ['the cookie of refresh', 'refresh', 'UNAUTHENTICATED', (token) => node.ask(refresh, {}, { cookie: `unionhall_refresh=${token}` })],
    ['verifyEmail', 'verification', 'BAD_INPUT', (token) => node.ask(verify, { token })],
    [
      'completeLogin',
      'challenge',
      'BAD_CREDENTIALS',
      (token) => node.ask(complete, { input: { challenge: token, code: shownBy(totp, clock.now()) } }),
    ],
    ['resetPassword', 'reset', 'BAD_INPUT', (token) => node.ask(reset, { input: { token, newPassword } })],
    ['setupOwner', 'setup', 'BAD_CREDENTIALS', (token) => node.ask(setUp, { input: { ...owner, setupToken: token } })],
  ];

  beforeAll(async () => {
    const mail = new Mailboxes({ database, keyring, now: clock.now });
    const { accessToken } = await signIn('president');
    const begun = await node.ask<{ beginTotp: { secret: string } }>('mutation { beginTotp { secret } }', {}, bearer(accessToken));
    totp = begun.data.beginTotp.secret;
    const confirm = 'mutation ($code: String!) { confirmTotp(code: $code) { codes } }';
    await node.ask(confirm, { code: shownBy(totp, clock.now()) }, bearer(accessToken));
    clock.turn(60);
    await node.ask('mutation { requestPasswordReset(email: "manager@unionhall.test") }');
    await database.run(`update users set is_verified = false where username = 'instructor'`);
    await node.ask('mutation { requestEmailVerification }', {}, bearer((await signIn('instructor')).accessToken));
    const vp = await signIn('vp');
    Object.assign(tokens, {
      access: vp.accessToken,
      refresh: vp.refreshToken,
      device: vp.deviceToken,
      challenge: (await signIn('president')).challenge,
      reset: await mail.tokenOf('manager@unionhall.test'),
      verification: await mail.tokenOf('instructor@unionhall.test'),
      vault: `vlt1.${randomBytes(32).toString('base64url')}`,
      setup: node.setupToken ?? '',
    } satisfies Record<Kind, string>);
    expect(kinds.filter((kind) => !tokens[kind])).toEqual([]);
    expect(new Set(kinds.map((kind) => tokens[kind])).size).toBe(kinds.length);
  }, 60_000);

  describe.each(places)('in %s', (_, expected, refusal, give) => {
    it.each(kinds.filter((kind) => kind !== expected))('a %s token', async (kind) => {
      const nonsense = plain(await give('nonsense'));
      const refused = await give(tokens[kind]);
      expect(refused.codes).toEqual([refusal]);
      expect(plain(refused)).toEqual(nonsense);
    });

    it('one that is combined with another', async () => {
      const own = tokens[expected];
      for (const kind of kinds.filter((each) => each !== expected)) {
        const mixed = [
          `${own.split('.')[0]}.${tokens[kind].split('.').slice(1).join('.')}`,
          `${own}${tokens[kind]}`,
          `${tokens[kind]} ${own}`,
        ];
        for (const token of mixed) expect((await give(token)).codes).toEqual([refusal]);
      }
    });
  });

  it('as a device token, which only makes it a new device', async () => {
    for (const kind of kinds.filter((each) => each !== 'device')) {
      const { deviceToken } = await signIn('manager', { deviceToken: tokens[kind] });
      expect(deviceToken).toMatch(/^dvt1\./);
      expect(Object.values(tokens)).not.toContain(deviceToken);
    }
    expect((await signIn('vp', { deviceToken: tokens.device })).deviceToken).toBe(tokens.device);
    expect((await signIn('manager', { deviceToken: tokens.device })).deviceToken).not.toBe(tokens.device);
  });

  it('and afterwards each still works where it belongs', async () => {
    for (const [, kind, , give] of places.filter(([place]) => !place.includes('cookie')))
      expect([kind, (await give(tokens[kind])).codes]).toEqual([kind, []]);
  });

  it('until its time is over: the access token by the changed clock', async () => {
    const { accessToken } = await signIn('vp');
    clock.turn(1829);
    expect((await node.ask(me, {}, bearer(accessToken))).codes).toEqual([]);
    clock.turn(2);
    expect(plain(await node.ask(me, {}, bearer(accessToken)))).toEqual(plain(await node.ask(me)));
  });
});
