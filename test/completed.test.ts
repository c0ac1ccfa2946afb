import { beforeAll, describe, expect, it } from '@jest/globals';
import { aLocal, type Actor, type Local } from './support/local.ts';

let local: Local;
beforeAll(async () => {
  local = await aLocal();
});

interface Whole {
  readonly data: Record<string, unknown> | null;
  readonly errors?: readonly { readonly path: readonly unknown[]; readonly extensions: { readonly code: string } }[];
  readonly extensions?: { readonly completed?: Record<string, unknown> };
}

/** Returns the whole response with `extensions`. */
async function ask(actor: Actor, query: string, variables: object = {}): Promise<Whole> {
  const response = await fetch(`${local.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${await actor.token()}` },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as Whole;
}

const absent = '01900000-0000-7000-8000-00000000dead';
let made = 0;
const create = (alias: string, more = ''): string =>
  `${alias}: createOrganization(input: { name: "Hall ${(made += 1)}", orgType: EMPLOYER }) ${more} { id name }`;
const refused = (alias: string): string => `${alias}: deleteMember(id: "${absent}") { id }`;
const named = async (name: unknown): Promise<number> => (await local.sql('select id from organizations where name = $1', [name])).length;
const nameOf = (field: unknown): unknown => (field as { name?: unknown } | undefined)?.name;

describe('a mutation of several fields', () => {
  it('returns all results in order if none is refused', async () => {
    const { data, errors, extensions } = await ask(local.staff, `mutation { ${create('b')} ${create('a')} __typename }`);
    expect([Object.keys(data ?? {}), errors, extensions]).toEqual([['b', 'a', '__typename'], undefined, undefined]);
  });

  it('keeps the results before the first refused field, and executes nothing after it', async () => {
    const after = create('three');
    const { data, errors, extensions } = await ask(local.staff, `mutation { ${create('one')} ${refused('two')} ${after} }`);
    expect([data, errors?.map(({ path, extensions: { code } }) => [path, code])]).toEqual([null, [[['two'], 'NOT_FOUND']]]);
    expect(extensions?.completed).toEqual({ one: { id: expect.any(String), name: expect.any(String) } });
    expect(await named(nameOf(extensions?.completed?.['one']))).toBe(1);
    expect(await named(/name: "([^"]*)"/.exec(after)?.[1])).toBe(0);
  });

  it('has no results to keep if the first or the only field is refused', async () => {
    for (const document of [`mutation { ${refused('one')} ${create('two')} }`, `mutation { ${refused('one')} }`]) {
      const { data, errors, extensions } = await ask(local.staff, document);
      expect([data, errors?.length, extensions]).toEqual([null, 1, undefined]);
    }
  });

  it('executes a fragment where it is first selected, and not where a condition excludes it', async () => {
    const query = `mutation ($no: Boolean!) { ...Later @include(if: $no) ${create('first')} ...Later }
      fragment Later on Mutation { ${create('second')} }`;
    const { data } = await ask(local.staff, query, { no: false });
    expect(Object.keys(data ?? {})).toEqual(['first', 'second']);
    const { first, second } = data as Record<string, { id: string }>;
    expect((first?.id ?? '') < (second?.id ?? '')).toBe(true); // ids are in the order of their creation
  });

  it('keeps results of fragments, directives and repeated fields', async () => {
    const query = `mutation ($no: Boolean!, $id: ID!) {
      ...Making
      skipped: deleteMember(id: $id) @skip(if: true) { id }
      ... on Mutation @include(if: $no) { never: deleteMember(id: $id) { id } }
      last: deleteMember(id: $id) { id }
    }
    fragment Making on Mutation { ... { one: createOrganization(input: { name: "Twice", orgType: UNION }) { id } } ...More }
    fragment More on Mutation { one: createOrganization(input: { name: "Twice", orgType: UNION }) { name } }`;
    const { data, errors, extensions } = await ask(local.staff, query, { no: false, id: absent });
    expect([data, errors?.map(({ path }) => path)]).toEqual([null, [['last']]]);
    expect(extensions?.completed).toEqual({ one: { id: expect.any(String), name: 'Twice' } });
    expect(await named('Twice')).toBe(1);
  });

  it('executes nothing if a variable is invalid', async () => {
    const field = create('one');
    const { data, errors, extensions } = await ask(local.staff, `mutation ($id: ID!) { ${field} two: deleteMember(id: $id) { id } }`, {});
    expect([data, errors?.map(({ extensions: { code } }) => code), extensions]).toEqual([undefined, ['BAD_INPUT'], undefined]);
    expect(await named(/name: "([^"]*)"/.exec(field)?.[1])).toBe(0);
  });

  it('keeps the errors of nullable fields beside their results', async () => {
    const query = `mutation { ${create('one')}
      two: createOrganization(input: { name: "Listed", orgType: EMPLOYER }) { name grievances(first: 0) { totalCount } } ${refused('three')} }`;
    const { data, errors, extensions } = await ask(local.staff, query);
    expect([data, errors?.map(({ path }) => path?.join('.'))]).toEqual([null, ['two.grievances', 'three']]);
    expect(extensions?.completed).toMatchObject({ two: { name: 'Listed', grievances: null } });
  });
});
