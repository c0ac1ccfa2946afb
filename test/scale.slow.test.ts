import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { kinds, progressOn, seed, type SeedOptions, type SeedReport } from '../seeds/index.ts';
import type { Database } from '../src/database/index.ts';
import { BenevolenceApplication } from '../src/entities/benevolence.ts';
import { Grievance } from '../src/entities/grievance.ts';
import { freshDatabase } from './support/database.ts';
import { replayBenevolence, replayGrievance, stateOfBenevolence, stateOfGrievance } from './support/replay.ts';

const scaled = [...new Set([...kinds[1], ...kinds[2]].flatMap(({ table, parts }) => [table, ...parts]))];
const tables = ['roles', 'users', 'user_roles', ...scaled, 'grievance_counters'];
const databases: Database[] = [];

afterAll(async () => {
  for (const database of databases) await database.close();
});

async function emptyLocal(engine: 'embedded' | 'postgresql'): Promise<Database> {
  const database = await freshDatabase({ seeded: false, engine });
  databases.push(database);
  return database;
}

async function seedAt(scale: number, { orm }: Database, options: Partial<SeedOptions> = {}): Promise<SeedReport> {
  return await seed(orm.em, { environment: 'test', hashPassword: async (password) => `hash of ${password}`, scale, ...options });
}

/** Returns the number of rows and a digest of the content of each table. */
async function contentsOf({ run }: Database): Promise<Record<string, Record<string, unknown> | undefined>> {
  const contents: Record<string, Record<string, unknown> | undefined> = {};
  for (const table of tables) {
    const text = `select count(*)::int as rows, md5(string_agg(row, E'\\n' order by row collate "C")) as digest from (select to_jsonb(t)::text as row from ${table} t) each`;
    [contents[table]] = await run(text);
  }
  return contents;
}

/** Returns duplicate numbers, gaps, and counters that do not match the last number. */
async function faultsOfNumbers({ run }: Database): Promise<unknown> {
  return {
    grievances: await run(
      `select year, count(*)::int, max(number)::int from (
         select split_part(grievance_number, '-', 2)::int as year, split_part(grievance_number, '-', 3)::int as number from grievances) given
       left join grievance_counters using (year) group by year, last
       having count(*) <> max(number) or count(distinct number) <> count(*) or last is distinct from max(number)`,
    ),
    members: await run('select member_number from members group by 1 having count(*) > 1'),
  };
}

describe('seeding at scale 3', () => {
  let database: Database;
  const heard: (readonly [done: number, total: number, table: string, rows: number])[] = [];
  let written: SeedReport['written'];

  beforeAll(async () => {
    database = await emptyLocal('embedded');
    ({ written } = await seedAt(3, database, { progress: (...progress) => heard.push(progress) }));
  }, 60_000);

  it('adds three times the rows of each table, and the accounts once', async () => {
    const times = { organizations: 20, members: 50, salting_activities: 30, benevolence_applications: 25, benevolence_reviews: 47 };
    const all = { ...times, grievances: 20, grievance_step_records: 31, case_events: 185 };
    expect(written).toMatchObject(Object.fromEntries(Object.entries(all).map(([table, rows]) => [table, 3 * rows])));
    expect(written).toMatchObject({ users: 10, user_roles: 10, roles: 6, grievance_counters: 3 });
    expect(Object.entries(await contentsOf(database)).map(([table, content]) => [table, content?.['rows']])).toEqual(
      tables.map((table) => [table, written[table as keyof typeof written]]),
    );
  });

  it('assigns every number once and without gaps', async () => {
    expect(await faultsOfNumbers(database)).toEqual({ grievances: [], members: [] });
  });

  it('contains only cases that the rules allow', async () => {
    const em = database.orm.em.fork();
    const grievances = await em.find(Grievance, {}, { filters: false, populate: ['steps', 'history'] });
    for (const each of grievances) {
      expect(replayGrievance(each, each.steps.getItems(), each.history.getItems())).toEqual(stateOfGrievance(each));
    }
    const populate = ['reviews', 'reviews.reviewer', 'history'] as const;
    const applications = await em.find(BenevolenceApplication, {}, { filters: false, populate });
    for (const each of applications) {
      expect(replayBenevolence(each, each.reviews.getItems(), each.history.getItems())).toEqual(stateOfBenevolence(each));
    }
    expect([grievances.length, applications.length]).toEqual([60, 75]);
  });

  it('reports its progress for each kind, up to the end', () => {
    expect(heard.map(([done, total]) => [done, total])).toEqual([
      [60, 735],
      [135, 735],
      [285, 735],
      [330, 735],
      [420, 735],
      [495, 735],
      [555, 735],
      [735, 735],
    ]);
    expect(heard.map(([, , table]) => table)).toEqual([...kinds[1], ...kinds[2]].map(({ table }) => table));
    const rows = Object.values(written).reduce((sum, count) => sum + count, 0);
    expect(heard.at(-1)?.[3]).toBe(rows - 3); // all except the counters, which come last
  });

  it('has the same result from scale 1', async () => {
    const other = await emptyLocal('embedded');
    await seedAt(1, other);
    await seedAt(3, other);
    expect(await contentsOf(other)).toEqual(await contentsOf(database));
  }, 60_000);

  it('leaves nothing after an interruption, and can be repeated', async () => {
    const other = await emptyLocal('embedded');
    const interrupt = (done: number, total: number) => {
      if (done > total / 2) throw new Error('interrupted');
    };
    await expect(seedAt(3, other, { progress: interrupt })).rejects.toThrow('interrupted');
    for (const content of Object.values(await contentsOf(other))) expect(content).toMatchObject({ rows: 0 });
    await seedAt(3, other);
    expect(await contentsOf(other)).toEqual(await contentsOf(database));
  }, 60_000);
});

describe('seeding a PostgreSQL server', () => {
  let server: Database;

  beforeAll(async () => {
    server = await emptyLocal('postgresql');
    await seedAt(20, server);
  }, 60_000);

  it('creates the same database as the embedded one, in many batches', async () => {
    const embedded = await emptyLocal('embedded');
    await seedAt(20, embedded);
    expect(await contentsOf(server)).toEqual(await contentsOf(embedded));
    expect(await faultsOfNumbers(server)).toEqual({ grievances: [], members: [] });
  }, 60_000);

  it('leaves nothing after an interruption', async () => {
    const other = await emptyLocal('postgresql');
    const interrupt = (_: number, __: number, table: string) => {
      if (table === 'grievances') throw new Error('interrupted');
    };
    await expect(seedAt(20, other, { progress: interrupt })).rejects.toThrow('interrupted');
    for (const content of Object.values(await contentsOf(other))) expect(content).toMatchObject({ rows: 0 });
  }, 60_000);

  it('adds only what is missing, and rolls back if a row conflicts', async () => {
    const other = await emptyLocal('postgresql');
    await seedAt(2, other);
    const before = await contentsOf(other);
    expect((await seedAt(2, other)).written).toEqual({});
    await other.run(`update members set member_number = 'LU9047000104' where member_number = '100000'`);
    await expect(seedAt(20, other)).rejects.toThrow(/Nothing was seeded: .*members_member_number_unique/);
    await other.run(`update members set member_number = '100000' where member_number = 'LU9047000104'`);
    expect(await contentsOf(other)).toEqual(before);
  }, 60_000);

  it('waits for a concurrent run', async () => {
    const other = await emptyLocal('postgresql');
    const reports = await Promise.all([seedAt(20, other), seedAt(20, other)]);
    expect(reports.map(({ written }) => written['members'] ?? 0).sort((a, b) => a - b)).toEqual([0, 1000]);
    expect(await contentsOf(other)).toEqual(await contentsOf(server));
  }, 60_000);
});

describe('progress', () => {
  /** Returns the output of a run that reports every tenth of a second for this long. */
  function shown(stream: { isTTY?: boolean; columns?: number }, seconds: number): string[] {
    const lines: string[] = [];
    let time = 0;
    const { progress, end } = progressOn({ ...stream, write: (text) => lines.push(text) }, () => time);
    for (time = 100; time <= seconds * 1000; time += 100) progress(time, 20_000, 'members', time * 35);
    end();
    return lines;
  }

  it('is not shown in the first second', () => {
    expect(shown({ isTTY: true }, 0.9)).toEqual([]);
    expect(shown({}, 0.9)).toEqual([]);
  });

  it('is a line every few seconds in a log', () => {
    expect(shown({}, 14)).toEqual([
      'Seeding: 25 %, at members; 175,000 rows, 35,000 a second.\n',
      'Seeding: 50 %, at members; 350,000 rows, 35,000 a second.\n',
    ]);
  });

  it('is one line on a terminal, which is removed at the end', () => {
    const lines = shown({ isTTY: true, columns: 60 }, 15);
    expect(lines[90]).toBe('\r██████████░░░░░░░░░░  50 %  members, 350,000 rows, 35,000 a\u001b[K');
    expect(lines.at(-1)).toBe('\r\u001b[K');
    expect(lines.join('')).not.toContain('\n');
  });
});
