import { Migration } from '@mikro-orm/migrations';

export class Migration20261201021533_new_case_events extends Migration {

  override name = 'Migration20261201021533_new_case_events';

  override up(): void | Promise<void> {
    this.addSql(`drop trigger if exists "case_events_tell" on "case_events";`);
    this.addSql(`create trigger "case_events_tell" AFTER INSERT on "case_events" for each ROW
   execute function "case_events_case_events_tell_fn"();`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop trigger if exists "case_events_tell" on "case_events";`);
    this.addSql(`create trigger "case_events_tell" AFTER INSERT on "case_events" for each ROW
  when (new.from_status is not null) execute function "case_events_case_events_tell_fn"();`);
  }

}
