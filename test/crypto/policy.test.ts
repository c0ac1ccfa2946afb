import { dictionary } from '@zxcvbn-ts/language-common';
import { describe, expect, it } from '@jest/globals';
import { commonPasswords, passwordProblems } from '../../src/services/crypto/policy.ts';

const personal = ['Rosa', 'Parks', 'Rosa Parks', 'rosa.parks', 'r.parks+union@local-79.test', ''];
const problems = (password: string, changes = {}) => passwordProblems(password, { minLength: 8, personal, ...changes });
const short = ['must have at least 8 characters'];
const long = ['must have at most 128 characters'];
const common = ['must not be one of the most common passwords'];
const own = ['must not be your own name, username or e-mail address'];

describe('a new password', () => {
  it.each([
    'correct horse',
    'zqxwvuts',
    '        !',
    'solidarität',
    '团结就是力量永远',
    '🔨🔧🪚🪛🔩🪜🧰⛏️',
    'x'.repeat(128),
    '🔨'.repeat(128),
    'rosa parks rode the bus',
  ])('may be %j: there are no composition rules', (password) => {
    expect(problems(password)).toEqual([]);
  });

  it.each([
    ['', short],
    ['zqxwvut', short],
    ['🔨🔧🪚🪛🔩🪜🧰', short],
    ['zqxwvuts', []],
  ])('has at least 8 characters, counted as code points: %j', (password, expected) => {
    expect(problems(password)).toEqual(expected);
  });

  it('has the configured minimum length', () => {
    expect(problems('zqxwvutsr', { minLength: 10 })).toEqual(['must have at least 10 characters']);
    expect(problems('zq', { minLength: 1 })).toEqual([]);
    expect(problems('', { minLength: 1 })).toEqual(['must have at least 1 characters']);
  });

  it.each(['x'.repeat(129), '🔨'.repeat(129), 'x'.repeat(100_000)])('has at most 128 characters', (password) => {
    expect(problems(password)).toEqual(long);
  });

  it('is well-formed Unicode', () => {
    expect(problems('zqxwvuts\ud83d')).toEqual(['must be valid Unicode text']);
    expect(problems(`${'x'.repeat(129)}\ud83d`)).toEqual(long);
  });

  it.each(['12345678', 'password1', 'PASSWORD1', 'Trustno1', 'iloveyou', 'qwertyuiop', 'P@ssw0rd'])(
    'is not a common one: %s',
    (password) => {
      expect(problems(password)).toEqual(common);
    },
  );

  it('is not a common one even where short ones are allowed', () => {
    expect(problems('letmein', { minLength: 6 })).toEqual(common);
    expect(problems('123456')).toEqual([...short, ...common]);
  });

  it.each(['password1 ', ' password1', 'password1 password1', 'iloveyou iloveyou'])('may contain a common one: %j', (password) => {
    expect(problems(password)).toEqual([]);
  });

  it.each([
    'rosaparks',
    'Rosa Parks',
    'ROSA PARKS',
    'rosa.parks',
    'Rosa-Parks!',
    'r.parks+union@local-79.test',
    'R.Parks+Union@Local-79.TEST',
    'r.parks+union',
    'RParksUnion',
    'ｒｏｓａ．ｐａｒｋｓ',
  ])('does not contain the user’s own data: %s', (password) => {
    expect(problems(password)).toEqual(own);
  });

  it('is compared with the user’s data in any script, and empty data matches nothing', () => {
    expect(problems('ÉVA-MÜLLER', { personal: ['Éva Müller'] })).toEqual(own);
    expect(problems('e\u0301va mu\u0308ller', { personal: ['Éva Müller'] })).toEqual(own);
    expect(problems('!!!!!!!!', { personal: ['', '@', '---'] })).toEqual([]);
    expect(problems('rosaparks', { personal: [] })).toEqual([]);
  });

  it('gets all its problems reported, and is never shown', () => {
    expect(problems('dragon', { personal: ['Dragon'] })).toEqual([...short, ...common, ...own]);
    expect(problems('dragon', { personal: ['Dragon'] }).join()).not.toContain('dragon');
  });
});

describe('the list of common passwords', () => {
  const shipped = commonPasswords;
  const byFrequency = dictionary['passwords-common'];

  it('contains the 3,000 most common, as in its source', () => {
    expect([...shipped].slice(0, 3000)).toEqual(byFrequency.slice(0, 3000));
  });

  it('contains the 3,000 most common of at least 8 characters, and no more', () => {
    const long = byFrequency.filter((text) => text.length >= 8).slice(0, 3000);
    expect([...shipped].filter((text) => text.length >= 8)).toEqual(long);
    expect([...shipped].slice(3000).every((text) => long.includes(text))).toBe(true);
  });

  it('is refused completely, in lower and upper case', () => {
    const refused = (text: string) => problems(text, { minLength: 1 }).includes(common[0] ?? '');
    for (const text of shipped) expect([text, refused(text), refused(text.toUpperCase())]).toEqual([text, true, true]);
  });
});

describe('a guessable password', () => {
  const guessable = { refusesGuessable: true };
  const refusal = ['must not be a repeated pattern, a keyboard row, or the name of this software'];

  it('is not detected in a text that is too long', () => {
    expect(problems('qwertyuiop'.repeat(13), guessable)).toEqual(long);
  });

  it.each([
    'zzzzzzzzzz',
    '98989898',
    'abzdabzdabzd',
    'Unionhall-2026',
    'unionhall-dev',
    'testpass',
    'TestPass1',
    'qwer-asdf-yxcv',
    'lkjhgfdsa',
    'mnbvcxzlkj',
  ])('such as %s is refused only if that is configured', (password) => {
    expect(problems(password, guessable)).toContain(refusal[0]);
    expect(problems(password)).not.toContain(refusal[0]);
  });

  it.each(['the unionhall on fifth', 'nine quiet geese', 'abc walked with def home', 'zzzzzzzzzzy!x'])(
    'does not include %s',
    (password) => {
      expect(problems(password, guessable)).toEqual([]);
    },
  );
});
