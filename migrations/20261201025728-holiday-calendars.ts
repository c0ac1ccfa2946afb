import { Migration } from '@mikro-orm/migrations';

export class Migration20261201025728_holiday_calendars extends Migration {

  override name = 'Migration20261201025728_holiday_calendars';

  override up(): void | Promise<void> {
    this.addSql(`create table "holiday_calendars" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "deleted_at" timestamptz(3) null, "name" varchar(100) collate "C" not null, "workweek" integer[] not null, primary key ("id"));`);
    this.addSql(`create unique index "holiday_calendars_name_unique" on "holiday_calendars" (lower("name"));`);

    this.addSql(`create table "holidays" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "calendar_id" uuid not null, "day" date not null, "name" varchar(100) not null, primary key ("id"));`);
    this.addSql(`alter table "holidays" add constraint "holidays_calendar_id_day_unique" unique ("calendar_id", "day");`);

    this.addSql(`alter table "holiday_calendars" add constraint "holiday_calendars_workweek_days" check (cardinality(workweek) > 0 and workweek <@ array[1, 2, 3, 4, 5, 6, 7]);`);
    this.addSql(`alter table "holiday_calendars" add constraint "holiday_calendars_name_not_empty" check (name <> '');`);

    this.addSql(`alter table "holidays" add constraint "holidays_calendar_id_foreign" foreign key ("calendar_id") references "holiday_calendars" ("id") on delete restrict;`);
    this.addSql(`alter table "holidays" add constraint "holidays_name_not_empty" check (name <> '');`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table "holidays" drop constraint "holidays_calendar_id_foreign";`);

    this.addSql(`drop table if exists "holiday_calendars" cascade;`);
    this.addSql(`drop table if exists "holidays" cascade;`);
  }

}
