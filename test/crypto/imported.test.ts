import { hash as argon2 } from 'argon2';
import { hash as bcrypt, hashSync } from 'bcrypt';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Keyring } from '../../src/services/crypto/keyring.ts';

// Counts the calls without changing them.
const [argon, bcrypts] = [await import('argon2'), await import('bcrypt')];
const runs: string[] = [];
jest.unstable_mockModule('argon2', () => ({
  ...argon,
  hash: jest.fn(async (input: Buffer, options: Parameters<typeof argon.hash>[1] & { raw: true }) => {
    runs.push(`${options.type}/${options.version} m=${options.memoryCost},t=${options.timeCost},p=${options.parallelism}`);
    return argon.hash(input, options);
  }),
}));
jest.unstable_mockModule('bcrypt', () => ({
  ...bcrypts,
  hash: jest.fn(async (data: Buffer, salt: string) => {
    runs.push(salt.slice(0, 7));
    return bcrypts.hash(data, salt);
  }),
}));
const { isImportable, verifyImported } = await import('../../src/services/crypto/imported.ts');
const { PasswordHasher } = await import('../../src/services/crypto/hasher.ts');
const { verifyPassword } = await import('../../src/services/crypto/password.ts');

const cost = { memory: 19_456, time: 2 };
const ours = '2/19 m=19456,t=2,p=1';
const keyring = Keyring.parse(Keyring.generate());
const verify = async (stored: string, password: string) => verifyPassword(stored, password, cost, keyring);
const [right, wrong] = [
  { isRight: true, needsRehash: true },
  { isRight: false, needsRehash: false },
];
/** From the tests of crypt_blowfish, like the next ones. Its password is `U*U`. */
const known = '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';
const made = await bcrypt('solidarity', 4);
const madeByArgon = await argon2('solidarity', { memoryCost: 64, timeCost: 1, parallelism: 1 });
const [, , , body = ''] = made.split('$');

beforeEach(() => {
  runs.length = 0;
});

describe('an imported bcrypt hash', () => {
  it.each([
    [known, 'U*U'],
    ['$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK', 'U*U*'],
    ['$2y$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK', 'U*U*'],
    ['$2b$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a', 'U*U*U'],
  ])('of another implementation verifies: %#', async (stored, password) => {
    expect(await verify(stored, password)).toEqual(right);
    expect(await verify(stored, `${password}x`)).toEqual(wrong);
  });

  it.each(['a', 'b', 'y'])('of the variant 2%s verifies with its password, is outdated then, and has its own cost', async (variant) => {
    const stored = made.replace('$2b$', `$2${variant}$`);
    expect(await verify(stored, 'solidarity')).toEqual(right);
    expect(await verify(stored, 'Solidarity')).toEqual(wrong);
    expect(await verify(stored, '')).toEqual(wrong);
    expect(runs).toEqual(['$2b$04$', '$2b$04$']);
  });

  it('compares the first 72 bytes, like the other system', async () => {
    const long = 'x'.repeat(71) + 'yz'.repeat(20);
    const stored = await bcrypt(long, 4);
    expect(await verify(stored, long)).toEqual(right);
    expect(await verify(stored, long.slice(0, 72))).toEqual(right);
    expect(await verify(stored, `${long.slice(0, 72)}other`)).toEqual(right);
    expect(await verify(stored, long.slice(0, 71))).toEqual(wrong);
    expect(await verify(stored, `${long.slice(0, 71)}Y`)).toEqual(wrong);
  });

  it.each(['2a', '2b', '2y'])('of %s also compares 72 bytes when the password has more than 255 bytes', async (variant) => {
    const long = '🔨'.repeat(100);
    const stored = hashSync(Buffer.from(long).subarray(0, 72), '$2b$04$CCCCCCCCCCCCCCCCCCCCC.').replace('2b', variant);
    expect(await verify(stored, long)).toEqual(right);
    // An implementation with a one-byte length would compare fewer bytes.
    expect(await verify(stored, '🔨'.repeat(17))).toEqual(wrong);
    expect(await verify(stored, 'x'.repeat(128))).toEqual(wrong);
  });

  it('may split a character at its 72nd byte', async () => {
    const password = `${'x'.repeat(71)}é`;
    expect(await verify(await bcrypt(password, 4), password)).toEqual(right);
  });

  it('refuses a password with a NUL, with the work of a wrong one', async () => {
    const stored = await bcrypt('soli', 4);
    for (const password of ['soli\0', 'soli\0darity', '\0']) expect(await verify(stored, password)).toEqual(wrong);
    expect(await verify(await bcrypt('soli\0darity', 4), 'soli\0darity')).toEqual(wrong);
    expect(runs).toEqual([ours, ours, ours, ours]);
  });

  it('with unused bits in its salt, as some systems wrote them, verifies', async () => {
    const stored = hashSync('solidarity', '$2b$04$abcdefghijklmnopqrstuu');
    expect(await verify(stored.replace('stuu', 'stuv'), 'solidarity')).toEqual(right);
  });
});

describe('an imported Argon2 hash', () => {
  const cheap = { memoryCost: 64, timeCost: 2, parallelism: 1 };

  it.each([
    ['argon2id', 2],
    ['argon2i', 1],
    ['argon2d', 0],
  ] as const)('of %s verifies with its password, is outdated then, and has its own cost', async (_, type) => {
    const stored = await argon2('solidarity', { ...cheap, type, parallelism: 2 });
    expect(await verify(stored, 'solidarity')).toEqual(right);
    expect(await verify(stored, 'Solidarity')).toEqual(wrong);
    expect(runs).toEqual(Array(2).fill(`${type}/19 m=64,t=2,p=2`));
  });

  it.each([
    // Created by the reference implementation from "password" and "somesalt".
    ['$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8', true],
    ['$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY', true],
    ['$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4', true],
    ['$argon2i$v=16$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY', true],
    ['$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY', false],
    ['$argon2d$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4', false],
  ])('of the reference implementation is read with its version and variant: %#', async (stored, isRight) => {
    expect(await verify(stored, 'password')).toEqual(isRight ? right : wrong);
  });

  it.each(['m=256,t=2,p=1', 'm=256,p=1,t=2', 't=2,m=256,p=1', 'p=1,t=2,m=256'])(
    'is read with its parameters in the order %s',
    async (order) => {
      const stored = `$argon2id$v=19$${order}$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4`;
      expect(await verify(stored, 'password')).toEqual(right);
      expect(runs).toEqual(['2/19 m=256,t=2,p=1']);
    },
  );

  it('may have a long password with any characters, and a digest of 16 to 64 bytes', async () => {
    const password = '🔨'.repeat(128);
    for (const hashLength of [16, 64]) expect(await verify(await argon2(password, { ...cheap, hashLength }), password)).toEqual(right);
    expect(await verify(await argon2('a\0b', cheap), 'a\0b')).toEqual(right);
    expect(await verify(await argon2('a\0b', cheap), 'a')).toEqual(wrong);
  });
});

describe('an invalid text that looks like an imported hash', () => {
  const salt = Buffer.alloc(16, 1).toString('base64').replace(/=+$/, '');
  const digest = Buffer.alloc(32, 1).toString('base64').replace(/=+$/, '');
  const encoded = (parameters: string, s = salt, d = digest) => `$argon2id$v=19$${parameters}$${s}$${d}`;

  it.each([
    [''],
    ['$2b$'],
    [made.slice(0, -1)],
    [`${made}A`],
    [`${made}\n`],
    [` ${made}`],
    [made.replace('$2b$', '$2x$')],
    [made.replace('$2b$', '$2$')],
    [made.replace('$04$', '$03$')],
    [made.replace('$04$', '$15$')],
    [made.replace('$04$', '$31$')],
    [made.replace('$04$', '$4$')],
    [made.replace('$04$', '$004$')],
    [`$2b$04$${body.slice(0, -1)}!`],
    [`$2b$04$${body.slice(0, -1)}D`],
    [`$2b$04$${'+'.repeat(53)}`],
    [`bcrypt$${made}`],
    [encoded('m=262145,t=2,p=1')],
    [encoded('m=4194304,t=2,p=1')],
    [encoded('m=19456,t=21,p=1')],
    [encoded('m=19456,t=0,p=1')],
    [encoded('m=19456,t=2,p=9')],
    [encoded('m=19456,t=2,p=16')],
    [encoded('m=8,t=2,p=8')],
    [encoded('m=019456,t=2,p=1')],
    [encoded('m=19456,t=2,p=0')],
    [encoded('m=19456,t=2')],
    [encoded('m=19456,t=2,t=2')],
    [encoded('m=19456,p=1,m=19456')],
    [encoded('m=19456,t=2,p=1,p=1')],
    [encoded('m=19456,t=2,p=1,')],
    [encoded('m=19456t=2p=1')],
    [encoded('m=19456,t=2,p=-1')],
    [encoded('m=19456,t=2e1,p=1')],
    [encoded('m=9999999,t=1,p=1')],
    [encoded('m=19456,t=2,p=1,data=AAAA')],
    [encoded('m=19456,t=2,p=1,keyid=AAAA')],
    [encoded('m=19456,t=2,p=1', 'AAAA')],
    [encoded('m=19456,t=2,p=1', `${salt}==`)],
    [encoded('m=19456,t=2,p=1', `${salt.slice(0, -1)}B`)],
    [encoded('m=19456,t=2,p=1', salt, 'AAAAAAAA')],
    [encoded('m=19456,t=2,p=1', salt, 'A'.repeat(87))],
    [encoded('m=19456,t=2,p=1').replace('v=19', 'v=18')],
    [encoded('m=19456,t=2,p=1').replace('argon2id', 'argon2')],
    [encoded('m=19456,t=2,p=1').replace('argon2id', '__proto__')],
    [`${encoded('m=19456,t=2,p=1')}\n`],
    ['5f4dcc3b5aa765d61d8327deb882cf99'],
    [`pepper-v1:${keyring.active}:${encoded('m=19456,t=2,p=1')}`],
  ])('matches no password, has the work of a wrong one, and cannot be imported: %#', async (stored) => {
    expect(isImportable(stored)).toBe(false);
    expect(await verifyImported(stored, 'solidarity')).toBeNull();
    expect(runs).toEqual([]);
    expect(await verify(stored, 'solidarity')).toEqual(wrong);
    expect(runs).toEqual([ours]);
  });

  it.each([known, made, made.replace('2b', '2a'), made.replace('2b', '2y'), made.replace('$04$', '$14$'), encoded('m=8,t=1,p=1')])(
    'is distinguished from a valid one: %#',
    (stored) => {
      expect(isImportable(stored)).toBe(true);
      expect(stored.length).toBeLessThanOrEqual(500);
    },
  );
});

describe('the hasher', () => {
  it.each([
    ['bcrypt', made],
    ['Argon2', madeByArgon],
  ])('replaces an imported %s hash at the first correct password only', async (_, stored) => {
    const hasher = new PasswordHasher(keyring, cost);
    expect(await hasher.verify('wrong', async () => stored)).toEqual({ isRight: false, stored, renewed: null });
    const { isRight, renewed } = await hasher.verify('solidarity', async () => stored);
    expect(isRight).toBe(true);
    expect(await hasher.verify('solidarity', async () => renewed)).toEqual({ isRight: true, stored: renewed, renewed: null });
  });

  it('hashes the whole password after bcrypt compared a part: then every character counts', async () => {
    const hasher = new PasswordHasher(keyring, cost);
    const long = 'x'.repeat(100);
    const stored = await bcrypt(long, 4);
    const { renewed } = await hasher.verify(long, async () => stored);
    expect((await hasher.verify(long, async () => renewed)).isRight).toBe(true);
    expect((await hasher.verify('x'.repeat(72), async () => renewed)).isRight).toBe(false);
  });
});
