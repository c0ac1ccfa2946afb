import { Migration } from '@mikro-orm/migrations';

export class Migration20261121164035_case_changes extends Migration {

  override name = 'Migration20261121164035_case_changes';

  override up(): void | Promise<void> {
    this.addSql(`create or replace function "case_events_case_events_tell_fn"() returns trigger as \$\$ begin perform pg_notify('unionhall_case_events', json_build_object( 'kind', case when new.grievance_id is null then 'BenevolenceApplication' else 'Grievance' end, 'id', coalesce(new.grievance_id, new.application_id), 'action', new.action)::text); return null; end; \$\$ language plpgsql;`);
    this.addSql(`create trigger "case_events_tell" AFTER INSERT on "case_events" for each ROW
  when (new.from_status is not null) execute function "case_events_case_events_tell_fn"();`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop trigger if exists "case_events_tell" on "case_events";`);
    this.addSql(`drop function if exists "case_events_case_events_tell_fn"();`);
  }

}
