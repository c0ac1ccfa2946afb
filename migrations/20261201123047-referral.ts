import { Migration } from '@mikro-orm/migrations';

export class Migration20261201123047_referral extends Migration {

  override name = 'Migration20261201123047_referral';

  override up(): void | Promise<void> {
    this.addSql(`create table "referral_books" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "name" varchar(100) not null, "code" varchar(20) collate "C" not null, "calendar_id" uuid not null, "resign_rule" text not null, "resign_days" int null, "window_from" int null, "window_to" int null, "list_to_registrants" text not null, "last_place" int not null, primary key ("id"));`);
    this.addSql(`create index "referral_books_calendar_id_index" on "referral_books" ("calendar_id");`);
    this.addSql(`create unique index "referral_books_code_unique" on "referral_books" (lower("code"));`);

    this.addSql(`create table "registrants" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "member_id" uuid null, "first_name" varchar(100) null, "last_name" varchar(100) null, "home_local" varchar(50) null, "phone" varchar(30) null, primary key ("id"));`);
    this.addSql(`create index "registrants_created_at_id_index" on "registrants" ("created_at", "id");`);
    this.addSql(`create index "registrants_member_id_created_at_id_index" on "registrants" ("member_id", "created_at", "id");`);
    this.addSql(`create index "registrants_home_local_created_at_id_index" on "registrants" ("home_local", "created_at", "id");`);
    this.addSql(`create index "registrant_trigrams" on "registrants" using gin ((lower(translate(regexp_replace(normalize("home_local" collate "default", NFD), '[\\u0300-\\u036F\\u200C\\u200D''\\u2018\\u2019\\u02BC\\u0060\\u00B4\\u2032]', '', 'g'), 'ØøŁłĐđıÆæŒœßÞþ', 'OoLlDdiAaOosTt'))) gin_trgm_ops);`);
    this.addSql(`alter table "registrants" add constraint "registrants_member_id_unique" unique ("member_id");`);

    this.addSql(`create table "registrations" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "registrant_id" uuid not null, "book_id" uuid not null, "group_number" int not null, "registered_at" timestamptz(3) not null, "rank_at" timestamptz(3) not null, "place" int not null, "resign_by" date not null, "ended_at" timestamptz(3) null, "end_reason" text null, primary key ("id"));`);
    this.addSql(`create index "registrations_list" on "registrations" ("book_id", "group_number", "rank_at", "place")
    where ended_at is null;`);
    this.addSql(`create index "registrations_registered_at_id_index" on "registrations" ("registered_at", "id");`);
    this.addSql(`create index "registrations_book_id_registered_at_id_index" on "registrations" ("book_id", "registered_at", "id");`);
    this.addSql(`create index "registrations_registrant_id_registered_at_id_index" on "registrations" ("registrant_id", "registered_at", "id");`);
    this.addSql(`create index "registrations_ended_at_registered_at_id_index" on "registrations" ("ended_at", "registered_at", "id");`);
    this.addSql(`create unique index "registrations_one_open" on "registrations" ("registrant_id", "book_id") where ended_at is null;`);
    this.addSql(`alter table "registrations" add constraint "registrations_book_id_place_unique" unique ("book_id", "place");`);

    this.addSql(`create table "registration_events" ("id" uuid not null, "registration_id" uuid not null, "number" int not null, "action" text not null, "at" timestamptz(3) not null, "resign_by" date null, "end_reason" text null, "note" varchar(500) null, "actor_id" uuid null, primary key ("id"));`);
    this.addSql(`create index "registration_events_actor_id_index" on "registration_events" ("actor_id");`);
    this.addSql(`alter table "registration_events" add constraint "registration_events_registration_id_number_unique" unique ("registration_id", "number");`);

    this.addSql(`alter table "referral_books" add constraint "referral_books_calendar_id_foreign" foreign key ("calendar_id") references "holiday_calendars" ("id") on delete restrict;`);
    this.addSql(`alter table "referral_books" add constraint "referral_books_resign_rule_numbers" check (case resign_rule
    when 'every_days' then coalesce(resign_days between 1 and 365, false)
      and window_from is null and window_to is null
    else resign_days is null and coalesce(window_from between 1 and window_to and window_to <= 28, false) end);`);
    this.addSql(`alter table "referral_books" add constraint "referral_books_resign_rule_check" check ("resign_rule" in ('every_days', 'monthly_window'));`);
    this.addSql(`alter table "referral_books" add constraint "referral_books_list_to_registrants_check" check ("list_to_registrants" in ('full', 'position'));`);

    this.addSql(`alter table "registrants" add constraint "registrants_member_id_foreign" foreign key ("member_id") references "members" ("id") on delete restrict;`);
    this.addSql(`alter table "registrants" add constraint "registrants_member_or_names" check ((member_id is null) = (first_name is not null) and (member_id is null) = (last_name is not null));`);

    this.addSql(`alter table "registrations" add constraint "registrations_registrant_id_foreign" foreign key ("registrant_id") references "registrants" ("id") on delete restrict;`);
    this.addSql(`alter table "registrations" add constraint "registrations_book_id_foreign" foreign key ("book_id") references "referral_books" ("id") on delete restrict;`);
    this.addSql(`alter table "registrations" add constraint "registrations_ended_with_reason" check ((ended_at is null) = (end_reason is null));`);
    this.addSql(`alter table "registrations" add constraint "registrations_group" check (group_number between 1 and 4);`);
    this.addSql(`alter table "registrations" add constraint "registrations_end_reason_check" check ("end_reason" in ('own_request', 'resign_missed'));`);

    this.addSql(`alter table "registration_events" add constraint "registration_events_registration_id_foreign" foreign key ("registration_id") references "registrations" ("id") on delete restrict;`);
    this.addSql(`alter table "registration_events" add constraint "registration_events_actor_id_foreign" foreign key ("actor_id") references "users" ("id") on delete restrict;`);
    this.addSql(`alter table "registration_events" add constraint "registration_events_facts" check ((action = 'end') = (end_reason is not null) and (action = 'end') = (resign_by is null));`);
    this.addSql(`alter table "registration_events" add constraint "registration_events_action_check" check ("action" in ('register', 'resign', 'end'));`);
    this.addSql(`alter table "registration_events" add constraint "registration_events_end_reason_check" check ("end_reason" in ('own_request', 'resign_missed'));`);
    this.addSql(`create or replace function "registration_events_registration_events_append_only_fn"() returns trigger as \$\$ begin raise exception 'registration_events is append-only'; end; \$\$ language plpgsql;`);
    this.addSql(`create trigger "registration_events_append_only" BEFORE UPDATE OR DELETE on "registration_events" for each STATEMENT execute function "registration_events_registration_events_append_only_fn"();`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table "registrations" drop constraint "registrations_book_id_foreign";`);
    this.addSql(`alter table "registrations" drop constraint "registrations_registrant_id_foreign";`);
    this.addSql(`alter table "registration_events" drop constraint "registration_events_registration_id_foreign";`);

    this.addSql(`drop table if exists "referral_books" cascade;`);
    this.addSql(`drop table if exists "registrants" cascade;`);
    this.addSql(`drop table if exists "registrations" cascade;`);
    this.addSql(`drop trigger if exists "registration_events_append_only" on "registration_events";`);
    this.addSql(`drop function if exists "registration_events_registration_events_append_only_fn"();`);
    this.addSql(`drop table if exists "registration_events" cascade;`);
  }

}
