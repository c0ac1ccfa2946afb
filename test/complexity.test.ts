import { beforeAll, describe, expect, it } from '@jest/globals';
import { aLocal, type Local } from './support/local.ts';

let local: Local;
beforeAll(async () => {
  local = await aLocal({ environment: { LIMIT_SIGN_IN: '9999/300' } });
  await local.officer.token();
});

/** Sends a query, and returns its result and the number of statements, without those of the session. */
async function asked(query: string, variables: object = {}) {
  const before = local.heard.length;
  const { codes, errors, status } = await local.officer.ask(query, variables);
  return { codes, message: errors[0]?.message, status, statements: local.heard.length - before };
}

const page = (size: number, inner = ''): string => `grievances(first: ${size}) { nodes { id ${inner} } }`;

/**
 * Returns `member { grievances { … id } }` nested to this depth below a grievance, without counting wrappers of rows.
 */
const deep = (levels: number, isMember = false): string => {
  if (levels === 0) return 'id';
  return isMember ? `grievances(first: 1) { nodes { ${deep(levels - 1)} } }` : `member { ${deep(levels - 1, true)} }`;
};

describe('an operation may contain', () => {
  it.each<[what: string, query: string]>([
    ['8 levels, the rows of pages not counted', `{ grievances(first: 1) { nodes { ${deep(6)} } } }`],
    ['10 aliases, which are 10 root fields', `{ ${Array.from({ length: 10 }, (_, at) => `a${at}: me { id }`).join(' ')} }`],
    [
      '5,000 objects: 36 pages of 100 in one, and what is about them',
      `{ ${page(100, 'member { id grievances(first: 46) { nodes { id } } }')} }`,
    ],
    ['the schema, whole', '{ __schema { types { fields { type { ofType { ofType { ofType { ofType { ofType { name } } } } } } } } } }'],
    ['its one proof of who asks', 'mutation { reauthenticate(input: { password: "unionhall-dev" }) }'],
    [
      'codes of records',
      '{ a: agreements(filter: { code: { eq: "A" } }) { totalCount } b: agreements(filter: { code: { eq: "B" } }) { totalCount } }',
    ],
    [
      'new records with codes',
      'mutation { a: createBargainingUnit(input: { name: "A", code: "A" }) { id } b: createBargainingUnit(input: { name: "B", code: "B" }) { id } }',
    ],
  ])('%s', async (_what, query) => {
    expect(await asked(query)).toMatchObject({ codes: [], status: 200 });
  });
});

describe('it is refused before any statement except the one for the session:', () => {
  it.each<[what: string, query: string, said: RegExp, variables?: object]>([
    ['9 levels', `{ grievances(first: 1) { nodes { ${deep(7)} } } }`, /9 levels deep/],
    [
      '9 levels by fragments',
      `{ grievances(first: 1) { ...a } } fragment a on GrievanceConnection { edges { node { ${deep(7)} } } }`,
      /9 levels/,
    ],
    ['30 levels', `{ grievances(first: 1) { nodes { ${deep(28)} } } }`, /30 levels deep/],
    ['11 aliases', `{ me { id ${Array.from({ length: 11 }, (_, at) => `a${at}: username`).join(' ')} } }`, /11 aliases/],
    [
      '6 aliases spread twice',
      `{ me { ...a } x: me { ...a } } fragment a on User { ${Array.from({ length: 6 }, (_, at) => `a${at}: id`).join(' ')} }`,
      /13 aliases/,
    ],
    [
      '11 root fields',
      `{ me { id } isConfigured permissions { type } sessions { id } roles { id } users { totalCount } members { totalCount }
      organizations { totalCount } grievances { totalCount } benevolenceApplications { totalCount } saltingActivities { totalCount } }`,
      /11 root fields/,
    ],
    [
      'pages under each employer that organizing is about',
      '{ organizingSummary { organization { grievances(first: 100) { nodes { id } } } } }',
      /up to 10300 objects/,
    ],
    [
      'pages under each employer of a summary',
      '{ grievanceSummary { byEmployer { employer { grievances(first: 100) { nodes { id } } } } } }',
      /up to 10301 objects/,
    ],
    ['pages of 100 in pages of 100', `{ ${page(100, 'member { grievances(first: 100) { nodes { id } } }')} }`, /up to 10301 objects/],
    [
      'the same by variables',
      `query ($size: Int) { grievances(first: $size) { nodes { member { grievances(last: $size) { edges { node { id } } } } } } }`,
      /up to 20301 objects/,
      { size: 100 },
    ],
    [
      'pages of an endless size',
      `query ($size: Int) { grievances(first: $size) { nodes { member { grievances(first: $size) { nodes { id } } } } } }`,
      /up to 10301 objects/,
      { size: 2_000_000_000 },
    ],
    [
      'the same by the default of a variable',
      `query ($size: Int = 100) { grievances(first: $size) { nodes { member { grievances(last: $size) { edges { node { id } } } } } } }`,
      /up to 20301 objects/,
    ],
    [
      'pages of 20 in one another, not asked by size',
      '{ grievances { nodes { member { grievances { nodes { member { grievances { nodes { id } } } } } } } } }',
      /up to 9261 objects/,
    ],
    [
      'lists in lists in pages',
      `{ ${page(100, 'steps { id } history { id actor { id } } employer { contacts { id } } member { employments { organization { contacts { id } } } benevolenceApplications(first: 1) { nodes { reviews { reviewer { id } } history { actor { id } } } } }')} }`,
      /objects/,
    ],
    [
      'two sign-ins',
      'mutation { a: logout b: reauthenticate(input: { password: "a" }) c: reauthenticate(input: { password: "b" }) }',
      /only one field that takes a password/,
    ],
    [
      'a hundred of them',
      `mutation { ${Array.from({ length: 100 }, (_, at) => `a${at}: reauthenticate(input: { password: "p${at}" })`).join(' ')} }`,
      /100 (aliases|root fields)/,
    ],
    [
      'a sign-in and a code',
      'mutation { login(input: { identifier: "a", password: "b" }) { __typename } completeLogin(input: { challenge: "a", code: "1" }) { expiresIn } }',
      /only one field that takes a password/,
    ],
    [
      'depth behind a union',
      `mutation { login(input: { identifier: "a", password: "b" }) { ... on SignedIn { user { member { ${deep(7, true)} } } } } }`,
      /levels deep/,
    ],
  ])('%s', async (_what, query, said, variables = {}) => {
    const { codes, message, statements } = await asked(query, variables);
    expect([codes, message]).toEqual([['TOO_COMPLEX'], expect.stringMatching(said)]);
    expect(statements).toBeLessThanOrEqual(1);
  });

  it('never because of a part that is skipped', async () => {
    const query = `query ($no: Boolean!) { me { id } ${page(100, 'member { grievances(first: 100) @include(if: $no) { nodes { id } } }')} }`;
    expect((await asked(query, { no: false })).codes).toEqual(['TOO_COMPLEX']); // allowed queries are counted
  });

  it('with 4xx for clients that support it', async () => {
    const ask = (accept: string) =>
      fetch(`${local.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept },
        body: JSON.stringify({ query: `{ me { ${Array.from({ length: 11 }, (_, at) => `a${at}: id`).join(' ')} } }` }),
      });
    expect((await ask('application/graphql-response+json')).status).toBe(400);
    expect((await ask('application/json')).status).toBe(200);
  });
});

describe('the limits', () => {
  it('are configurable', async () => {
    const wide = await aLocal({ environment: { MAX_ALIASES: '2', MAX_DEPTH: '1', MAX_COST: '3', MAX_ROOT_FIELDS: '1' } });
    const codesOf = async (query: string) => (await wide.anonymous.ask(query)).codes;
    expect(await codesOf('{ a: isConfigured }')).toEqual([]);
    expect(await codesOf('{ a: isConfigured isConfigured }')).toEqual(['TOO_COMPLEX']);
    expect(await codesOf('{ permissions { type } }')).toEqual(['TOO_COMPLEX']);
  });
});
