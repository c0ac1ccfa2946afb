import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../src/database/index.ts';
import { freshDatabase } from './support/database.ts';

describe.each(['default', 'postgresql'] as const)('run on the %s engine', (engine) => {
  let database: Database;

  beforeAll(async () => {
    database = await freshDatabase({ seeded: true, engine });
  });
  afterAll(() => database?.close());

  it('reads every type alike', async () => {
    const [row] = await database.run(`
      select 'a'::text as text, 1::int4 as int4, 7::int8 as int8, 9007199254740993::int8 as big, count(*) as count,
        1.50::numeric(12,2) as numeric, 2.5::float8 as float, true as bool, null::text as nothing,
        '2024-02-29'::date as date, '2026-01-02 03:04:05.678+02'::timestamptz as instant, '2026-01-02 03:04:05+00'::timestamptz as whole,
        '00000000-0000-7000-8000-000000000001'::uuid as uuid,
        array['a', null, 'b,"c\\']::text[] as texts, array['00000000-0000-7000-8000-000000000001']::uuid[] as uuids, array[1, null]::int4[] as ints,
        array['2024-02-29']::date[] as dates, '{"a": [1]}'::jsonb as json, '\\x0102'::bytea as bytes, 'x'::varchar(3) as varchar
      from generate_series(1, 3)`);
    expect(row).toEqual({
      text: 'a',
      int4: 1,
      int8: 7,
      big: '9007199254740993',
      count: 3,
      numeric: '1.50',
      float: 2.5,
      bool: true,
      nothing: null,
      date: '2024-02-29',
      instant: new Date('2026-01-02T01:04:05.678Z'),
      whole: new Date('2026-01-02T03:04:05Z'),
      uuid: '00000000-0000-7000-8000-000000000001',
      texts: ['a', null, 'b,"c\\'],
      uuids: ['00000000-0000-7000-8000-000000000001'],
      ints: [1, null],
      dates: ['2024-02-29'],
      json: { a: [1] },
      bytes: Buffer.from([1, 2]),
      varchar: 'x',
    });
  });
});
