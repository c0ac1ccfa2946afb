import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MikroORM } from '@mikro-orm/pglite';
import { ormOptions } from '../mikro-orm.config.ts';
import { migrate, type Database } from '../src/database/index.ts';
import { emptyDatabase, freshDatabase } from './support/database.ts';

const engines = process.env['UNIONHALL_TEST_FULL'] === '1' ? (['embedded', 'postgresql'] as const) : (['postgresql'] as const);

/** Queries the parts of a schema, except the migrations table. */
const leftovers = `
  select 'table ' || tablename as what from pg_tables where schemaname = 'public' and tablename <> 'mikro_orm_migrations'
  union all select 'view ' || viewname from pg_views where schemaname = 'public'
  union all select 'sequence ' || sequencename from pg_sequences where schemaname = 'public' and sequencename <> 'mikro_orm_migrations_id_seq'
  union all select 'function ' || proname from pg_proc where pronamespace = 'public'::regnamespace
  union all select 'type ' || typname from pg_type where typnamespace = 'public'::regnamespace and typname not like '%mikro_orm_migrations'
  order by 1`;

/** Queries the whole schema as the database prints it. */
const schema = `
  with ours as (select oid, relname from pg_class where relnamespace = 'public'::regnamespace and relname not like 'mikro_orm_migrations%')
  select relname || ' column ' || attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull || ' ' || attcollation::regcollation
      || ' ' || coalesce(pg_get_expr(adbin, adrelid), '') as what
    from pg_attribute join ours on ours.oid = attrelid left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where attnum > 0 and not attisdropped and relname not in (select relname from ours join pg_index on indexrelid = ours.oid)
  union all select relname || ' constraint ' || conname || ' ' || pg_get_constraintdef(c.oid) from pg_constraint c join ours on ours.oid = conrelid
    where contype <> 'n'
  union all select pg_get_indexdef(indexrelid) from pg_index join ours on ours.oid = indrelid
  union all select pg_get_triggerdef(t.oid) from pg_trigger t join ours on ours.oid = tgrelid where not tgisinternal
  union all select pg_get_functiondef(oid) from pg_proc where pronamespace = 'public'::regnamespace
  order by 1`;

describe.each(engines)('the migrations on the %s engine', (engine) => {
  let database: Database;

  beforeAll(async () => {
    database = await emptyDatabase(engine);
  }, 60_000);
  afterAll(() => database?.close());

  it('turn an empty database into exactly what the entities define', async () => {
    expect(await migrate(database)).not.toEqual([]);
    expect(await database.run(schema)).toEqual(await entitiesSchema());
    expect(await migrate(database)).toEqual([]);
  }, 60_000);

  it('leave nothing behind when they are reverted', async () => {
    await database.orm.migrator.down({ to: 0 });
    expect(await database.run(leftovers)).toEqual([]);
    expect(await database.run('select name from mikro_orm_migrations')).toEqual([]);
  }, 60_000);

  it('can be repeated after that', async () => {
    expect(await migrate(database)).not.toEqual([]);
    expect(await database.run(schema)).toEqual(await entitiesSchema());
  }, 60_000);

  async function entitiesSchema(): Promise<readonly unknown[]> {
    const other = await emptyDatabase(engine);
    try {
      await other.orm.schema.create();
      return await other.run(schema);
    } finally {
      await other.close();
    }
  }
});

describe('the last snapshot', () => {
  it('matches the entities, so that the next migration contains only the next change', async () => {
    const orm = await MikroORM.init({ ...ormOptions, dbName: 'memory://' });
    try {
      expect(await orm.migrator.checkSchema()).toBe(false);
    } finally {
      await orm.close(true);
    }
  });
});

describe.each(engines)('the schema on the %s engine', (engine) => {
  let database: Database;

  beforeAll(async () => {
    database = await freshDatabase({ seeded: true, engine });
  }, 60_000);
  afterAll(() => database?.close());

  it('has an index for every foreign key', async () => {
    const bare = await database.run(`
      select c.conrelid::regclass::text || '.' || c.conname as bare from pg_constraint c
      where c.contype = 'f' and c.connamespace = 'public'::regnamespace and not exists (
        select from pg_index i where i.indrelid = c.conrelid and i.indisvalid
          and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid) in ('(deleted_at IS NULL)', 'deleted_at IS NULL'))
          and (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey
          and (i.indkey::int2[])[0:cardinality(c.conkey) - 1] <@ c.conkey)
      order by 1`);
    expect(bare).toEqual([]);
    const [row] = await database.run(`select count(*) as count from pg_constraint where contype = 'f'`);
    expect(row?.['count']).toBeGreaterThan(30);
  });

  it('only adds to audited tables', async () => {
    const event = `insert into audit_events (id, at, action, outcome, request_id, count, mac)
      values (gen_random_uuid(), now(), 'test', 'succeeded', 'r', 1, 'm')`;
    await database.run(event);
    for (const change of [`update audit_events set action = 'other'`, 'delete from audit_events', 'truncate audit_events']) {
      await expect(database.run(change)).rejects.toThrow('audit_events can only be added to');
    }
    expect(await database.run('select action from audit_events')).toEqual([{ action: 'test' }]);
  });

  it.each([
    ['members_member_number_form', `update members set member_number = '12-34'`],
    ['members_member_number_unique', `update members set member_number = '1'`],
    ['members_status_check', `update members set status = 'unknown'`],
    ['organizations_name_not_empty', `update organizations set name = ''`],
    ['organizations_unit_size_positive', `update organizations set unit_size = 0`],
    ['organizations_salting_score_range', `update organizations set salting_score = 6`],
    ['organization_contacts_single_primary_unique', `update organization_contacts set is_primary = true`],
    ['member_employments_end_after_start', `update member_employments set end_date = start_date - 1`],
    ['member_employments_hourly_rate_positive', `update member_employments set hourly_rate = -1`],
    ['member_employments_member_id_foreign', `update member_employments set member_id = gen_random_uuid()`],
    [
      'salting_activities_cards_within_contacts',
      `update salting_activities set cards_signed = workers_contacted + 1 where outcome <> 'no_contact'`,
    ],
    [
      'salting_activities_no_contact_no_figures',
      `update salting_activities set outcome = 'no_contact', workers_contacted = 5, cards_signed = 1`,
    ],
    ['benevolence_applications_amount_positive', `update benevolence_applications set amount_requested = 0 where approved_amount is null`],
    ['benevolence_applications_payment_when_paid', `update benevolence_applications set payment_date = null where status = 'paid'`],
    [
      'benevolence_applications_payment_when_paid',
      `update benevolence_applications set payment_date = '2026-01-01', payment_method = 'check' where status = 'denied'`,
    ],
    [
      'benevolence_applications_approved_amount_when_approved',
      `update benevolence_applications set approved_amount = null where status = 'approved'`,
    ],
    [
      'benevolence_applications_approved_amount_range',
      `update benevolence_applications set approved_amount = amount_requested + 0.01 where status = 'approved'`,
    ],
    [
      'benevolence_applications_levels_when_submitted',
      `update benevolence_applications set required_levels = '{}' where status = 'submitted'`,
    ],
    ['benevolence_applications_levels_known', `update benevolence_applications set required_levels = '{vp,treasurer}'`],
    ['benevolence_reviews_president_decides', `update benevolence_reviews set decision = 'deferred' where review_level = 'president'`],
    [
      'benevolence_reviews_application_id_round_review_level_unique',
      `update benevolence_reviews set review_level = 'vp', decision = 'approved'`,
    ],
    ['grievances_number_form', `update grievances set grievance_number = '2026-1'`],
    ['grievances_step_fits_status', `update grievances set current_step = 'step_2' where status = 'open'`],
    ['grievances_step_fits_status', `update grievances set current_step = 'step_3' where status = 'arbitration'`],
    ['grievances_settlement_when_settled', `update grievances set settlement_amount = 100 where status = 'open'`],
    ['grievances_settlement_when_settled', `update grievances set settlement_amount = 0 where status = 'settled'`],
    ['grievances_resolved_when_ended', `update grievances set resolution = null where status = 'withdrawn'`],
    [
      'grievances_resolved_when_ended',
      `update grievances set resolution = 'too early', resolution_date = filed_date where status = 'open'`,
    ],
    ['grievances_resolution_after_filing', `update grievances set resolution_date = filed_date - 1 where status = 'settled'`],
    ['grievances_incident_before_filing', `update grievances set incident_date = filed_date + 1`],
    ['grievance_step_records_step_number_range', `update grievance_step_records set step_number = 5, outcome = 'denied'`],
    ['grievance_step_records_last_step_ends', `update grievance_step_records set step_number = 4, outcome = 'advanced'`],
    ['case_events_one_case', `update case_events set grievance_id = null, application_id = null`],
    ['users_email_form', `update users set email = 'nobody'`],
    ['users_email_proved_unique', `update users set email = 'Admin@Unionhall.test' where username <> 'admin'`],
    ['users_username_unique', `update users set username = 'ADMIN' where username <> 'admin'`],
    ['users_single_owner_unique', `update users set is_owner = true`],
    ['users_member_id_unique', `update users set member_id = (select id from members limit 1)`],
    ['roles_name_lower_case', `update roles set name = upper(name)`],
    ['user_roles_review_levels_known', `update user_roles set review_levels = '{treasurer}'`],
    [
      'sessions_end_has_reason',
      `insert into sessions (id, created_at, updated_at, user_id, last_seen_at, expires_at, idle_ends_at, authenticated_at, refresh_counter, refresh_hash, refresh_kid, refreshed_at, ended_at)
        select gen_random_uuid(), now(), now(), id, now(), now(), now(), now(), 1, 'h', 'k', now(), now() from users limit 1`,
    ],
    [
      'vault_keys_single_active_unique',
      `insert into vault_keys (id, created_at, updated_at, version, state)
        select gen_random_uuid(), now(), now(), n, 'active' from generate_series(1, 2) n`,
    ],
  ])('enforces %s', async (constraint, breach) => {
    const error = await database.run(breach).then(
      () => 'it was allowed',
      (reason: unknown) => (reason as { constraint?: string }).constraint ?? String(reason),
    );
    expect(error).toBe(constraint);
  });
});
