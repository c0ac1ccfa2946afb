import 'reflect-metadata';
import { hash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MikroORM } from '@mikro-orm/pglite';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { pg_trgm } from '@electric-sql/pglite/contrib/pg_trgm';
import { ormOptions } from '../mikro-orm.config.ts';
import { activityTexts } from '../seeds/texts/activity.ts';
import { hardshipTexts } from '../seeds/texts/hardship.ts';
import { violationTexts } from '../seeds/texts/violation.ts';
import {
  anchorDate,
  giveAccountsPasswords,
  kinds,
  seed,
  seededAccounts,
  SeedError,
  type SeedOptions,
  type Tables,
} from '../seeds/index.ts';
import { BenevolenceApplication, BenevolenceReason, BenevolenceReviewDecision, BenevolenceStatus } from '../src/entities/benevolence.ts';
import { deadlinesOf } from '../src/entities/deadline.ts';
import { termsOf } from '../src/services/case/count-deadlines.ts';
import { Grievance, GrievanceStatus, GrievanceStep, GrievanceStepOutcome } from '../src/entities/grievance.ts';
import { MemberClassification, MemberStatus } from '../src/entities/member.ts';
import { OrganizationType } from '../src/entities/organization.ts';
import { SaltingActivityType, SaltingOutcome } from '../src/entities/salting.ts';
import { noPassword } from '../src/entities/user.ts';
import { isLastingAdmin } from '../src/services/user/admin-guard.ts';
import { replayBenevolence, replayGrievance, stateOfBenevolence, stateOfGrievance } from './support/replay.ts';

const scaledKinds = [...kinds[1], ...kinds[2]];
const scaledTables = [...new Set(scaledKinds.flatMap(({ table, parts }) => [table, ...parts]))];
const fixedTables = ['bargaining_units', 'agreements', 'agreement_articles', 'agreement_limits'];
const tables = ['roles', 'users', 'user_roles', 'holiday_calendars', 'holidays', ...fixedTables, ...scaledTables, 'grievance_counters'];
const options: SeedOptions = { environment: 'test', hashPassword: async (password) => `hash of ${password}` };
let orm: MikroORM;

beforeAll(async () => {
  orm = await MikroORM.init({ ...ormOptions, dbName: 'memory://', driverOptions: { extensions: { pg_trgm } }, logger: () => {} });
  await orm.migrator.up();
}, 60_000);

afterAll(async () => {
  await orm?.close();
});

/** Empties the database. One PGlite serves this file, and `replica` disables the triggers that prevent deletion. */
async function emptied(): Promise<void> {
  await orm.em.getConnection().executeDump(`
    set session_replication_role = replica;
    do $$ begin
      execute (select 'truncate ' || string_agg(quote_ident(tablename), ', ') from pg_tables
        where schemaname = 'public' and tablename <> 'mikro_orm_migrations');
    end $$;
    reset session_replication_role;`);
}

const query = async <Row = Record<string, unknown>>(sql: string, parameters: unknown[] = []): Promise<Row[]> =>
  orm.em.fork().execute<Row[]>(sql, parameters);

async function dump(): Promise<Record<string, string>> {
  const contents: Record<string, string> = {};
  for (const table of tables) {
    const [found] = await query<{ all: string | null }>(
      `select string_agg(to_jsonb(t)::text, E'\\n' order by to_jsonb(t)::text) as "all" from ${table} t`,
    );
    contents[table] = found?.all ?? '';
  }
  return contents;
}

async function counts(): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const table of tables) found[table] = Number((await query<{ n: string }>(`select count(*) as n from ${table}`))[0]?.n);
  return found;
}

const distinct = async (table: string, column: string): Promise<unknown[]> =>
  (await query<{ value: unknown }>(`select distinct ${column} as value from ${table} order by 1`)).map(({ value }) => value);

const sorted = (values: Iterable<unknown>): unknown[] => [...values].sort();

/** Returns the rows that violate a rule. */
const offenders = (sql: string) => query(sql);

describe('the texts', () => {
  it('contain 72 activities, eight of each type, each with every outcome', () => {
    const texts = Object.values(activityTexts).flatMap((byOutcome) => Object.values(byOutcome).flat());
    expect(new Set(texts).size).toBe(72);
    for (const type of Object.values(SaltingActivityType)) {
      expect(Object.values(activityTexts[type]).flat()).toHaveLength(8);
      for (const outcome of [...Object.values(SaltingOutcome), 'pending' as const])
        expect(activityTexts[type][outcome]).not.toHaveLength(0);
    }
  });

  it('contain 25 hardships, and 30 violations with their remedies', () => {
    expect(new Set(Object.values(hardshipTexts).flat()).size).toBe(25);
    expect(violationTexts).toHaveLength(30);
    expect(new Set(violationTexts.map(({ violation }) => violation)).size).toBe(30);
    expect(new Set(violationTexts.map(({ remedy }) => remedy)).size).toBe(30);
    expect(new Set(violationTexts.map(({ article }) => article)).size).toBeGreaterThanOrEqual(10);
  });
});

describe('the generated rows', () => {
  /** Returns the generated rows of a table in order. */
  function rows<Table extends keyof Tables>(table: Table, scale = 1): Tables[Table][] {
    const dossiers = scaledKinds.flatMap((kind) => ([kind.table, ...kind.parts].includes(table) ? [...kind.dossiers(scale)] : []));
    return dossiers.flatMap((dossier): readonly Tables[Table][] => dossier[table] ?? []);
  }

  it('are the same each time', () => {
    const taken = () => scaledTables.map((table) => rows(table, 2));
    expect(taken()).toEqual(taken());
  });

  it('of a smaller scale are the beginning of those of a larger one', () => {
    for (const { dossiers } of scaledKinds) {
      const low = [...dossiers(1)];
      expect([...dossiers(3)].slice(0, low.length)).toEqual(low);
    }
  });

  it('are the same in every process, in any year', () => {
    const digests = scaledTables.map((table) => [table, hash('sha256', JSON.stringify(rows(table, 2))).slice(0, 16)]);
    expect(Object.fromEntries(digests)).toEqual({
      organizations: '0a269a7a6fe59ee6',
      organization_contacts: '5aecb7d6b3a3a0d9',
      members: '246857ce0969426b',
      member_employments: 'a290f0d06a758ce5',
      member_notes: 'e1202a03adad6f64',
      member_note_revisions: '6d50078aaf27c042',
      salting_activities: 'b6ccffeedcf454d0',
      agreement_employers: 'f9c546c542caa6cc',
      benevolence_applications: 'd2850ee38fef6310',
      benevolence_reviews: 'e0e411c0c79de054',
      grievances: '2bf87265d1dbb1cf',
      grievance_milestones: 'aba8ea6395deade5',
      grievance_deadlines: '0e987182a7d22ef3',
      grievance_step_records: 'd424c50fa70692f2',
      case_events: '188abd917872d6c6',
    });
  });

  it('have UUIDv7 ids with the time of their creation', () => {
    for (const row of [...rows('members'), ...rows('grievances'), ...rows('benevolence_reviews')]) {
      expect(row.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(Number.parseInt(row.id.slice(0, 8) + row.id.slice(9, 13), 16)).toBe(row.created_at.getTime());
    }
  });
});

describe('a whole run', () => {
  let first: Record<string, string>;

  beforeAll(async () => {
    await emptied();
    const { written, accounts } = await seed(orm.em, options);
    first = await dump();
    expect(written).toEqual(await counts());
    expect(accounts).toHaveLength(10);
  }, 60_000);

  it('writes the documented numbers of rows', async () => {
    expect(await counts()).toMatchObject({
      roles: 6,
      users: 10,
      user_roles: 10,
      organizations: 20,
      holiday_calendars: 1,
      holidays: 36,
      bargaining_units: 2,
      agreements: 3,
      agreement_articles: 45,
      agreement_limits: 33,
      agreement_employers: 25,
      members: 50,
      member_notes: 15,
      member_note_revisions: 18,
      salting_activities: 30,
      benevolence_applications: 25,
      benevolence_reviews: 47,
      grievances: 20,
      grievance_step_records: 31,
      grievance_milestones: 103,
    });
    const phaseTwo = ['salting_activities', 'benevolence_applications', 'benevolence_reviews', 'grievances', 'grievance_step_records'];
    const all = await counts();
    expect(phaseTwo.reduce((sum, table) => sum + (all[table] ?? 0), 0)).toBe(153);
  });

  it('creates the announced accounts with their roles and levels, none of them the owner', async () => {
    const accounts = await query(
      `select u.username, u.email, u.password_hash as hash, r.name as role, ur.review_levels as levels
       from users u join user_roles ur on ur.user_id = u.id join roles r on r.id = ur.role_id
       where u.is_active and u.is_verified and not u.is_owner and not u.password_must_change order by u.username`,
    );
    const officer = (username: string, levels: string[]) => accountRow(username, 'officer', levels);
    expect(accounts).toEqual([
      accountRow('admin', 'admin', ['admin']),
      accountRow('instructor', 'instructor'),
      officer('manager', ['manager']),
      accountRow('member', 'member'),
      officer('officer', []),
      accountRow('organizer', 'organizer'),
      officer('president', ['president']),
      accountRow('staff', 'staff'),
      accountRow('testuser', 'member', [], 'testpass'),
      officer('vp', ['vp']),
    ]);
    expect(seededAccounts.map(({ username }) => username)).toEqual(expect.arrayContaining(accounts.map(({ username }) => username)));
  });

  function accountRow(username: string, role: string, levels: string[] = [], password = 'unionhall-dev') {
    return { username, email: `${username}@unionhall.test`, hash: `hash of ${password}`, role, levels };
  }

  it('describes the six system roles', async () => {
    const roles = await query<{ name: string; basedOn: string; length: number }>(
      `select name, based_on as "basedOn", length(description) as length from roles where is_system_role order by name`,
    );
    expect(roles.map(({ name }) => name)).toEqual(['admin', 'instructor', 'member', 'officer', 'organizer', 'staff']);
    for (const { name, basedOn, length } of roles) expect([basedOn, length > 40]).toEqual([name, true]);
  });

  it('links the members to records with cases, and the organizer to a record with activities', async () => {
    const links = await query<{ username: string; isSameName: boolean; grievances: number; applications: number; activities: number }>(
      `select u.username, (u.first_name, u.last_name) = (m.first_name, m.last_name) as "isSameName",
         (select count(*)::int from grievances g where g.member_id = m.id) as grievances,
         (select count(*)::int from benevolence_applications b where b.member_id = m.id) as applications,
         (select count(*)::int from salting_activities s where s.member_id = m.id) as activities
       from users u join members m on m.id = u.member_id order by 1`,
    );
    expect(links.map(({ username }) => username)).toEqual(['member', 'organizer', 'testuser']);
    const [member, organizer, testuser] = links;
    for (const each of [member, testuser]) expect(each).toMatchObject({ isSameName: true, grievances: 2, applications: 2 });
    expect(organizer?.isSameName).toBe(true);
    expect(organizer?.activities).toBeGreaterThan(0);
  });

  it('creates a register of 13 employers, one local, and 50 members, with 43 active ones', async () => {
    expect(await query(`select org_type as type, count(*)::int as n from organizations group by 1 order by 1`)).toEqual([
      { type: OrganizationType.EMPLOYER, n: 13 },
      { type: OrganizationType.JATC, n: 3 },
      { type: OrganizationType.TRAINING_PARTNER, n: 3 },
      { type: OrganizationType.UNION, n: 1 },
    ]);
    expect(await query(`select count(*)::int as n from members where status = 'active'`)).toEqual([{ n: 43 }]);
    expect(await distinct('members', 'status')).toEqual(sorted(Object.values(MemberStatus)));
    expect(await distinct('members', 'classification')).toEqual(sorted(Object.values(MemberClassification)));
    expect((await distinct('organizations', 'name')).length).toBe(20);
  });

  it('creates a calendar with nine holidays in each of four years, each on its weekday', async () => {
    const days = await query<{ name: string; day: string; weekday: number; year: number }>(
      `select name, day::text as day, extract(isodow from day)::int as weekday, extract(year from day)::int as year from holidays`,
    );
    const years = new Map<string, number[]>();
    for (const { name, year } of days) years.set(name, [...(years.get(name) ?? []), year]);
    expect(years.size).toBe(9);
    for (const each of years.values()) expect(sorted(each)).toEqual([2024, 2025, 2026, 2027]);
    const weekdays = (name: string) => [...new Set(days.flatMap((each) => (each.name === name ? [each.weekday] : [])))];
    for (const name of ['Memorial Day', 'Labor Day']) expect(weekdays(name)).toEqual([1]);
    expect(weekdays('Thanksgiving Day')).toEqual([4]);
    for (const name of ['Good Friday', 'Day after Thanksgiving']) expect(weekdays(name)).toEqual([5]);
    const offDuty = days.filter(({ weekday }) => weekday > 5);
    expect(offDuty.map(({ day }) => day)).toEqual(['2027-12-25']);
    expect(days.map(({ day }) => day)).toContain('2026-07-03');
  });

  it('assigns every grievance the agreement of its employer on the day of the incident, and an article', async () => {
    const governed = await query<{ isBound: boolean; isNamed: boolean }>(
      `select exists (select 1 from agreement_employers e where e.agreement_id = a.id and e.organization_id = g.employer_id
           and g.incident_date between e.assented_date and coalesce(e.ended_date, 'infinity')) and g.incident_date between a.effective_date
           and a.expiration_date as "isBound",
         'Article ' || r.number || ' – ' || r.title = g.contract_article and r.agreement_id = a.id as "isNamed"
       from grievances g join agreements a on a.id = g.agreement_id join agreement_articles r on r.id = g.article_id`,
    );
    expect(governed).toHaveLength(20);
    for (const each of governed) expect(each).toEqual({ isBound: true, isNamed: true });
  });

  it('writes telephone and card numbers in various formats', async () => {
    const forms = async (table: string, column: string) =>
      distinct(table, `regexp_replace(regexp_replace(${column}, '[0-9]', '9', 'g'), '[A-Za-z]', 'A', 'g')`);
    expect((await forms('members', 'phone')).filter(Boolean).length).toBeGreaterThanOrEqual(5);
    expect((await forms('members', 'member_number')).length).toBeGreaterThanOrEqual(4);
  });

  it('uses every state, kind and reason', async () => {
    expect(await distinct('benevolence_applications', 'status')).toEqual(sorted(Object.values(BenevolenceStatus)));
    expect(await distinct('benevolence_applications', 'reason')).toEqual(sorted(Object.values(BenevolenceReason)));
    expect(await distinct('benevolence_reviews', 'decision')).toEqual(sorted(Object.values(BenevolenceReviewDecision)));
    expect(await distinct('grievances', 'status')).toEqual(sorted(Object.values(GrievanceStatus)));
    expect(await distinct('grievances', 'current_step')).toEqual(sorted(Object.values(GrievanceStep)));
    expect(await distinct('grievance_step_records', 'outcome')).toEqual(sorted(Object.values(GrievanceStepOutcome)));
    expect(await distinct('salting_activities', 'activity_type')).toEqual(sorted(Object.values(SaltingActivityType)));
    expect(await distinct('salting_activities', 'outcome')).toEqual([...sorted(Object.values(SaltingOutcome)), null]);
    expect((await distinct('grievances', 'contract_article')).length).toBeGreaterThanOrEqual(10);
    expect((await distinct('grievances', 'violation_description')).length).toBe(20);
    expect((await distinct('benevolence_applications', 'description')).length).toBe(25);
  });

  it('sends twenty organizers to all thirteen employers', async () => {
    expect((await distinct('salting_activities', 'member_id')).length).toBe(20);
    expect((await distinct('salting_activities', 'organization_id')).length).toBe(13);
  });

  it('distributes the reasons as documented', async () => {
    expect(await query(`select reason, count(*)::int as n from benevolence_applications group by 1 order by 1`)).toEqual([
      { reason: 'death_in_family', n: 4 },
      { reason: 'disaster', n: 3 },
      { reason: 'hardship', n: 7 },
      { reason: 'medical', n: 9 },
      { reason: 'other', n: 2 },
    ]);
  });

  it('is the same in every database', async () => {
    await emptied();
    await seed(orm.em, options);
    expect(await dump()).toEqual(first);
  }, 60_000);

  it('changes nothing the second time, hashes nothing again, and keeps the changes of users', async () => {
    const [member] = await query<{ id: string }>(`select id from members order by id limit 1`);
    await query(`update members set notes = 'Edited by hand.', last_name = 'Changed' where id = ?`, [member?.id]);
    await query(`update users set member_id = null where username = 'organizer'`);
    await query(`delete from user_roles where user_id = (select id from users where username = 'vp')`);
    await query(`update grievance_counters set last = last + 5 where year = 2026`);
    const before = await dump();
    const refuse = async () => Promise.reject(new Error('nothing is to be hashed'));
    const { written } = await seed(orm.em, { ...options, hashPassword: refuse });
    expect(written).toEqual({});
    expect(await dump()).toEqual(before);
    expect(before['members']).toContain('Edited by hand.');
  });

  it('makes the admin the owner if the option is set and there is no owner', async () => {
    const owners = async () =>
      (await query<{ username: string }>('select username from users where is_owner')).map(({ username }) => username);
    const given = { ...options, phases: [0] as const, givesOwner: true };
    await emptied();
    await seed(orm.em, given);
    expect(await owners()).toEqual(['admin']);
    await query(`delete from user_roles`);
    await query(`delete from users where not is_owner or username <> 'admin'`);
    await query(`update users set id = gen_random_uuid(), username = 'founder', email = 'founder@local.test'`);
    await seed(orm.em, given);
    expect(await owners()).toEqual(['founder']);
  });

  it('can be followed by a run at a larger scale', async () => {
    await emptied();
    await seed(orm.em, options);
    const { written } = await seed(orm.em, { ...options, scale: 2 });
    expect(written).toMatchObject({ organizations: 20, members: 50, grievances: 20, benevolence_reviews: 47, grievance_counters: 3 });
    expect(written).not.toHaveProperty('users');
    expect((await counts())['grievances']).toBe(40);
  }, 60_000);
});

describe('phases', () => {
  beforeAll(emptied, 60_000);

  it('two alone refuses an empty database, names what is missing and changes nothing', async () => {
    const error: unknown = await seed(orm.em, { ...options, phases: [2] }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SeedError);
    const { message } = error as SeedError;
    expect(message).toMatch(/roles admin, officer, staff, organizer, instructor, member \(phase 0\)/);
    expect(message).toMatch(/users admin, .*vp, manager, president, testuser \(phase 0\)/);
    expect(message).toMatch(/20 of 20 organizations \(phase 1\); 50 of 50 members \(phase 1\)/);
    expect(Object.values(await counts()).every((n) => n === 0)).toBe(true);
  });

  it('two after phase zero alone is refused, and names only what phase one writes', async () => {
    await seed(orm.em, { ...options, phases: [0] });
    const before = await dump();
    await expect(seed(orm.em, { ...options, phases: [2] })).rejects.toThrow(/Missing records: 20 of 20 organizations .* 50 of 50 members/);
    expect(await dump()).toEqual(before);
  });

  it('zero and one link no users; two then runs alone', async () => {
    await seed(orm.em, { ...options, phases: [1] });
    expect(await query(`select username from users where member_id is not null`)).toEqual([]);
    const { written } = await seed(orm.em, { ...options, phases: [2] });
    expect(written).toMatchObject({ salting_activities: 30, grievances: 20, benevolence_applications: 25, grievance_counters: 3 });
    expect(await query(`select username from users where member_id is not null order by 1`)).toHaveLength(3);
  });

  it('are refused in production and at an invalid scale', async () => {
    await emptied();
    await expect(seed(orm.em, { ...options, environment: 'production' })).rejects.toThrow(SeedError);
    await expect(seed(orm.em, { ...options, scale: 0 })).rejects.toThrow(SeedError);
    await expect(seed(orm.em, { ...options, scale: 1.5 })).rejects.toThrow(SeedError);
    expect(Object.values(await counts()).every((n) => n === 0)).toBe(true);
  });

  it('write nothing at all if another row conflicts', async () => {
    await query(
      `insert into members (id, created_at, updated_at, member_number, first_name, last_name, status, classification)
       values (gen_random_uuid(), now(), now(), '100000', 'Ada', 'Own', 'active', 'journeyman')`,
    );
    await expect(seed(orm.em, options)).rejects.toThrow(/members_member_number_unique/);
    expect(await counts()).toMatchObject({ roles: 0, users: 0, organizations: 0, members: 1 });
  });

  it('report the first error of the database, not that the transaction is aborted', async () => {
    await emptied();
    await query('alter table organizations add constraint in_the_way check (name is null)');
    try {
      await expect(seed(orm.em, options)).rejects.toThrow(/in_the_way/);
    } finally {
      await query('alter table organizations drop constraint in_the_way');
    }
  });

  it('use the system roles that an instance has created itself', async () => {
    await emptied();
    await query(
      `insert into roles (id, created_at, updated_at, name, display_name, is_system_role, based_on)
       values (gen_random_uuid(), now(), now(), 'officer', 'Own officer', true, 'officer')`,
    );
    expect((await seed(orm.em, options)).written).toMatchObject({ roles: 5, user_roles: 10, grievances: 20 });
  });
});

describe('passwords', () => {
  it('can be omitted and set later, only for accounts without one', async () => {
    await emptied();
    await seed(orm.em, { ...options, phases: [0], hashPassword: async () => noPassword });
    expect(await distinct('users', 'password_hash')).toEqual([noPassword]);
    await query(`update users set password_hash = 'own' where username = 'staff'`);
    let salt = 0;
    const salted = async (password: string) => `${(salt += 1)}:${password}`;
    expect(await giveAccountsPasswords(orm.em, salted)).toBe(9);
    expect(await giveAccountsPasswords(orm.em, salted)).toBe(0);
    expect(await distinct('users', 'password_hash')).toHaveLength(10);
    expect(await query(`select split_part(password_hash, ':', 2) as p from users where username = 'testuser'`)).toEqual([
      { p: 'testpass' },
    ]);
    expect(await query(`select password_hash as p from users where username = 'staff'`)).toEqual([{ p: 'own' }]);
  });
});

it('are needed for an admin to count as able to sign in', async () => {
  await emptied();
  await seed(orm.em, { ...options, phases: [0], hashPassword: async () => noPassword });
  const [admin] = await query<{ id: string }>(`select id from users where username = 'admin'`);
  const canSignIn = () => isLastingAdmin({ em: orm.em.fork() as unknown as SqlEntityManager }, admin?.id ?? '');
  expect(await canSignIn()).toBe(false);
  await giveAccountsPasswords(orm.em, options.hashPassword);
  expect(await canSignIn()).toBe(true);
});

describe.each([1, 3])('at scale %i, the seeded database', (scale) => {
  beforeAll(async () => {
    await emptied();
    await seed(orm.em, { ...options, scale });
  }, 60_000);

  it('has that many times the rows, and one local', async () => {
    expect(await counts()).toMatchObject({
      users: 10,
      organizations: 20 * scale,
      members: 50 * scale,
      member_notes: 15 * scale,
      member_note_revisions: 18 * scale,
      salting_activities: 30 * scale,
      benevolence_applications: 25 * scale,
      benevolence_reviews: 47 * scale,
      grievances: 20 * scale,
      grievance_step_records: 31 * scale,
    });
    expect(await query(`select count(*)::int as n from organizations where org_type = 'union'`)).toEqual([{ n: 1 }]);
    expect(await counts()).toMatchObject({ holiday_calendars: 1, holidays: 36, agreements: 3, agreement_employers: 25 * scale });
    expect(await query(`select count(*)::int as n from organizations where org_type = 'employer'`)).toEqual([{ n: 13 * scale }]);
  });

  it('contains the deadlines that follow from the milestones and the agreement of each grievance', async () => {
    const em = orm.em.fork();
    const stored = await em.find(Grievance, {}, { filters: false, populate: ['milestones', 'extensions', 'deadlines'] });
    let compared = 0;
    for (const grievance of stored) {
      const from = grievance.incidentDate ?? grievance.filedDate;
      const counted = deadlinesOf(grievance.facts, await termsOf({ em } as never, grievance.agreement?.id ?? '', from));
      const held = counted.map(({ step, act }) => grievance.deadlines.getItems().find((each) => each.step === step && each.act === act));
      expect(held).toEqual(counted.map((facts) => expect.objectContaining(facts)));
      expect(grievance.deadlines).toHaveLength(counted.length);
      for (const { countedFrom, isFromEvent, metOn } of counted) if (isFromEvent && metOn !== null) expect(metOn >= countedFrom).toBe(true);
      compared += counted.length;
    }
    expect(compared).toBe(133 * scale);
  });

  it('contains grievances that match their steps and events', async () => {
    const stored = await orm.em.fork().find(Grievance, {}, { filters: false, populate: ['steps', 'history'] });
    expect(stored).toHaveLength(20 * scale);
    for (const grievance of stored) {
      const replayed = replayGrievance(grievance, grievance.steps.getItems(), grievance.history.getItems());
      expect({ number: grievance.grievanceNumber, ...replayed }).toEqual({
        number: grievance.grievanceNumber,
        ...stateOfGrievance(grievance),
      });
    }
  });

  it('contains applications that match their reviews and events', async () => {
    const stored = await orm.em
      .fork()
      .find(BenevolenceApplication, {}, { filters: false, populate: ['reviews', 'reviews.reviewer', 'history'] });
    expect(stored).toHaveLength(25 * scale);
    for (const application of stored) {
      const replayed = replayBenevolence(application, application.reviews.getItems(), application.history.getItems());
      expect({ id: application.id, ...replayed }).toEqual({ id: application.id, ...stateOfBenevolence(application) });
    }
  });

  it('would not pass with a state that the rules do not allow', async () => {
    const [closed] = await orm.em
      .fork()
      .find(Grievance, { status: GrievanceStatus.CLOSED }, { filters: false, populate: ['steps', 'history'] });
    if (!closed) throw new Error('no closed grievance is seeded');
    const [steps, events] = [closed.steps.getItems(), closed.history.getItems()];
    expect(() => replayGrievance(closed, steps.slice(1), events)).toThrow();
    expect(() => replayGrievance(closed, steps, events.slice(1))).toThrow();
    expect(() => replayGrievance(closed, steps, [...events, ...events.slice(-1)])).toThrow();
    expect(replayGrievance(closed, steps, events.slice(0, -1))).not.toEqual(stateOfGrievance(closed));
  });

  it('has reviews in order by users with the level, one user per level, and nobody on their own case', async () => {
    expect(
      await offenders(`select r.id from benevolence_reviews r where not exists (
        select 1 from user_roles ur join users u on u.id = ur.user_id
        where u.id = r.reviewer_id and r.review_level = any (ur.review_levels) and r.reviewer_name = u.first_name || ' ' || u.last_name)`),
    ).toEqual([]);
    expect(
      await offenders(`select id from (
        select id, row_number() over (partition by application_id, round order by review_date, id) as nth,
          array_position(array['vp', 'admin', 'manager', 'president'], review_level) as level from benevolence_reviews) r where nth <> level`),
    ).toEqual([]);
    expect(await offenders(`select 1 from benevolence_reviews group by application_id, round, reviewer_id having count(*) > 1`)).toEqual(
      [],
    );
    expect(
      await offenders(`select r.id from benevolence_reviews r join benevolence_applications a on a.id = r.application_id
        join users u on u.id = r.reviewer_id where u.member_id = a.member_id`),
    ).toEqual([]);
    expect(
      await offenders(`select id from (select id, review_date < lag(review_date) over (
        partition by application_id order by round, id) as "isBack" from benevolence_reviews) r where "isBack"`),
    ).toEqual([]);
  });

  it('has the levels that the amounts need, and the amounts that the reasons allow', async () => {
    expect(
      await offenders(`select id from benevolence_applications where status in ('approved', 'paid') and cardinality(required_levels) <>
        (select count(*) from benevolence_reviews r where r.application_id = benevolence_applications.id
          and r.round = benevolence_applications.round and r.decision in ('approved', 'deferred'))`),
    ).toEqual([]);
    expect(
      await offenders(`select id from benevolence_applications where not amount_requested <@ case reason
        when 'medical' then numrange(500, 5000, '[]') when 'death_in_family' then numrange(1000, 3000, '[]')
        when 'disaster' then numrange(1000, 7500, '[]') when 'hardship' then numrange(200, 2000, '[]')
        else numrange(100, 1000, '[]') end`),
    ).toEqual([]);
    expect(await offenders(`select id from benevolence_applications where approved_amount < 0.6 * amount_requested`)).toEqual([]);
    expect(
      await offenders(`select id from benevolence_applications where status = 'draft' and round = 1
      and required_levels <> '{}' and not exists (select 1 from benevolence_reviews r where r.application_id = benevolence_applications.id)`),
    ).toEqual([]);
  });

  it('has dates in order, none after the anchor, and rows recorded at the time of their events', async () => {
    expect(
      await offenders(`select s.id from grievance_step_records s join grievances g on g.id = s.grievance_id
        where s.meeting_date < g.filed_date or s.meeting_date > g.resolution_date or exists (
          select 1 from grievance_step_records p where p.grievance_id = s.grievance_id
            and p.step_number < s.step_number and p.meeting_date > s.meeting_date)`),
    ).toEqual([]);
    const latest = await query<{ day: string }>(
      `select max(day)::text as day from (select max(at)::date as day from case_events union all select max(activity_date) from salting_activities
        union all select max(meeting_date) from grievance_step_records union all select max(resolution_date) from grievances
        union all select max(payment_date) from benevolence_applications union all select max(review_date) from benevolence_reviews
        union all select max(start_date) from member_employments union all select max(end_date) from member_employments
        union all select max(hire_date) from members union all select max(updated_at)::date from member_employments
        union all select max(created_at)::date from members) d`,
    );
    expect(latest[0]?.day && latest[0].day <= anchorDate).toBe(true);
    for (const [table, events] of [
      ['grievances', 'e.grievance_id = c.id'],
      ['benevolence_applications', 'e.application_id = c.id'],
    ] as const) {
      expect(
        await offenders(`select c.id from ${table} c join case_events e on ${events} group by c.id
          having min(e.at) <> c.created_at or max(e.at) <> c.updated_at or count(distinct e.at) <> count(*)`),
      ).toEqual([]);
    }
    expect(
      await offenders(
        `select id from benevolence_applications where application_date <> (created_at at time zone 'America/New_York')::date`,
      ),
    ).toEqual([]);
    expect(await offenders(`select id from members where hire_date > created_at::date`)).toEqual([]);
    expect(await offenders(`select id from member_employments where start_date > created_at::date or end_date > updated_at::date`)).toEqual(
      [],
    );
    expect(
      await offenders(`select m.id from members m where m.created_at > (select min(at) from case_events e
        left join grievances g on g.id = e.grievance_id left join benevolence_applications b on b.id = e.application_id
        where m.id in (g.member_id, b.member_id))`),
    ).toEqual([]);
    expect(await offenders(`select id from grievances where filed_date <> (created_at at time zone 'America/New_York')::date`)).toEqual([]);
  });

  it('has numbers without gaps in every year, and counters at the last number', async () => {
    const numbers = await query<{ year: number; given: number; highest: number; counter: number }>(
      `select c.year, count(g.id)::int as given, max(substring(g.grievance_number from 9)::int) as highest, c.last as counter
       from grievance_counters c left join grievances g on substring(g.grievance_number from 4 for 4)::int = c.year
         and extract(year from g.filed_date) = c.year group by c.year, c.last order by 1`,
    );
    expect(numbers.reduce((sum, { given }) => sum + given, 0)).toBe(20 * scale);
    for (const { given, highest, counter } of numbers) expect([highest, counter]).toEqual([given, given]);
  });

  it('has the expected attendees at each step meeting', async () => {
    const steps = await query<{ step: number; union: string; employer: string; notes: string | null }>(
      `select step_number as step, union_attendees as "union", employer_attendees as employer, notes from grievance_step_records`,
    );
    expect(sorted(new Set(steps.map(({ step }) => step)))).toEqual([1, 2, 3, 4]);
    const expected: Readonly<Record<number, readonly [union: RegExp, employer: RegExp]>> = {
      1: [/^Shop steward, grievant$/, /supervisor$/],
      2: [/^Chief steward, /, /^(Department head|Human resources)/],
      3: [/ \(business agent\), /, /^Labor relations manager/],
      4: [/^Counsel for the union, .* \(business agent\), /, /^Counsel for the employer, /],
    };
    for (const { step, union, employer, notes } of steps) {
      expect([step, union]).toEqual([step, expect.stringMatching(expected[step]?.[0] ?? '')]);
      expect([step, employer]).toEqual([step, expect.stringMatching(expected[step]?.[1] ?? '')]);
      expect([step, /arbitrator/i.test(notes ?? '')]).toEqual([step, step === 4]);
    }
    expect(
      await offenders(`select s.id from grievance_step_records s join grievances g on g.id = s.grievance_id
        where s.step_number >= 3 and s.union_attendees not like '%' || g.assigned_rep || '%'`),
    ).toEqual([]);
  });

  it('has an amount exactly for those settlements whose text mentions a payment', async () => {
    const settled = await query<{ resolution: string; amount: string | null }>(
      `select resolution, settlement_amount as amount from grievances where status = 'settled'`,
    );
    const paying = /paid in full|of the claim|pays the hours|made whole/i;
    for (const { resolution, amount } of settled) {
      expect([resolution, amount !== null]).toEqual([resolution, paying.test(resolution)]);
      expect([resolution, amount === null]).toEqual([resolution, /without payment/i.test(resolution)]);
    }
    expect(new Set(settled.map(({ amount }) => amount === null)).size).toBe(2);
    expect(await offenders(`select id from grievances where status <> 'settled' and settlement_amount is not null`)).toEqual([]);
  });

  it('has grievances against the grievant’s employer of that day', async () => {
    expect(
      await offenders(`select g.id from grievances g where not exists (select 1 from member_employments e where e.member_id = g.member_id
        and e.organization_id = g.employer_id and g.incident_date between e.start_date and coalesce(e.end_date, g.incident_date))`),
    ).toEqual([]);
  });

  it('has one to three contacts with one primary, and one to three employments with at most one current', async () => {
    const contacts = await query<{ n: number; primary: number }>(
      `select count(c.id)::int as n, count(*) filter (where c.is_primary)::int as primary
       from organizations o left join organization_contacts c on c.organization_id = o.id group by o.id`,
    );
    expect(contacts).toHaveLength(20 * scale);
    expect(sorted(new Set(contacts.map(({ n }) => n)))).toEqual([1, 2, 3]);
    expect(contacts.every(({ primary }) => primary === 1)).toBe(true);
    const employments = await query<{ n: number; current: number }>(
      `select count(e.id)::int as n, count(*) filter (where e.end_date is null)::int as current
       from members m left join member_employments e on e.member_id = m.id group by m.id`,
    );
    expect(employments).toHaveLength(50 * scale);
    expect(sorted(new Set(employments.map(({ n }) => n)))).toEqual([1, 2, 3]);
    expect(employments.every(({ current }) => current <= 1)).toBe(true);
    expect(
      await offenders(`select a.id from member_employments a join member_employments b on a.member_id = b.member_id and a.start_date < b.start_date
        where a.end_date is null or a.end_date >= b.start_date`),
    ).toEqual([]);
    expect(
      await offenders(`select e.id from member_employments e join members m on m.id = e.member_id join organizations o on o.id = e.organization_id
        where e.start_date < m.hire_date or m.hire_date < m.date_of_birth + interval '18 years' or o.org_type <> 'employer'
          or (m.status <> 'active' and e.end_date is null)`),
    ).toEqual([]);
  });

  it('has fewer cards than workers at each employer', async () => {
    expect(
      await offenders(`select o.id from organizations o join salting_activities s on s.organization_id = o.id
        group by o.id having sum(s.cards_signed) > o.unit_size or max(s.workers_contacted) > o.unit_size`),
    ).toEqual([]);
  });
});
