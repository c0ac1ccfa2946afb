import 'reflect-metadata';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Database } from '../src/database/index.ts';
import { AuditEvent } from '../src/entities/audit.ts';
import { Member } from '../src/entities/member.ts';
import { isGenuine } from '../src/services/audit/event.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { memberColumns } from '../src/services/member/import-members.ts';
import { importMembers } from '../src/services/member/import-members.ts';
import { organizationColumns } from '../src/services/organization/import-organizations.ts';
import { importOrganizations } from '../src/services/organization/import-organizations.ts';
import type { BadLine, ImportedChange, ImportOptions, ImportOutcome } from '../src/services/record/import.ts';
import { freshDatabase } from './support/database.ts';
import { Clock } from './support/local.ts';

const keyring = Keyring.parse(Keyring.generate());
const clock = new Clock();
const tools = { keyring, timeZone: 'America/New_York', now: clock.now };

let database: Database;

beforeAll(async () => {
  database = await freshDatabase({ seeded: true });
});
afterAll(() => database.close());

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

interface Import extends ImportOutcome {
  /** The reported lines. */
  readonly told: string[];
  readonly steps: string[];
}

interface Options {
  readonly into?: Database;
  readonly isTrial?: boolean;
  readonly chunk?: number;
  readonly form?: Pick<ImportOptions, 'ignoresUnknown' | 'dates' | 'encoding' | 'updates' | 'show'>;
}

/** Imports a text in small chunks, so that characters and line ends are split. */
async function importing(
  run: typeof importMembers,
  given: string | Uint8Array,
  { into = database, isTrial = false, chunk = 7, form = {} }: Options = {},
): Promise<Import> {
  const [told, steps]: [string[], string[]] = [[], []];
  const outcome = await run({ em: into.orm.em as SqlEntityManager, ...tools }, inChunks(Buffer.from(given), chunk), {
    isTrial,
    ...form,
    report: ({ line, problems }: BadLine) => void told.push(`${line}: ${problems}`),
    progress: (step, records) => void steps.push(`${step} ${records}`),
  });
  return { ...outcome, told, steps };
}

const members = (given: string | Uint8Array, options?: Options) => importing(importMembers, given, options);
const organizations = (given: string, options?: Options) => importing(importOrganizations, given, options);

/** Returns everything that an import could change. */
const contents = ({ run }: Database = database): Promise<unknown> =>
  Promise.all(
    ['members', 'organizations', 'audit_events'].map((table) =>
      run(`select count(*)::int as rows, md5(string_agg(t::text, '' order by t::text)) from ${table} t`),
    ),
  );

/** Returns the refusals of a file. Nothing of it may be imported. */
async function refusalsOf(given: string | Uint8Array, run = importMembers, form: Options['form'] = {}): Promise<string[]> {
  const before = await contents();
  const { told, added, refused } = await importing(run, given, { form });
  expect({ added, refused }).toEqual({ added: 0, refused: told.length });
  expect(await contents()).toEqual(before);
  return told;
}

/** Returns why a file was rejected before its content was read. */
async function failureOf(given: string | Uint8Array): Promise<string> {
  const before = await contents();
  const error = await members(given).then(
    () => null,
    (each: Error) => each,
  );
  expect([error?.name, await contents()]).toEqual(['ImportError', before]);
  return error?.message ?? '';
}

const rowsLike = (table: string, column: string, pattern: string, { run }: Database = database) =>
  run(`select * from ${table} where ${column} like $1 order by ${column}`, [pattern]);

const header = 'memberNumber,firstName,lastName,classification';

describe('a file of members', () => {
  it('creates its members, with an audit event each', async () => {
    const text = [
      'Member number,first_name,LAST NAME,classification,status,date of birth,hire-date,notes,city,zipCode',
      'CSV001,Zoë,"O\'Hara, Jr.",Journeyman,Retired,1960-02-29,1981-03-01,"said ""yes""\nand left",Troy,01218',
      ' CSV002 , Bo , Lind ,APPRENTICE 4,,,,,,',
      '',
    ].join('\r\n');
    expect(await members(`\uFEFF${text}`)).toEqual({ added: 2, alreadyThere: 0, refused: 0, told: [], steps: ['read 2', 'added 2'] });
    const [zoe, bo] = await rowsLike('members', 'member_number', 'CSV00%');
    expect(zoe).toMatchObject({
      member_number: 'CSV001',
      first_name: 'Zoë',
      last_name: "O'Hara, Jr.",
      classification: 'journeyman',
      status: 'retired',
      date_of_birth: '1960-02-29',
      hire_date: '1981-03-01',
      notes: 'said "yes"\nand left',
      zip_code: '01218',
      deleted_at: null,
    });
    expect(bo).toMatchObject({
      member_number: 'CSV002',
      first_name: 'Bo',
      classification: 'apprentice_4',
      status: 'active',
      city: null,
      notes: null,
    });
    const events = await database.orm.em.fork().find(AuditEvent, { action: 'member.import' }, { filters: false });
    expect(events.map(({ targetId }) => targetId).sort()).toEqual([zoe?.['id'], bo?.['id']].sort());
    expect(new Set(events.map(({ requestId }) => requestId)).size).toBe(1);
    expect(events.every((event) => isGenuine(event, keyring) && event.actor === null && event.targetType === 'Member')).toBe(true);
  });

  it('changes nothing the second time, and adds new lines', async () => {
    const line = 'CSV010,Ada,Roy,foreman';
    expect(await members(`${header}\n${line}\n`)).toMatchObject({ added: 1, alreadyThere: 0 });
    const before = await contents();
    expect(await members(`${header}\n${line}\n`)).toMatchObject({ added: 0, alreadyThere: 1 });
    expect(await contents()).toEqual(before);
    expect(await members(`${header}\n${line}\nCSV011,Bea,Roy,foreman`)).toMatchObject({ added: 1, alreadyThere: 1 });
  });

  it('is only checked in a dry run', async () => {
    const before = await contents();
    expect(await members(`${header}\nCSV020,Ada,Roy,foreman\n`, { isTrial: true })).toMatchObject({ added: 1, steps: ['read 1'] });
    expect(await contents()).toEqual(before);
  });

  it.each(['\n', '\r\n', '\r'])('may use %j at the end of lines', async (end) => {
    const number = `CSV03${end.length}${end.charCodeAt(0)}`;
    expect(await members([header, '', `${number},Ada,Roy,foreman`, '', ''].join(end))).toMatchObject({ added: 1 });
  });

  it('may be long, and is added in order', async () => {
    const lines = Array.from({ length: 1203 }, (_, n) => `CSVL${String(n).padStart(4, '0')},A${n},B,journeyman`);
    const { added, steps } = await members([header, ...lines].join('\n'), { chunk: 4096 });
    expect([added, steps]).toEqual([1203, ['read 500', 'read 1000', 'read 1203', 'added 500', 'added 1000', 'added 1203']]);
    const rows = await database.run(`select first_name from members where member_number like 'CSVL%' order by id`);
    expect(rows.map(({ first_name: name }) => name)).toEqual(lines.map((_, n) => `A${n}`));
  });
});

describe('a line is refused with its number', () => {
  const columns = `${header},email,dateOfBirth,hireDate,status`;

  it.each([
    ['X1,Ada,Roy,foreman,,,', ['2: has 7 cells, but the first line has 8']],
    ['X1,Ada,Roy,foreman,,,,,', ['2: has 9 cells, but the first line has 8']],
    [
      ',,,,,,,x',
      [expect.stringMatching(/^2: memberNumber is missing; firstName is missing: .*; lastName is missing: .*; .*status must be one of/)],
    ],
    ['X-1,Ada,Roy,foreman,,,,', ['2: memberNumber must contain only unaccented letters and digits']],
    [`${'1'.repeat(31)},Ada,Roy,foreman,,,,`, ['2: memberNumber must have at most 30 characters']],
    ['X1,Ada,Roy,boss,,,,', [expect.stringMatching(/^2: classification must be one of apprentice_1, .*honorary$/)]],
    ['X1,Ada,Roy,foreman,ada at home,,,', ['2: email must be an e-mail address']],
    ['X1,Ada,Roy,foreman,,2/3/1980,,', [expect.stringMatching(/^2: dateOfBirth must be a date like 2026-03-01; .* --dates mdy$/)]],
    ['X1,Ada,Roy,foreman,,1980-02-30,,', [expect.stringMatching(/^2: dateOfBirth must be a date like 2026-03-01;/)]],
    ['X1,Ada,Roy,foreman,,,9999-12-31,', ['2: hireDate must not be in the future']],
    ['X1,Ada,Roy,foreman,,2000-01-02,2000-01-01,', ['2: hireDate must be after the date of birth']],
    ['X1,Ada\0,Roy,foreman,,,,', ['2: firstName must not contain NUL or invalid Unicode characters']],
    ['X1\0,Ada,Roy,foreman,,,,', [expect.stringMatching(/^2: memberNumber must not contain NUL or invalid Unicode characters/)]],
    [
      '#,,Roy,boss,x,y,,',
      [expect.stringMatching(/^2: firstName is missing: .*; classification .*; dateOfBirth .*; memberNumber .*; email /)],
    ],
  ])('%j', async (line, told) => {
    expect(await refusalsOf(`${columns}\n${line}\n`)).toEqual(told);
  });

  it('with all its errors, counting blank lines and quoted line breaks, and no valid line is added', async () => {
    const lines = [
      header,
      'OK1,Ada,Roy,foreman',
      '',
      'OK2,"Ad\n\na",Roy,foreman',
      'OK3,,Roy,foreman',
      'OK1,Bea,Roy,foreman',
      'OK4,"Ad\na",Roy,"bo\nss"',
      'ok1,C,D,foreman',
    ];
    expect(await refusalsOf(lines.join('\n'))).toEqual([
      expect.stringMatching(/^7: firstName is missing: /),
      '8: memberNumber is the same as in line 2',
      expect.stringMatching(/^9: classification must be one of/),
      '12: memberNumber is the same as in line 2',
    ]);
  });

  it('that conflicts with an existing or deleted record', async () => {
    await members(`${header}\nCSV040,Ada,Roy,foreman\nCSV041,Bea,Roy,foreman`);
    await database.run(`update members set deleted_at = now() where member_number = 'CSV041'`);
    expect(await refusalsOf(`${header}\nCSV040,Ada,Roy,honorary\nCSV041,Bea,Roy,foreman\nCSV042,Eve,Roy,foreman`)).toEqual([
      '2: memberNumber belongs to a record with other values; use --update to change that record',
      '3: memberNumber belongs to a deleted record',
    ]);
  });

  it('without its content', async () => {
    const [told = ''] = await refusalsOf(`${columns}\nsecret-1,secret-2,,secret-3,secret-4,secret-5,secret-6,secret-7\n`);
    expect(told).not.toContain('secret');
  });
});

describe('an invalid file', () => {
  it.each([
    ['nothing', '', /is empty/],
    ['blank lines', '\n\r\n\n', /is empty/],
    ['the names of columns alone', `${header}\n`, /has no records/],
    [
      'no names of columns',
      'X1,Ada,Roy,foreman\n',
      /^The first line has unknown columns: the column X1, the column Ada, .*\. Known columns: memberNumber, firstName, /,
    ],
    ['a column too few', 'memberNumber,firstName\nX1,Ada\n', /lacks the columns lastName, classification/],
    [
      'a column twice',
      `${header},first_name\nX1,Ada,Roy,foreman,Eve`,
      /has the column firstName twice: the column firstName and the column first_name\. /,
    ],
    [
      'another separator',
      'memberNumber|firstName|lastName|classification\nX1|Ada|Roy|foreman',
      /separated by commas, semicolons or tabs: it has none/,
    ],
    ['a quote that stays open', `${header}\nX1,Ada,Roy,foreman\nX2,"secret`, /^The file cannot be parsed from line 3 on: a quote/],
    [
      'a quote that stays open far above the end',
      `${header}\nX1,Ada,Roy,foreman\nX2,"secret,Roy,foreman\nX3,Eve,Roy,foreman\n`,
      /^The file cannot be parsed from line 3 on, in a record that continues to line \d: a quote/,
    ],
    [
      'a quote that stays open until the next one',
      `${header}\n\nX1,"secret,Roy,foreman\nX2,Eve,Roy,foreman\nX3,"Eve",Roy,foreman\n`,
      /^The file cannot be parsed from line 2 on, in a record that continues to line 5: a quote/,
    ],
    ['a quote within', `${header}\nX1,A"secret"da,Roy,foreman`, /^The file cannot be parsed from line 2 on: a quote/],
    ['a record without an end', `${header}\nX1,"${'x'.repeat(70_000)}`, /more than 65536 characters/],
    ['JSON', '{"memberNumber":"X1"}', /^The f/],
  ])('%s', async (_, given, message) => {
    const told = await failureOf(given);
    expect(told).toMatch(message);
    expect(told).not.toContain('secret');
  });

  it('has another encoding', async () => {
    expect(await failureOf(Buffer.from(`${header}\nX1,Zo\xeb,Roy,foreman\n`, 'latin1'))).toMatch(
      /^The file is not UTF-8\. .*--encoding windows-1252\.$/,
    );
  });

  it('ends in the middle of a character', async () => {
    expect(await failureOf(Buffer.from(`${header}\nX1,Ada,Roy,foreman\nX2,Zoë`).subarray(0, -1))).toMatch(
      /^The file is not UTF-8\. .*--encoding windows-1252\.$/,
    );
  });
});

describe('a file of an office', () => {
  it.each([
    [';', 'OFF1'],
    ['\t', 'OFF2'],
  ])('may separate its cells with %j', async (separator, number) => {
    const lines = [header, `${number},Ada,"Roy${separator}Smith",foreman`].map((line) => line.replaceAll(',', separator));
    expect(await members(lines.join('\r\n'))).toMatchObject({ added: 1, told: [] });
    const name = `Roy${separator}Smith`;
    expect(await rowsLike('members', 'member_number', number)).toMatchObject([{ last_name: name }]);
  });

  it.each(['Member #', 'MEMBER NO.', 'member no', 'Member_Number', '"Member\tnumber"'])('may name a column %s', async (name) => {
    const text = `${name},First Name,LAST-NAME,Classification\nOFFX,Ada,Roy,foreman`;
    expect(await members(text, { isTrial: true })).toMatchObject({ added: 1 });
  });

  it.each([',', ';', '\t'])('may have line breaks and other separators in its column names, between %j', async (separator) => {
    const names = ['"Member\r\nnumber"', '"First\nname"', '"Last\n,;\t\nname"', 'lastName', 'Classification'];
    const text = [names, ['OFF9', 'Ada', '', 'Roy', 'foreman']].map((cells) => cells.join(separator)).join('\r\n');
    expect(await members(text, { isTrial: true, form: { ignoresUnknown: true } })).toMatchObject({ added: 1, told: [] });
    expect(await refusalsOf(text.replace('Ada', ''), importMembers, { ignoresUnknown: true })).toEqual([
      expect.stringMatching(/^6: firstName/),
    ]);
  });

  it.each([',', ';', '\t'])('may begin with the line sep=%s', async (separator) => {
    const text = `sep=${separator}\r\n${header}\r\nOFF9,Ada,Roy,foreman`.replaceAll(',', separator);
    expect(await members(text, { isTrial: true })).toMatchObject({ added: 1, told: [] });
    expect(await refusalsOf(text.replace('Ada', ''))).toEqual([expect.stringMatching(/^3: firstName/)]);
  });

  it('may have empty rows and an empty column at its end', async () => {
    const text = `${header},\nOFF3,Ada,Roy,foreman,\n,,,,\n , ,,,\n,,,,`;
    expect(await members(text)).toMatchObject({ added: 1, told: [] });
    expect(await refusalsOf(`${header},\n,,,,\nOFF4,Ada,Roy,foreman,note`)).toEqual([
      '3: has text in column 5, which has no name in the first line',
    ]);
  });

  it.each(['\n', '\r\n', '\r'])('is refused with the line numbers of an editor, where lines end with %j', async (end) => {
    const lines = [header, `OK1,"Ad${end}${end}a",Roy,foreman`, '', `OK2,"A${end}b","c${end}d",foreman`, 'OK3,,Roy,foreman'];
    expect(await refusalsOf(lines.join(end))).toEqual([expect.stringMatching(/^9: firstName is missing: /)]);
  });

  it('may have unknown columns if they are to be ignored', async () => {
    const text = `Dues,${header}\n12.50,OFF5,Ada,Roy,foreman`;
    const told = /^The first line has unknown columns: the column Dues\. Known columns: .* --ignore-unknown/;
    expect(await failureOf(text)).toMatch(told);
    expect(await members(text, { form: { ignoresUnknown: true } })).toMatchObject({ added: 1, told: [] });
  });

  it('may have dates in the form of the United States', async () => {
    const text = `${header},dateOfBirth,hireDate\nOFF6,Ada,Roy,foreman,2/3/1980,12/31/2001\n`;
    expect(await members(text, { form: { dates: 'mdy' } })).toMatchObject({ added: 1, told: [] });
    const days = { date_of_birth: '1980-02-03', hire_date: '2001-12-31' };
    expect(await rowsLike('members', 'member_number', 'OFF6')).toMatchObject([days]);
  });

  it('may use UTF-16 with a byte order mark, or the encoding that is named', async () => {
    const text = `${header}\nOFF7,Zoë,Roy,foreman\n`;
    expect(await members(Buffer.from(`\uFEFF${text}`, 'utf16le'))).toMatchObject({ added: 1, told: [] });
    const other = Buffer.from(text.replace('OFF7', 'OFF8'), 'latin1');
    expect(await members(other, { form: { encoding: 'windows-1252' } })).toMatchObject({ added: 1, told: [] });
    for (const number of ['OFF7', 'OFF8'])
      expect(await rowsLike('members', 'member_number', number)).toMatchObject([{ first_name: 'Zoë' }]);
  });

  it('identifies a member regardless of the case of the number, and composes its text', async () => {
    expect(await members(`${header}\noff9a,Nu\u0301n\u0303ez,Roy,foreman`)).toMatchObject({ added: 1 });
    const name = 'Núñez'.normalize('NFC');
    expect(await rowsLike('members', 'member_number', 'off9a')).toMatchObject([{ first_name: name }]);
    expect(await refusalsOf(`${header}\nOFF9A,Ada,Roy,foreman`)).toEqual([
      '2: memberNumber belongs to a record with other values; use --update to change that record',
    ]);
    expect(await refusalsOf(`${header}\nx9,Ada,Roy,foreman\nX9,Bea,Roy,foreman`)).toEqual(['3: memberNumber is the same as in line 2']);
  });
});

describe('a file of organizations', () => {
  const columns = 'name,orgType,unitSize,city,website,saltingScore';

  it('creates its organizations, also two of the same name', async () => {
    const text = `${columns}\nCSV Iron,Employer,40,Troy,https://iron.example,3\nCSV Iron,training partner,,Utica,,\n`;
    expect(await organizations(text)).toMatchObject({ added: 2, told: [] });
    expect(await rowsLike('organizations', 'name', 'CSV Iron')).toHaveLength(2);
    expect(
      await database.run(
        `select org_type, unit_size, city, website, salting_score from organizations where name = 'CSV Iron' order by city`,
      ),
    ).toEqual([
      { org_type: 'employer', unit_size: 40, city: 'Troy', website: 'https://iron.example', salting_score: 3 },
      { org_type: 'training_partner', unit_size: null, city: 'Utica', website: null, salting_score: null },
    ]);
    const before = await contents();
    expect(await organizations(text)).toMatchObject({ added: 0, alreadyThere: 2 });
    expect(await contents()).toEqual(before);
  });

  it('is refused with its line numbers', async () => {
    const lines = [columns, 'CSV A,employer,0,,,', 'CSV A,club,1.5,,ftp://x,9', 'CSV B,jatc,,,,', 'CSV B,jatc,,,,'];
    expect(await refusalsOf(lines.join('\n'), importOrganizations)).toEqual([
      '2: unitSize must be more than zero',
      '3: orgType must be one of employer, union, training_partner, jatc; unitSize must be a whole number; website must be a web address that begins with http:// or https://; saltingScore must be from 1 to 5',
      '5: is the same as in line 4',
    ]);
  });
});

describe('the columns of an office', () => {
  const namesOf = (columns: Readonly<Record<string, { names?: readonly string[] }>>) =>
    Object.entries(columns).flatMap(([column, { names = [] }]) => names.map((name) => [name, column] as const));

  it('may have custom names', async () => {
    const text = [
      'Member #,First,Last,Class,Zip code,Telephone,E-mail,DOB,Date hired',
      'NAME1,Ada,Roy,Foreman,12180,518 555 0100,ada@roy.example,1/2/1980,3/4/2001',
    ].join('\n');
    expect(await members(text, { form: { dates: 'mdy' } })).toMatchObject({ added: 1, told: [] });
    const row = {
      zip_code: '12180',
      phone: '518 555 0100',
      email: 'ada@roy.example',
      date_of_birth: '1980-01-02',
      hire_date: '2001-03-04',
    };
    expect(await rowsLike('members', 'member_number', 'NAME1')).toMatchObject([row]);
    expect(await organizations('Employer,Type,Workers,URL\nNAME Works,employer,40,https://name.example')).toMatchObject({ added: 1 });
    expect(await rowsLike('organizations', 'name', 'NAME Works')).toMatchObject([{ unit_size: 40, website: 'https://name.example' }]);
  });

  it.each(namesOf(memberColumns))('%s becomes %s', async (name, column) => {
    const needed = ['memberNumber', 'firstName', 'lastName', 'classification'];
    const told = await failureOf(`${[...needed, column, name].filter((each, place, all) => all.indexOf(each) === place).join(',')}\nX`);
    expect(told).toContain(`has the column ${column} twice: the column ${column} and the column ${name}.`);
  });

  it('are refused if two have the same meaning, with what to do', async () => {
    const text = `${header},Phone,Cell\nNAME2,Ada,Roy,foreman,1,2`;
    expect(await failureOf(text)).toMatch(/has the column phone twice: the column Phone and the column Cell\. .* use --ignore-unknown\.$/);
    const renamed = text.replace('Cell', 'Second phone');
    expect(await members(renamed, { form: { ignoresUnknown: true } })).toMatchObject({ added: 1 });
    expect(await rowsLike('members', 'member_number', 'NAME2')).toMatchObject([{ phone: '1' }]);
  });

  it('are listed in the documentation', async () => {
    const rows = (await readFile('docs/import.md', 'utf8')).matchAll(/^\| `(\w+)` +\| (.*?) *\|$/gm);
    const listed = [...rows].map(([, column = '', names = '']) => [column, names]);
    const known = [...Object.entries<{ names?: readonly string[] }>(memberColumns), ...Object.entries(organizationColumns)];
    const namesIn = ({ names = [] }: { names?: readonly string[] }) => names.map((name) => `\`${name}\``).join(', ');
    expect(listed).toEqual(known.map(([column, cell]) => [column, namesIn(cell)]));
  });
});

describe('the name of a member', () => {
  it('of one word is refused with what to enter', async () => {
    const oneName = 'for a person with one name, enter it as lastName and FNU (first name unknown) as firstName';
    expect(await refusalsOf(`${header}\nONE1,,Suharto,foreman\nONE2,Suharto,,foreman`)).toEqual([
      `2: firstName is missing: ${oneName}`,
      `3: lastName is missing: ${oneName}`,
    ]);
  });

  it('may have a suffix in a separate column, which is appended to the last name', async () => {
    const lines = ['SUF1,Ada,Hall,foreman,Jr.', 'SUF2,Bea,Hall,foreman,', 'SUF3,Cy,"Hall, Jr",foreman,JR.', 'SUF4,Di,Hallam,foreman,III'];
    const text = [`${header},Suffix`, ...lines].join('\n');
    expect(await members(text)).toMatchObject({ added: 4, told: [] });
    const sql = `select last_name from members where member_number like 'SUF%' order by last_name, first_name`;
    expect((await database.run(sql)).map(({ last_name: name }) => name)).toEqual(['Hall', 'Hall Jr.', 'Hall, Jr', 'Hallam III']);
    expect(await members(text)).toMatchObject({ added: 0, alreadyThere: 4 });
    const long = `${header},suffix\nSUF5,Ada,${'x'.repeat(98)},foreman,III`;
    expect(await refusalsOf(long)).toEqual(['2: lastName must have at most 100 characters']);
    expect(await refusalsOf(`${header},suffix\nSUF5,Ada,,foreman,III`)).toEqual([expect.stringMatching(/^2: lastName is missing/)]);
  });
});

describe('an update', () => {
  const columns = `${header},phone,dateOfBirth,hireDate`;
  const file = (start: string, phones: readonly string[]) =>
    [columns, ...phones.map((phone, n) => `${start}${n},Ada,Roy,foreman,${phone},1980-01-02,`)].join('\n');
  const updates = { form: { updates: true } };

  it('changes only the values that differ', async () => {
    const phones = ['1', '2', '3', '4', '5', '6', '7'];
    await members(file('UPD', phones));
    const others = phones.map((phone, n) => (n > 0 && n < 6 ? `${phone}00` : phone));
    expect(await refusalsOf(file('UPD', others))).toHaveLength(5);
    const before = await contents();
    const shown: ImportedChange[] = [];
    const trial = { isTrial: true, form: { updates: true, show: (change: ImportedChange) => void shown.push(change) } };
    expect(await members(file('UPD', others), trial)).toMatchObject({ added: 0, updated: 5, alreadyThere: 2 });
    expect(shown).toHaveLength(5);
    expect(shown[0]).toEqual({ line: 3, key: ['memberNumber', 'UPD1'], path: 'phone', from: '2', to: '200' });
    expect(await contents()).toEqual(before);

    const done = await members(`${file('UPD', others)}\nUPDnew,Bea,Roy,foreman,,,`, updates);
    expect(done).toMatchObject({ added: 1, updated: 5, alreadyThere: 2, refused: 0, steps: ['read 8', 'added 1', 'added 6'] });
    const rows = await rowsLike('members', 'member_number', 'UPD_');
    expect(rows.map(({ phone, version }) => [phone, version])).toEqual(others.map((phone) => [phone, phone.length > 1 ? 2 : 1]));
    const ids = rows.filter(({ version }) => version === 2).map(({ id }) => id);
    const events = await database.orm.em.fork().find(AuditEvent, { action: 'member.update' }, { filters: false });
    expect(events.map(({ targetId }) => targetId).sort()).toEqual(ids.sort());
    expect(new Set(events.map(({ requestId }) => requestId)).size).toBe(1);
    expect(events.every((event) => isGenuine(event, keyring) && event.actor === null && event.targetType === 'Member')).toBe(true);

    const after = await contents();
    expect(await members(file('UPD', others), updates)).toMatchObject({ added: 0, updated: 0, alreadyThere: 7 });
    expect(await contents()).toEqual(after);
  });

  it('keeps values whose cell is empty or that have no column', async () => {
    await members(`${header},phone,city,notes,status\nKEEP1,Ada,Roy,foreman,1,Troy,old,retired`);
    expect(await members(`${header},phone,city\nkeep1,Ada,Roy,honorary,,Utica`, updates)).toMatchObject({ updated: 1, told: [] });
    expect(await rowsLike('members', 'member_number', 'keep1')).toMatchObject([
      { phone: '1', city: 'Utica', notes: 'old', status: 'retired', classification: 'honorary', version: 2 },
    ]);
  });

  it('is refused completely for one invalid line, considering existing data', async () => {
    await members(file('RULE', ['1', '2', '3', '4']));
    await database.run(`update members set deleted_at = now() where member_number = 'RULE2'`);
    const lines = [columns, 'RULE0,Ada,Roy,foreman,100,,', 'RULE1,Ada,Roy,foreman,,,1980-01-02', 'RULE2,Ada,Roy,foreman,100,,'];
    const told = [...lines, 'RULE3,Ada,Roy,boss,,,', 'RULEnew,Ada,Roy,foreman,,,', 'rulenew,Bea,Roy,foreman,,,'].join('\n');
    expect(await refusalsOf(told, importMembers, updates.form)).toEqual([
      '3: hireDate must be after the date of birth',
      '4: memberNumber belongs to a deleted record',
      expect.stringMatching(/^5: classification must be one of/),
      '7: memberNumber is the same as in line 6',
    ]);
  });

  it('of organizations matches names that are unique in the database and the file', async () => {
    const given = (...lines: string[]) => ['name,orgType,city,phone', ...lines].join('\n');
    await organizations(given('UPD One,employer,Troy,1', 'UPD Two,employer,Troy,1', 'UPD Two,employer,Utica,1'));
    expect(await refusalsOf(given('UPD One,employer,Troy,2'), importOrganizations)).toEqual([
      '2: name belongs to a record with other values; use --update to change that record',
    ]);
    const several = given('UPD One,employer,Troy,2', 'UPD One,employer,Troy,3', 'UPD Two,employer,Utica,2', 'UPD Two,employer,Troy,1');
    expect(await refusalsOf(several, importOrganizations, updates.form)).toEqual([
      '2: name is in 2 lines, so the line that updates the record is ambiguous',
      '3: name is in 2 lines, so the line that updates the record is ambiguous',
      '4: name belongs to 2 records, so the record to update is ambiguous',
    ]);
    const right = given('UPD One,employer,Troy,2', 'UPD Two,employer,Troy,1', 'UPD Two,employer,Utica,1', 'UPD Three,union,,');
    expect(await organizations(right, updates)).toMatchObject({ added: 1, updated: 1, alreadyThere: 2, told: [] });
    expect(await rowsLike('organizations', 'name', 'UPD One')).toMatchObject([{ phone: '2', version: 2 }]);
    const events = await database.orm.em.fork().find(AuditEvent, { action: 'organization.update' }, { filters: false });
    expect(events).toMatchObject([{ targetType: 'Organization', outcome: 'succeeded' }]);
  });
});

describe('on a server', () => {
  it('concurrent imports of one file add each member once', async () => {
    const server = await freshDatabase({ seeded: true, engine: 'postgresql' });
    try {
      const text = [header, ...Array.from({ length: 40 }, (_, n) => `RACE${n},A,B,journeyman`)].join('\n');
      const outcomes = await Promise.all(Array.from({ length: 8 }, () => members(text, { into: server })));
      expect(outcomes.map(({ added, alreadyThere }) => `${added} ${alreadyThere}`).sort()).toEqual([...Array(7).fill('0 40'), '40 0']);
      expect(await rowsLike('members', 'member_number', 'RACE%', server)).toHaveLength(40);
    } finally {
      await server.close();
    }
  });

  it.each([
    ['changes', { phone: '999' }],
    ['deletes', { deletedAt: new Date() }],
  ])('an update is undone completely if another user %s one of its records meanwhile', async (_, edit) => {
    const server = await freshDatabase({ seeded: true, engine: 'postgresql' });
    try {
      const text = (phone: string) => [`${header},phone`, ...[1, 2, 3].map((n) => `EDIT${n},A,B,journeyman,${phone}`)].join('\n');
      await members(text('1'), { into: server });
      const other = server.orm.em.fork();
      await other.begin();
      Object.assign(await other.findOneOrFail(Member, { memberNumber: 'EDIT2' }, { filters: false }), edit);
      await other.flush();
      const ended = members(`${text('2')}\nEDIT4,A,B,journeyman,2`, { into: server, form: { updates: true } }).then(
        () => null,
        (error: Error) => error,
      );
      const waits = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      for (let asked = 0; (await server.run(waits)).length === 0; asked += 1)
        if (asked > 5000) throw new Error('The update does not wait.');
      await other.commit();
      expect((await ended)?.message).toBe(
        'Nothing was imported: during the import, another change modified a record in the file. Import it again.',
      );
      const rows = await rowsLike('members', 'member_number', 'EDIT%', server);
      expect(rows.map(({ phone, version }) => [phone, version])).toEqual([
        ['1', 1],
        ['phone' in edit ? '999' : '1', 2],
        ['1', 1],
      ]);
      expect(await server.run(`select 1 from audit_events where action = 'member.update'`)).toEqual([]);
    } finally {
      await server.close();
    }
  });

  it('an update that is interrupted is undone completely', async () => {
    const server = await freshDatabase({ seeded: true, engine: 'postgresql' });
    try {
      await server.run(`create function break_down() returns trigger language plpgsql as
        $$ begin if new.member_number = 'HALF0700' then raise unique_violation; end if; return new; end $$`);
      await server.run('create trigger breaks before insert on members for each row execute function break_down()');
      const before = await contents(server);
      const text = [header, ...Array.from({ length: 800 }, (_, n) => `HALF${String(n).padStart(4, '0')},A,B,journeyman`)].join('\n');
      await expect(members(text, { into: server, chunk: 4096 })).rejects.toThrow(/another change used a number/);
      expect(await contents(server)).toEqual(before);
    } finally {
      await server.close();
    }
  });
});
