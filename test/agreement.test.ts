import { beforeAll, describe, expect, it } from '@jest/globals';
import { aLocal, type Actor, type Local } from './support/local.ts';

const absent = '01900000-0000-7000-8000-00000000dead';

let local: Local;
let calendarId: string;
let count = 0;

interface Limit {
  step: number;
  act: string;
  days: number;
  dayUnit: string;
  countsFrom: string;
  onMiss: string;
}

interface Agreement {
  id: string;
  title: string;
  version: number;
  steps: number;
  isInForce: boolean;
  noticeBy: string | null;
  limits: Limit[];
  articles: { id: string; number: string; title: string }[];
  employers: { id: string; organization: { id: string } | null; assentedDate: string; endedDate: string | null }[];
}

const whole = `id title code version steps isInForce noticeBy effectiveDate expirationDate unit { id code } calendar { id name }
  limits { step act days dayUnit countsFrom onMiss } articles { id number title }
  employers { id organization { id } assentedDate endedDate }`;

const mutation = (name: string, form: string): string =>
  `mutation (${form}) { made: ${name}(${[...form.matchAll(/\$(\w+):/g)].map(([, each]) => `${each}: $${each}`).join(', ')}) { ${whole} } }`;

const create = mutation('createAgreement', '$input: CreateAgreementInput!');
const update = mutation('updateAgreement', '$id: ID!, $input: UpdateAgreementInput!');
const remove = mutation('deleteAgreement', '$id: ID!, $version: Int');
const setLimits = mutation('setAgreementLimits', '$id: ID!, $limits: [AgreementLimitInput!]!, $version: Int');
const setArticles = mutation('setAgreementArticles', '$id: ID!, $articles: [AgreementArticleInput!]!, $version: Int');
const addEmployer = mutation('addAgreementEmployer', '$agreementId: ID!, $input: AgreementEmployerInput!');
const endEmployer = mutation('endAgreementEmployer', '$id: ID!, $endedDate: Date!');
const createUnit =
  'mutation ($input: CreateBargainingUnitInput!) { made: createBargainingUnit(input: $input) { id name code description } }';
const updateUnit =
  'mutation ($id: ID!, $input: UpdateBargainingUnitInput!) { made: updateBargainingUnit(id: $id, input: $input) { id name code } }';

const fieldsOf = async (who: Actor, document: string, variables: object) =>
  (await who.ask(document, variables)).errors[0]?.extensions['fields'];

const aUnit = async (): Promise<string> => {
  const code = `U${(count += 1)}`;
  return (await local.officer.see<{ made: { id: string } }>(createUnit, { input: { name: `Unit ${code}`, code } })).made.id;
};

const made = async (document: string, variables: object, who: Actor = local.officer): Promise<Agreement> =>
  (await who.see<{ made: Agreement }>(document, variables)).made;

/** An agreement of its own unit, by default from 2001 to 2003. */
const anAgreement = async (input: object = {}): Promise<Agreement> => {
  const code = `A${(count += 1)}`;
  const term = { effectiveDate: '2001-01-01', expirationDate: '2003-12-31' };
  const unit = 'unitId' in input ? {} : { unitId: await aUnit() };
  return made(create, { input: { title: `Agreement ${code}`, code, calendarId, ...unit, ...term, ...input } });
};

/** An employer without any agreement. */
const anEmployer = async (orgType = 'EMPLOYER'): Promise<string> => {
  const document = 'mutation ($input: CreateOrganizationInput!) { made: createOrganization(input: $input) { id } }';
  return (await local.staff.see<{ made: { id: string } }>(document, { input: { name: `Works ${(count += 1)}`, orgType } })).made.id;
};

const sign = (agreementId: string, organizationId: string, assentedDate = '2001-01-01') =>
  made(addEmployer, { agreementId, input: { organizationId, assentedDate } });

const file = async (input: object) => {
  const memberId = (await local.sql(`select member_id as id from users where username = 'testuser'`))[0]?.['id'];
  const document = `mutation ($input: FileGrievanceInput!) {
    filed: fileGrievance(input: $input) { id knownDate agreement { id } article { id number } } }`;
  return local.staff.ask<{ filed: { id: string; agreement: { id: string } | null; article: { number: string } | null } }>(document, {
    input: { memberId, violationDescription: 'No call-in pay.', ...input },
  });
};

const filing: Limit = { step: 1, act: 'FILE', days: 15, dayUnit: 'WORKING', countsFrom: 'INCIDENT', onMiss: 'WAIVED' };
const answer: Limit = { step: 2, act: 'ANSWER', days: 10, dayUnit: 'WORKING', countsFrom: 'MEETING', onMiss: 'DENIED' };

beforeAll(async () => {
  local = await aLocal();
  const input = { name: 'Working days of the tests' };
  const document = 'mutation ($input: CreateHolidayCalendarInput!) { made: createHolidayCalendar(input: $input) { id } }';
  calendarId = (await local.admin.see<{ made: { id: string } }>(document, { input })).made.id;
});

describe('a bargaining unit', () => {
  it('is created, listed by its code, and changed', async () => {
    const { made: unit } = await local.admin.see<{ made: { id: string } }>(createUnit, { input: { name: ' Line ', code: ' LN ' } });
    expect(unit).toMatchObject({ name: 'Line', code: 'LN', description: null });
    const changed = await local.officer.see<{ made: object }>(updateUnit, { id: unit.id, input: { name: 'Outside line' } });
    expect(changed.made).toEqual({ id: unit.id, name: 'Outside line', code: 'LN' });
    const { bargainingUnits } = await local.instructor.see<{ bargainingUnits: { code: string }[] }>('{ bargainingUnits { code } }');
    expect(bargainingUnits.map(({ code }) => code)).toEqual(expect.arrayContaining(['INSIDE', 'LN', 'UTILITY']));
  });

  it('is refused with every problem, and a code that is taken ignoring case', async () => {
    expect(await fieldsOf(local.admin, createUnit, { input: { name: '', code: 'x'.repeat(21) } })).toEqual([
      { path: 'input.name', message: 'must not be empty' },
      { path: 'input.code', message: 'must have at most 20 characters' },
    ]);
    expect(await fieldsOf(local.admin, createUnit, { input: { name: 'Inside', code: 'inside' } })).toEqual([
      { path: 'input.code', message: 'is taken' },
    ]);
    expect((await local.admin.ask(updateUnit, { id: absent, input: { name: 'None' } })).codes).toEqual(['NOT_FOUND']);
    expect((await local.staff.ask(createUnit, { input: { name: 'No', code: 'NO' } })).codes).toEqual(['FORBIDDEN']);
  });
});

describe('an agreement', () => {
  it('is created with the usual terms, and read with its notice day', async () => {
    const agreement = await anAgreement({ effectiveDate: '2023-06-01', expirationDate: '2026-05-31', code: 'NOTICE' });
    expect(agreement).toMatchObject({ steps: 3, noticeBy: '2026-04-01', limits: [], articles: [], employers: [] });
    const open = await anAgreement({ expirationDate: null });
    expect(open).toMatchObject({ isInForce: true, noticeBy: null });
    const events = await local.sql('select action from audit_events where target_id = $1', [agreement.id]);
    expect(events).toEqual([{ action: 'agreement.create' }]);
  });

  it('is refused with every problem', async () => {
    const term = { effectiveDate: '2001-01-01', expirationDate: '2000-12-31', signedDate: '9999-12-31', noticeDays: 366, steps: 4 };
    const input = { title: '', code: 'x', unitId: 'x', calendarId: 'y', ...term };
    expect(await fieldsOf(local.admin, create, { input })).toEqual([
      { path: 'input.title', message: 'must not be empty' },
      { path: 'input.expirationDate', message: 'must not be before the effective date' },
      { path: 'input.noticeDays', message: 'must be from 0 to 365' },
      { path: 'input.steps', message: 'must be from 1 to 3' },
      { path: 'input.signedDate', message: 'must not be in the future' },
      { path: 'input.unitId', message: 'must be a UUID' },
      { path: 'input.calendarId', message: 'must be a UUID' },
    ]);
    const sound = { title: 'T', code: 'T', unitId: await aUnit(), calendarId, effectiveDate: '2001-01-01' };
    expect((await local.admin.ask(create, { input: { ...sound, unitId: absent } })).codes).toEqual(['NOT_FOUND']);
    expect((await local.admin.ask(create, { input: { ...sound, calendarId: absent } })).codes).toEqual(['NOT_FOUND']);
    expect((await local.staff.ask(create, { input: sound })).codes).toEqual(['FORBIDDEN']);
    expect(await local.sql(`select id from agreements where code = 'T'`)).toEqual([]);
  });

  it('has a term that overlaps no other of its unit', async () => {
    const unitId = await aUnit();
    await anAgreement({ unitId });
    const terms = [
      ['2003-12-31', null],
      ['2000-01-01', '2001-01-01'],
      ['2002-01-01', '2002-01-02'],
      ['1990-01-01', null],
    ];
    for (const [effectiveDate, expirationDate] of terms) {
      const input = { title: 'Overlap', code: `O${(count += 1)}`, unitId, calendarId, effectiveDate, expirationDate };
      const { errors, codes } = await local.admin.ask(create, { input });
      expect([codes, errors[0]?.extensions['state']]).toEqual([['CONFLICT'], 'TERM_TAKEN']);
    }
    const successor = await anAgreement({ unitId, effectiveDate: '2004-01-01', expirationDate: null });
    expect((await local.admin.ask(update, { id: successor.id, input: { effectiveDate: '2003-01-01' } })).codes).toEqual(['CONFLICT']);
    expect((await made(update, { id: successor.id, input: { effectiveDate: '2004-02-01' } })).id).toBe(successor.id);
    expect(await local.sql(`select id from agreements where title = 'Overlap'`)).toEqual([]);
  });

  it('has a code and a first day that no other agreement has', async () => {
    await anAgreement({ code: 'SAME' });
    const input = { title: 'Same', code: 'SAME', unitId: await aUnit(), calendarId, effectiveDate: '2001-01-01' };
    expect(await fieldsOf(local.admin, create, { input })).toEqual([{ path: 'input.effectiveDate', message: 'is taken' }]);
  });

  it('stays in force after its term only if it renews, until the next one begins', async () => {
    const unitId = await aUnit();
    const renewing = await anAgreement({ unitId, renewsYearly: true });
    expect(renewing.isInForce).toBe(true);
    await anAgreement({ unitId, effectiveDate: '2004-01-01', expirationDate: '2004-12-31' });
    const { agreement } = await local.officer.see<{ agreement: object }>('query ($id: ID!) { agreement(id: $id) { isInForce } }', renewing);
    expect(agreement).toEqual({ isInForce: false });
    expect((await anAgreement()).isInForce).toBe(false);
    expect((await anAgreement({ effectiveDate: '2998-01-01', expirationDate: null })).isInForce).toBe(false);
  });

  it('is changed by its version', async () => {
    const { id, version } = await anAgreement();
    const changed = await made(update, { id, input: { title: 'Renamed', version } });
    expect(changed).toMatchObject({ title: 'Renamed', version: version + 1 });
    expect((await local.officer.ask(update, { id, input: { title: 'Again', version } })).codes).toEqual(['CONFLICT']);
    expect(await fieldsOf(local.officer, update, { id, input: { title: null, unitId: null } })).toEqual([
      { path: 'input.title', message: 'must not be null' },
      { path: 'input.unitId', message: 'must not be null' },
    ]);
    expect(await fieldsOf(local.officer, update, { id, input: { expirationDate: '2000-01-01' } })).toEqual([
      { path: 'input.expirationDate', message: 'must not be before the effective date' },
    ]);
    expect((await made(update, { id, input: {} })).version).toBe(version + 1);
  });

  it('is deleted while it governs nothing, and its term is free again', async () => {
    const unitId = await aUnit();
    const { id } = await anAgreement({ unitId, code: 'GONE' });
    expect((await local.officer.ask(remove, { id, version: 99 })).codes).toEqual(['CONFLICT']);
    await made(remove, { id });
    expect((await local.admin.ask('query ($id: ID!) { agreement(id: $id) { id } }', { id })).codes).toEqual(['NOT_FOUND']);
    expect((await anAgreement({ unitId, code: 'GONE' })).id).not.toBe(id);
  });
});

describe('time limits', () => {
  it('replace those of the agreement, by step and act', async () => {
    const { id, version } = await anAgreement();
    await made(setLimits, { id, limits: [filing] });
    const set = await made(setLimits, { id, limits: [answer, filing] });
    expect(set.limits).toEqual([filing, answer]);
    expect(set.version).toBe(version + 2);
    expect((await local.admin.ask(setLimits, { id, limits: [], version })).codes).toEqual(['CONFLICT']);
  });

  it('are refused with every problem at its place, and nothing is stored', async () => {
    const { id } = await anAgreement({ steps: 2 });
    await made(setLimits, { id, limits: [filing] });
    const limits = [
      { ...answer, step: 4, act: 'MEET', countsFrom: 'SUBMISSION' },
      { ...answer, step: 3 },
      { ...answer, onMiss: 'WAIVED' },
      { ...answer, act: 'APPEAL', countsFrom: 'MEETING', onMiss: 'WAIVED', days: 0 },
      { ...answer, days: 366 },
      { ...filing, step: 2, act: 'AWARD', onMiss: 'NONE' },
    ];
    expect(await fieldsOf(local.admin, setLimits, { id, limits })).toEqual([
      { path: 'limits[0].step', message: 'must be one of these for MEET: 1, 2' },
      { path: 'limits[1].step', message: 'must be one of these for ANSWER: 1, 2' },
      { path: 'limits[2].onMiss', message: 'must be one of these for ANSWER: NONE, DENIED, ADVANCED, GRANTED' },
      { path: 'limits[3].countsFrom', message: 'must be one of these for APPEAL: ANSWER' },
      { path: 'limits[3].days', message: 'must be from 1 to 365' },
      { path: 'limits[4].days', message: 'must be from 1 to 365' },
      { path: 'limits[4].act', message: 'must not have two limits at one step' },
      { path: 'limits[5].step', message: 'must be one of these for AWARD: 4' },
      { path: 'limits[5].countsFrom', message: 'must be one of these for AWARD: MEETING' },
    ]);
    const stored = await local.sql('select act from agreement_limits where agreement_id = $1', [id]);
    expect(stored).toEqual([{ act: 'file' }]);
  });

  it('allow no fewer steps than they have', async () => {
    const { id } = await anAgreement();
    await made(setLimits, { id, limits: [answer] });
    expect(await fieldsOf(local.admin, update, { id, input: { steps: 1 } })).toEqual([
      { path: 'input.steps', message: 'must not be less than the step of a time limit' },
    ]);
    expect((await made(update, { id, input: { steps: 2 } })).steps).toBe(2);
  });

  it('obey the same rules in the table', async () => {
    const { id } = await anAgreement();
    const insert = (step: number, act: string, from: string, onMiss: string) =>
      local.sql(
        `insert into agreement_limits (id, created_at, updated_at, agreement_id, step, act, days, day_unit, counts_from, on_miss)
         values (gen_random_uuid(), now(), now(), $1, $2, $3, 5, 'working', $4, $5)`,
        [id, step, act, from, onMiss],
      );
    await insert(1, 'meet', 'submission', 'granted');
    await expect(insert(4, 'meet', 'submission', 'granted')).rejects.toThrow(/agreement_limits_lawful/);
    await expect(insert(1, 'answer', 'meeting', 'waived')).rejects.toThrow(/agreement_limits_lawful/);
    await expect(insert(1, 'appeal', 'meeting', 'waived')).rejects.toThrow(/agreement_limits_lawful/);
  });
});

describe('articles', () => {
  it('are replaced in order; one whose number stays is the same', async () => {
    const { id } = await anAgreement();
    const first = await made(setArticles, {
      id,
      articles: [
        { number: '14', title: 'Layoff' },
        { number: '2', title: 'Scope' },
      ],
    });
    expect(first.articles.map(({ number }) => number)).toEqual(['14', '2']);
    const second = await made(setArticles, {
      id,
      articles: [
        { number: '3', title: 'Hours' },
        { number: '14', title: 'Layoff and Recall' },
      ],
    });
    expect(second.articles).toEqual([
      { id: expect.any(String), number: '3', title: 'Hours' },
      { id: first.articles[0]?.id, number: '14', title: 'Layoff and Recall' },
    ]);
  });

  it('are refused with every problem', async () => {
    const { id } = await anAgreement();
    const articles = [
      { number: '1', title: '' },
      { number: '1', title: 'Twice' },
    ];
    expect(await fieldsOf(local.admin, setArticles, { id, articles })).toEqual([
      { path: 'articles[0].title', message: 'must not be empty' },
      { path: 'articles[1].number', message: 'must not occur twice' },
    ]);
  });
});

describe('a signatory employer', () => {
  it('is added once, and ends', async () => {
    const { id } = await anAgreement();
    const organizationId = await anEmployer();
    const signed = await sign(id, organizationId);
    expect(signed.employers).toEqual([
      { id: expect.any(String), organization: { id: organizationId }, assentedDate: '2001-01-01', endedDate: null },
    ]);
    const input = { organizationId, assentedDate: '2001-02-01' };
    expect(await fieldsOf(local.admin, addEmployer, { agreementId: id, input })).toEqual([
      { path: 'input.organizationId', message: 'is taken' },
    ]);
    const signature = signed.employers[0]?.id;
    expect(await fieldsOf(local.admin, endEmployer, { id: signature, endedDate: '2000-12-31' })).toEqual([
      { path: 'endedDate', message: 'must not be before the date of assent' },
    ]);
    expect((await made(endEmployer, { id: signature, endedDate: '2001-06-30' })).employers[0]?.endedDate).toBe('2001-06-30');
    expect((await local.admin.ask(endEmployer, { id: signature, endedDate: '2001-07-31' })).codes).toEqual(['CONFLICT']);
  });

  it('is an employer', async () => {
    const { id: agreementId } = await anAgreement();
    const school = { organizationId: await anEmployer('JATC'), assentedDate: '2001-01-01' };
    expect(await fieldsOf(local.admin, addEmployer, { agreementId, input: school })).toEqual([
      { path: 'input.organizationId', message: 'must be the id of an employer' },
    ]);
    const nobody = { organizationId: absent, assentedDate: '2001-01-01' };
    expect((await local.admin.ask(addEmployer, { agreementId, input: nobody })).codes).toEqual(['NOT_FOUND']);
  });
});

describe('the agreement that governs', () => {
  const binding = `query ($employerId: ID!, $on: Date!, $unitId: ID) {
    agreementFor(employerId: $employerId, on: $on, unitId: $unitId) { id } }`;
  const bound = async (employerId: string, on: string, unitId: string | null = null) =>
    (await local.staff.see<{ agreementFor: { id: string } | null }>(binding, { employerId, on, unitId })).agreementFor?.id ?? null;

  it('is the last that began on the day or before, also after its term, while the employer is bound', async () => {
    const [unitId, employerId] = [await aUnit(), await anEmployer()];
    const old = await anAgreement({ unitId });
    const next = await anAgreement({ unitId, effectiveDate: '2004-06-01', expirationDate: '2005-12-31' });
    await sign(old.id, employerId, '2001-03-01');
    expect(await bound(employerId, '2001-02-28')).toBeNull();
    expect(await bound(employerId, '2001-03-01')).toBe(old.id);
    expect(await bound(employerId, '2004-07-01')).toBe(old.id); // it has not signed the next one
    const signed = await sign(next.id, employerId, '2004-06-01');
    expect(await bound(employerId, '2004-05-31')).toBe(old.id);
    expect(await bound(employerId, '2004-06-01')).toBe(next.id);
    expect(await bound(employerId, '2026-01-01')).toBe(next.id);
    await made(endEmployer, { id: signed.employers[0]?.id, endedDate: '2005-01-31' });
    expect(await bound(employerId, '2005-01-31')).toBe(next.id);
    expect(await bound(employerId, '2005-02-01')).toBeNull();
  });

  it('is chosen by the unit where agreements of several bind the employer', async () => {
    const employerId = await anEmployer();
    const unitId = await aUnit();
    const [one, other] = [await anAgreement({ unitId }), await anAgreement()];
    for (const { id } of [one, other]) await sign(id, employerId);
    expect(await fieldsOf(local.staff, binding, { employerId, on: '2002-01-01' })).toEqual([
      { path: 'unitId', message: 'is required: agreements of several bargaining units bind the employer on that day' },
    ]);
    expect(await bound(employerId, '2002-01-01', unitId)).toBe(one.id);
    const filed = await file({ employerId, filedDate: '2002-01-15', incidentDate: '2002-01-01' });
    expect(filed.errors[0]?.extensions['fields']).toEqual([
      { path: 'input.agreementId', message: 'is required: agreements of several bargaining units bind the employer' },
    ]);
    const chosen = await file({ employerId, filedDate: '2002-01-15', agreementId: other.id });
    expect(chosen.data?.filed.agreement).toEqual({ id: other.id });
  });

  it('of a grievance is that of the day of the incident, and of the filing without one', async () => {
    const [unitId, employerId] = [await aUnit(), await anEmployer()];
    const old = await anAgreement({ unitId });
    const next = await anAgreement({ unitId, effectiveDate: '2004-01-01', expirationDate: null });
    for (const { id } of [old, next]) await sign(id, employerId);
    const governing = async (input: object) => (await file({ employerId, ...input })).data?.filed.agreement?.id ?? null;
    expect(await governing({ incidentDate: '2003-12-29', filedDate: '2004-01-05' })).toBe(old.id);
    expect(await governing({ filedDate: '2004-01-05' })).toBe(next.id);
    expect(await governing({ incidentDate: '2000-12-31', filedDate: '2004-01-05' })).toBeNull();
    expect(await governing({ employerId: await anEmployer(), filedDate: '2004-01-05' })).toBeNull();
  });

  it('is one that the employer has signed, and its article is one of its articles', async () => {
    const employerId = await anEmployer();
    const [mine, foreign] = [await anAgreement(), await anAgreement()];
    await sign(mine.id, employerId);
    const [article] = (await made(setArticles, { id: mine.id, articles: [{ number: '7', title: 'Hours' }] })).articles;
    const [other] = (await made(setArticles, { id: foreign.id, articles: [{ number: '7', title: 'Hours' }] })).articles;
    const dates = { employerId, filedDate: '2002-01-15', incidentDate: '2002-01-02' };
    const fields = async (input: object) => (await file({ ...dates, ...input })).errors[0]?.extensions['fields'];
    expect(await fields({ agreementId: foreign.id })).toEqual([
      { path: 'input.agreementId', message: 'must be an agreement that the employer has signed' },
    ]);
    expect((await file({ ...dates, agreementId: absent })).codes).toEqual(['NOT_FOUND']);
    const wrong = [{ path: 'input.articleId', message: 'must be the id of an article of the agreement' }];
    expect(await fields({ articleId: other?.id })).toEqual(wrong);
    expect(await fields({ articleId: 'x' })).toEqual([{ path: 'input.articleId', message: 'must be a UUID' }]);
    const filed = await file({ ...dates, articleId: article?.id, knownDate: '2002-01-10' });
    expect(filed.data?.filed).toMatchObject({ agreement: { id: mine.id }, article: { number: '7' }, knownDate: '2002-01-10' });
    const change = `mutation ($id: ID!, $input: UpdateGrievanceInput!) {
      changed: updateGrievance(id: $id, input: $input) { knownDate article { id } } }`;
    const id = filed.data?.filed.id;
    expect(await fieldsOf(local.staff, change, { id, input: { articleId: other?.id } })).toEqual(wrong);
    expect(await local.staff.see(change, { id, input: { articleId: null } })).toEqual({
      changed: { knownDate: '2002-01-10', article: null },
    });
    expect(await fieldsOf(local.staff, change, { id, input: { knownDate: '2002-01-01' } })).toEqual([
      { path: 'input.knownDate', message: 'must not be before the incident' },
    ]);
    expect(await fieldsOf(local.staff, change, { id, input: { knownDate: '2002-01-16' } })).toEqual([
      { path: 'input.knownDate', message: 'must not be after the filing date' },
    ]);
  });

  it('keeps its limits, its terms and the named articles once it governs a grievance', async () => {
    const employerId = await anEmployer();
    const agreement = await anAgreement();
    await sign(agreement.id, employerId);
    const articles = [
      { number: '7', title: 'Hours' },
      { number: '8', title: 'Overtime' },
    ];
    const [seven] = (await made(setArticles, { id: agreement.id, articles })).articles;
    await made(setLimits, { id: agreement.id, limits: [filing] });
    await file({ employerId, filedDate: '2002-01-15', articleId: seven?.id });
    const refused = async (document: string, variables: object) => {
      const { codes, errors } = await local.admin.ask(document, { id: agreement.id, ...variables });
      expect([codes, errors[0]?.extensions['state']]).toEqual([['CONFLICT'], 'IN_USE']);
    };
    await refused(setLimits, { limits: [] });
    await refused(remove, {});
    for (const input of [
      { clock: 'KNOWLEDGE' },
      { steps: 2 },
      { firstDayCounts: true },
      { rollsForward: false },
      { extensionsInWriting: false },
      { effectiveDate: '2001-02-01' },
      { unitId: await aUnit() },
    ])
      await refused(update, { input });
    await refused(setArticles, { articles: [{ number: '8', title: 'Overtime' }] });
    expect(
      await made(update, { id: agreement.id, input: { title: 'Renamed', expirationDate: '2004-05-31', clock: 'OCCURRENCE' } }),
    ).toMatchObject({
      title: 'Renamed',
      limits: [filing],
    });
    expect((await made(setArticles, { id: agreement.id, articles: [{ number: '7', title: 'Hours of work' }] })).articles).toHaveLength(1);
  });
});

describe('the calendar of an agreement', () => {
  const add =
    'mutation ($calendarId: ID!, $input: HolidayInput!) { made: addHoliday(calendarId: $calendarId, input: $input) { holidays { id day } } }';
  const drop = 'mutation ($id: ID!) { made: removeHoliday(id: $id) { holidays { day } } }';

  it('gets and loses no holiday on a day that has begun', async () => {
    const document = 'mutation ($input: CreateHolidayCalendarInput!) { made: createHolidayCalendar(input: $input) { id } }';
    const { made: own } = await local.admin.see<{ made: { id: string } }>(document, { input: { name: 'In use' } });
    type Days = { made: { holidays: { id: string; day: string }[] } };
    const on = (day: string) => ({ calendarId: own.id, input: { day, name: 'Founding Day' } });
    const past = (await local.admin.see<Days>(add, on('2002-05-01'))).made.holidays[0]?.id;
    const { id } = await anAgreement({ calendarId: own.id });
    const refused = async (answer: ReturnType<Actor['ask']>) => {
      const { codes, errors } = await answer;
      expect([codes, errors[0]?.extensions['state']]).toEqual([['CONFLICT'], 'IN_USE']);
    };
    await refused(local.admin.ask(add, on('2002-05-02')));
    await refused(local.admin.ask(drop, { id: past }));
    const future = (await local.admin.see<Days>(add, on('2998-05-01'))).made.holidays.find(({ day }) => day === '2998-05-01')?.id;
    await local.admin.see(drop, { id: future });
    await made(remove, { id });
    await local.admin.see(drop, { id: past });
  });
});

describe('a member', () => {
  it('reads the agreements of their own employers alone, with the calendar and the unit', async () => {
    const list = '{ agreements(first: 100) { nodes { id code unit { code } calendar { name } employers { organization { id } } } } }';
    type Listed = { agreements: { nodes: { id: string; code: string; unit: object; calendar: object; employers: object[] }[] } };
    const { id: hidden } = await anAgreement();
    const own = (await local.member.see<Listed>(list)).agreements.nodes;
    expect(own.map(({ id }) => id)).not.toContain(hidden);
    expect(own.length).toBeGreaterThan(0);
    for (const { code, unit, calendar } of own) expect([unit, calendar]).toEqual([{ code }, { name: 'Inside Agreement' }]);
    const all = (await local.organizer.see<Listed>(list)).agreements.nodes;
    expect(all.map(({ id }) => id)).toContain(hidden);
    expect((await local.member.ask('query ($id: ID!) { agreement(id: $id) { id } }', { id: hidden })).codes).toEqual(['NOT_FOUND']);
    const binding = 'query ($id: ID!) { agreementFor(employerId: $id, on: "2026-01-05") { id } }';
    expect((await local.member.ask(binding, { id: await anEmployer() })).codes).toEqual(['NOT_FOUND']);
  });
});
