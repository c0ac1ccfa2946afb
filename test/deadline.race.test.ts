import { beforeAll, describe, expect, it } from '@jest/globals';
import { aLocal, type Answer, type Local } from './support/local.ts';

// The embedded database has one connection and so no races: these run on a server.
const rounds = 4;
const atOnce = <T>(work: (place: number) => Promise<T>, count: number): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, place) => work(place)));

let local: Local;
let memberId: unknown;
let count = 0;

interface Row {
  id: string;
  act: string;
  dueDate: string;
}
interface Filed {
  id: string;
  deadlines: Row[];
}

const fields = 'id deadlines { id act dueDate }';
const made = async <T = { id: string }>(document: string, variables: object): Promise<T> =>
  (await local.officer.see<{ made: T }>(document, variables)).made;

const limitsWith = (meetDays: number) => [
  { step: 1, act: 'MEET', days: meetDays, dayUnit: 'CALENDAR', countsFrom: 'SUBMISSION', onMiss: 'NONE' },
  { step: 1, act: 'ANSWER', days: 5, dayUnit: 'WORKING', countsFrom: 'MEETING', onMiss: 'DENIED' },
  { step: 1, act: 'APPEAL', days: 7, dayUnit: 'CALENDAR', countsFrom: 'ANSWER', onMiss: 'WAIVED' },
];
const setting = 'mutation ($id: ID!, $limits: [AgreementLimitInput!]!) { made: setAgreementLimits(id: $id, limits: $limits) { id } }';
const filing = `mutation ($input: FileGrievanceInput!) { made: fileGrievance(input: $input) { ${fields} } }`;
const noting = `mutation ($input: NoteGrievanceDateInput!) { made: noteGrievanceDate(input: $input) { ${fields} } }`;
const extending = `mutation ($input: ExtendGrievanceDeadlineInput!) { made: extendGrievanceDeadline(input: $input) { ${fields} } }`;
const defaulting = `mutation ($input: TakeGrievanceDefaultInput!) { made: takeGrievanceDefault(input: $input) { ${fields} } }`;

/** An agreement with a calendar of its own, signed by an employer of its own. */
async function anAgreement(): Promise<{ id: string; calendarId: string; file: () => Promise<Answer<{ made: Filed }>> }> {
  const code = `R${(count += 1)}`;
  const create = (type: string, input: object) =>
    made(`mutation ($input: Create${type}Input!) { made: create${type}(input: $input) { id } }`, { input });
  const organization = await create('Organization', { name: `Works ${code}`, orgType: 'EMPLOYER' });
  const unit = await create('BargainingUnit', { name: code, code });
  const calendar = await create('HolidayCalendar', { name: `Calendar ${code}` });
  const term = { effectiveDate: '2025-01-01', expirationDate: '2027-12-31', steps: 3 };
  const { id } = await create('Agreement', { title: code, code, unitId: unit.id, calendarId: calendar.id, ...term });
  await made(setting, { id, limits: limitsWith(7) });
  await made(
    'mutation ($id: ID!, $input: AgreementEmployerInput!) { made: addAgreementEmployer(agreementId: $id, input: $input) { id } }',
    {
      id,
      input: { organizationId: organization.id, assentedDate: '2025-01-01' },
    },
  );
  const input = { memberId, employerId: organization.id, filedDate: '2026-03-20', incidentDate: '2026-03-06' };
  const file = () => local.staff.ask<{ made: Filed }>(filing, { input: { ...input, violationDescription: 'No call-in pay.' } });
  return { id, calendarId: calendar.id, file };
}

const dueDates = (grievanceId: string) =>
  local.sql('select act, due_date::text from grievance_deadlines where grievance_id = $1 order by act', [grievanceId]);

beforeAll(async () => {
  local = await aLocal({ engine: 'postgresql', comparesExecutions: false });
  // ten in the morning in New York
  local.clock.turn((Date.parse('2026-04-01T14:00:00Z') - Date.now()) / 1000);
  memberId = (await local.sql(`select member_id as id from users where username = 'testuser'`))[0]?.['id'];
});

describe('of 64 callers who extend, take the default and note a date', () => {
  it('one extends or one takes the default, never both', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const { id } = (await (await anAgreement()).file()).data.made;
      const met = await made<Filed>(noting, { input: { grievanceId: id, kind: 'MET', date: '2026-03-24' } });
      const deadlineId = met.deadlines.find(({ act }) => act === 'ANSWER')?.id;
      const extension = { dueDate: '2026-04-10', agreedDate: '2026-03-30', agreedWith: 'R. Manager', reference: 'A letter' };
      const works = [
        () => local.officer.ask(extending, { input: { deadlineId, ...extension } }),
        () => local.staff.ask(defaulting, { input: { deadlineId } }),
        () => local.admin.ask(noting, { input: { grievanceId: id, kind: 'MET', date: '2026-03-24' } }),
      ];
      const answers = await atOnce((place) => (works[(place + round) % 3] as () => Promise<Answer<unknown>>)(), 64);
      for (const { codes } of answers) expect([[], ['CONFLICT'], ['BAD_INPUT']]).toContainEqual(codes);
      const [stored] = await local.sql(
        `select (select count(*)::int from grievance_extensions where grievance_id = $1) as extended,
           (select count(*)::int from grievance_milestones where grievance_id = $1 and is_default) as defaulted`,
        [id],
      );
      expect([
        { extended: 1, defaulted: 0 },
        { extended: 0, defaulted: 1 },
      ]).toContainEqual(stored);
      const isExtended = stored?.['extended'] === 1;
      expect(await dueDates(id)).toEqual([
        { act: 'answer', due_date: isExtended ? '2026-04-10' : '2026-03-31' },
        { act: 'appeal', due_date: isExtended ? '2026-04-17' : '2026-04-07' },
        { act: 'meet', due_date: '2026-03-27' },
      ]);
    }
  });
});

describe('while cases are filed', () => {
  it('a holiday that is added counts in each of them', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const { calendarId, file } = await anAgreement();
      const add = 'mutation ($id: ID!) { made: addHoliday(calendarId: $id, input: { day: "2026-04-02", name: "Founding Day" }) { id } }';
      const answers = await atOnce<Answer<{ made: Filed }>>(
        (place) => (place === round * 3 ? local.officer.ask(add, { id: calendarId }) : file()),
        16,
      );
      expect(answers.flatMap(({ codes }) => codes)).toEqual([]);
      const rows = await local.sql(
        `select distinct d.due_date::text from grievance_deadlines d join grievances g on g.id = d.grievance_id
           join agreements a on a.id = g.agreement_id where a.calendar_id = $1 and d.act = 'answer'`,
        [calendarId],
      );
      expect(rows).toEqual([{ due_date: '2026-04-06' }]);
    }
  });

  it('the limits of the agreement are changed before all of them, or not at all', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const { id, file } = await anAgreement();
      const answers = await atOnce<Answer<{ made: Filed }>>(
        (place) => (place === round * 2 ? local.officer.ask(setting, { id, limits: limitsWith(10) }) : file()),
        16,
      );
      const [set] = answers.splice(round * 2, 1);
      expect([[], ['CONFLICT']]).toContainEqual(set?.codes);
      expect(answers.flatMap(({ codes }) => codes)).toEqual([]);
      const rows = await local.sql(
        `select distinct d.due_date::text from grievance_deadlines d join grievances g on g.id = d.grievance_id
         where g.agreement_id = $1 and d.act = 'meet'`,
        [id],
      );
      expect(rows).toEqual([{ due_date: set?.codes.length === 0 ? '2026-03-30' : '2026-03-27' }]);
    }
  });
});
