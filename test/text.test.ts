import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  type GraphQLEnumType,
  type GraphQLInputObjectType,
  type GraphQLSchema,
} from 'graphql';
import { secretInputs } from '../src/http/clean-text.ts';
import { listingOf } from '../src/entities/listing.ts';
import { cleaned, isLonger } from '../src/entities/text.ts';
import { buildExecutable } from '../src/schema.ts';
import type { TypeMappings } from '../src/reading/mapping.ts';
import { aLocal, type Local } from './support/local.ts';

let local: Local;
let schema: GraphQLSchema;
let mappings: TypeMappings;

beforeAll(async () => {
  local = await aLocal();
  ({ schema, mappings } = buildExecutable(local.database.orm.getMetadata()));
});

interface Page {
  readonly nodes: readonly Record<string, string>[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
}

type Nodes<Node> = Record<string, { nodes: Node[] }>;

const add = (number: string, firstName: string, lastName: string, more: object = {}) =>
  local.officer.ask<{ createMember: { id: string; lastName: string } }>(
    'mutation ($input: CreateMemberInput!) { createMember(input: $input) { id firstName lastName notes } }',
    { input: { memberNumber: number, firstName, lastName, classification: 'JOURNEYMAN', ...more } },
  );

const found = async (filter: object, who: 'officer' | 'organizer' = 'officer'): Promise<string[]> => {
  const query = 'query ($filter: MemberFilter) { members(first: 100, filter: $filter) { nodes { memberNumber } } }';
  return (await local[who].see<Nodes<{ memberNumber: string }>>(query, { filter }))['members']?.nodes.map(
    ({ memberNumber }) => memberNumber,
  ) as string[];
};

describe('orders', () => {
  it('by an enumeration use the order of its values, in every list', async () => {
    let asked = 0;
    for (const { name, type, args } of Object.values(schema.getQueryType()?.getFields() ?? {})) {
      const orders = args.find((arg) => arg.name === 'orderBy');
      if (!orders) continue;
      const mapping = mappings.get(getNamedType(type).name.replace(/Connection$/, ''));
      const by = (getNamedType(orders.type) as GraphQLInputObjectType).getFields()['field']?.type;
      for (const value of (getNamedType(by as never) as unknown as GraphQLEnumType).getValues()) {
        const field = value.value as string;
        const published = getNamedType(
          (schema.getType(mapping?.type as string) as never as { getFields(): never }).getFields()[field]['type'],
        );
        if (!isEnumType(published)) continue;
        const names = published.getValues().map((each) => each.name);
        for (const direction of ['ASC', 'DESC']) {
          const query = `query ($after: String) { ${name}(first: 7, after: $after, orderBy: { field: ${value.name}, direction: ${direction} })
            { nodes { ${field} } pageInfo { hasNextPage endCursor } } }`;
          const places: number[] = [];
          for (let after: string | null = null, more = true; more;) {
            const page: Page | undefined = (await local.admin.see<Record<string, Page>>(query, { after }))[name];
            if (!page) throw new Error(`${name} answers no page`);
            places.push(...page.nodes.map((node) => names.indexOf(node[field] as string)));
            ({ endCursor: after, hasNextPage: more } = page.pageInfo);
          }
          const sorted = [...places].sort((one, other) => (direction === 'ASC' ? one - other : other - one));
          expect([name, field, direction, places]).toEqual([name, field, direction, sorted]);
          expect(new Set(places).size).toBeGreaterThan(1);
          asked += 1;
        }
      }
    }
    expect(asked).toBe(16);
  });

  it('by number continue after the 9,999th case of a year', async () => {
    const ofYear = `grievance_number like 'GR-2025-%' and deleted_at is null`;
    const rows = await local.sql(`select id, grievance_number as n from grievances where ${ofYear} order by 2 limit 2`, []);
    const [first, second] = rows as { id: string; n: string }[];
    await local.sql(`update grievances set grievance_number = 'GR-2025-9999' where id = $1`, [first?.id]);
    await local.sql(`update grievances set grievance_number = 'GR-2025-10000' where id = $1`, [second?.id]);
    try {
      const query = `{ grievances(first: 100, filter: { filedDate: { gte: "2025-01-01", lte: "2025-12-31" } },
        orderBy: { field: GRIEVANCE_NUMBER }) { nodes { grievanceNumber } } }`;
      const numbers = (await local.officer.see<Nodes<{ grievanceNumber: string }>>(query))['grievances']?.nodes;
      expect(numbers?.slice(-2).map(({ grievanceNumber }) => grievanceNumber)).toEqual(['GR-2025-9999', 'GR-2025-10000']);
    } finally {
      for (const { id, n } of rows as { id: string; n: string }[])
        await local.sql('update grievances set grievance_number = $2 where id = $1', [id, n]);
    }
  });

  it('refuse a cursor of an earlier version', async () => {
    const { id } = (await local.sql('select id from members limit 1', []))[0] as { id: string };
    const after = Buffer.from(JSON.stringify(['lastName', 'ASC', 'Smith', id])).toString('base64url');
    const { errors } = await local.officer.ask('query ($after: String) { members(after: $after) { nodes { id } } }', { after });
    expect(errors[0]?.extensions).toMatchObject({
      code: 'BAD_INPUT',
      fields: [{ path: 'after', message: 'is a cursor from an earlier version: request the first page again' }],
    });
  });

  it('by name ignore case and accents, by last and then first name, page by page', async () => {
    const people: [string, string][] = [
      ['Zoë', 'azymov'],
      ['adam', 'Ázymov'],
      ['Bea', 'AZYMOV'],
      ['Ann', 'Azymova'],
      ['Al', "A'zymov"],
    ];
    for (const [place, [first, last]] of people.entries()) expect((await add(`ORD${place}`, first, last)).errors).toEqual([]);
    const names: string[] = [];
    for (let after: string | null = null; names.length < 5;) {
      const query = `query ($after: String) { members(first: 1, after: $after, filter: { lastName: { contains: "azymov" } })
        { nodes { firstName } pageInfo { endCursor } } }`;
      const { members }: { members: { nodes: { firstName: string }[]; pageInfo: { endCursor: string } } } = await local.officer.see(query, {
        after,
      });
      names.push(...members.nodes.map(({ firstName }) => firstName));
      after = members.pageInfo.endCursor;
    }
    expect(names).toEqual(['adam', 'Al', 'Bea', 'Zoë', 'Ann']);
  });
});

describe('submitted text', () => {
  it('is composed, so that both spellings of a name match', async () => {
    const answer = await add('NFC1', 'Ana', 'Nu\u0301n\u0303ez');
    expect(answer.data.createMember.lastName).toBe('Núñez'.normalize('NFC'));
    expect(await found({ lastName: { eq: 'Núñez'.normalize('NFD') } })).toContain('NFC1');
    expect(await found({ lastName: { eq: 'Núñez'.normalize('NFC') } })).toContain('NFC1');
  });

  it('is composed in a literal as well', async () => {
    const { members } = await local.officer.see<Record<'members', { nodes: unknown[] }>>(
      '{ members(filter: { lastName: { in: ["Nu\u0301n\u0303ez"] } }) { nodes { id } } }',
    );
    expect(members.nodes).toHaveLength(1);
  });

  it.each(['\u200B', '\u3164', '\u2060\uFEFF', '\u202E', '\u200D', '\u2800', '\uFE0F', '\u0007', '\u0085', '\uFFF9\uFFFB'])(
    '%j is invisible, and cannot be a name',
    async (name) => {
      const { errors } = await add('NONE1', 'Ann', name);
      expect(errors[0]?.extensions).toMatchObject({
        code: 'BAD_INPUT',
        fields: [{ path: 'input.lastName', message: 'must not be empty' }],
      });
    },
  );

  it.each([
    ['Sm\u200Bith', 'Smith'],
    ['\u202EhtimS\u202C', 'htimS'],
    ['Smi\u200Dth', 'Smith'],
    ['1\u2060A', '1A'],
    ['co\u00ADop', 'coop'],
    ['\u001B[31mAda\u007F', '[31mAda'],
    ['👩\u200D👩\u200D👧 ok', '👩\u200D👩\u200D👧 ok'],
    ['❤\uFE0F', '❤\uFE0F'],
    ['\u{1F3F4}\u{E0067}\u{E0062}\u{E007F}', '\u{1F3F4}\u{E0067}\u{E0062}\u{E007F}'],
    ['A\u{E0067}', 'A'],
    ['می\u200Cخواهم', 'می\u200Cخواهم'],
    ['क्\u200Dष', 'क्\u200Dष'],
    ['one\ntwo\tthree', 'one\ntwo\tthree'],
  ])('%j becomes %j', (given, taken) => {
    expect(cleaned(given)).toBe(taken);
    expect(cleaned(taken)).toBe(taken);
  });

  it('has as many characters as PostgreSQL counts', async () => {
    expect((await add('LEN1', '😀'.repeat(100), 'Long')).errors).toEqual([]);
    const { errors } = await add('LEN2', '😀'.repeat(101), 'Long');
    expect(errors[0]?.extensions).toMatchObject({ fields: [{ path: 'input.firstName', message: 'must have at most 100 characters' }] });
    expect([isLonger('😀'.repeat(3), 3), isLonger('😀'.repeat(4), 3), isLonger('abc', 3), isLonger('abcd', 3)]).toEqual([
      false,
      true,
      false,
      true,
    ]);
  });

  it('is not changed if it is a secret', () => {
    const names = Object.values(schema.getTypeMap())
      .filter(isInputObjectType)
      .flatMap((type) => Object.keys(type.getFields()));
    const roots = ['Query', 'Mutation'].flatMap((root) =>
      Object.values((schema.getType(root) as never as { getFields(): Record<string, { args: { name: string }[] }> }).getFields()).flatMap(
        ({ args }) => args.map(({ name }) => name),
      ),
    );
    const secret = [...names, ...roots].filter((name) => /password|token|kit|challenge|^code$|^value$/i.test(name));
    expect([...new Set(secret)].sort()).toEqual([...secretInputs].sort());
  });
});

describe('filters', () => {
  it('find parts of a text without regard to accents, case and apostrophes', async () => {
    await add('CON1', 'Inés', 'Ávila');
    await add('CON2', 'Pat', "O'Brien-Łukasz");
    expect(await found({ lastName: { contains: 'avila' } })).toContain('CON1');
    expect(await found({ lastName: { contains: 'AVILA' } })).toContain('CON1');
    for (const text of ['o’brien', "O'BRIEN", 'obrien', 'lukasz']) expect(await found({ lastName: { contains: text } })).toContain('CON2');
    expect(await found({ lastName: { contains: 'a_ila' } })).not.toContain('CON1');
  });

  it('compare member numbers without regard to case, and each number is unique', async () => {
    await add('Num7a', 'Nu', 'Mber');
    expect(await found({ memberNumber: { eq: 'nUM7A' } })).toEqual(['Num7a']);
    expect(await found({ memberNumber: { in: ['num7a', 'none'] } })).toEqual(['Num7a']);
    const { errors } = await add('NUM7A', 'Nu', 'Mber');
    expect(errors[0]?.extensions).toMatchObject({ code: 'BAD_INPUT', fields: [{ path: 'input.memberNumber', message: 'is taken' }] });
  });
});

describe('a search', () => {
  beforeAll(async () => {
    await add('SE4711', 'Adám', 'Smithers', { middleName: 'Quincy', phone: '(555) 867-5309', email: 'adam.q@search.test' });
  });

  it.each([
    'Adam Smithers',
    'smithers adam',
    'mither qui',
    'se4711',
    '4711 adam',
    'adam.q@search.test',
    'ADAM.Q@SEARCH',
    '5558675309',
    '(555) 867-5309',
    '+1 555 867 5309',
    '867-5309',
    'adam 5309',
    '  adam   smithers ',
    'Smithers, Adam Q.',
    'smithers,adam;4711',
  ])('for %j finds the member', async (search) => {
    expect(await found({ search })).toContain('SE4711');
  });

  it('finds a name of digits and punctuation, and a part of a telephone number', async () => {
    const make = 'mutation ($input: CreateOrganizationInput!) { createOrganization(input: $input) { id } }';
    await local.officer.ask(make, { input: { name: '24/7 Staffing', orgType: 'EMPLOYER' } });
    const named = async (search: string) =>
      (
        await local.officer.see<Nodes<{ name: string }>>(
          'query ($search: String) { organizations(filter: { search: $search }) { nodes { name } } }',
          { search },
        )
      )['organizations']?.nodes.map(({ name }) => name);
    expect(await named('24/7 staffing')).toEqual(['24/7 Staffing']);
    expect(await named('--')).toEqual([]);
    expect(await found({ search: 'smithers (555)' })).toContain('SE4711');
  });

  it.each(['adam jones-nobody', '5558675308', 'adam.q@other.test', 'sm%thers', '_dam smithers'])(
    'for %j does not find the member',
    async (search) => {
      expect(await found({ search })).not.toContain('SE4711');
    },
  );

  it.each(['adam.q@search.test', '5558675309', '867-5309', 'adam search.test'])(
    'for %j reveals nothing to an organizer',
    async (search) => {
      expect(await found({ search }, 'organizer')).not.toContain('SE4711');
      expect(await found({ search: 'adam smithers' }, 'organizer')).toContain('SE4711');
    },
  );

  it('filters nothing if it is blank, and has limits', async () => {
    expect(await found({ search: ' ' })).toEqual(await found({}));
    const { errors } = await local.officer.ask('query ($filter: MemberFilter) { members(filter: $filter) { nodes { id } } }', {
      filter: { search: 'a '.repeat(11) },
    });
    expect(errors[0]?.extensions).toMatchObject({ fields: [{ path: 'filter.search', message: 'must have at most 10 words' }] });
  });

  it('covers the documented fields of each list', () => {
    const searched = [...mappings.values()].filter(({ entity }) => listingOf(entity)?.search);
    expect([...new Set(searched.map(({ entity }) => entity.name))].sort()).toEqual(['Member', 'Organization', 'User']);
  });
});
