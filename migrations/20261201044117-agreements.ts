import { Migration } from '@mikro-orm/migrations';

export class Migration20261201044117_agreements extends Migration {

  override name = 'Migration20261201044117_agreements';

  override up(): void | Promise<void> {
    this.addSql(`create table "bargaining_units" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "deleted_at" timestamptz(3) null, "name" varchar(200) collate "C" not null, "code" varchar(20) collate "C" not null, "description" text null, primary key ("id"));`);
    this.addSql(`create unique index "bargaining_units_code_unique" on "bargaining_units" (lower("code"));`);

    this.addSql(`create table "agreements" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "deleted_at" timestamptz(3) null, "title" varchar(200) collate "C" not null, "code" varchar(20) collate "C" not null, "unit_id" uuid not null, "calendar_id" uuid not null, "association" varchar(200) null, "effective_date" date not null, "expiration_date" date null, "renews_yearly" boolean not null, "notice_days" int not null, "signed_date" date null, "clock" text not null, "first_day_counts" boolean not null, "rolls_forward" boolean not null, "extensions_in_writing" boolean not null, "steps" int not null, "version" int not null default 1, primary key ("id"));`);
    this.addSql(`create index "agreements_calendar_id_index" on "agreements" ("calendar_id");`);
    this.addSql(`create index "agreements_effective_date_id_index" on "agreements" ("effective_date", "id") where deleted_at is null;`);
    this.addSql(`create index "agreement_by_title" on "agreements" ((((lower(translate(regexp_replace(normalize("title" collate "default", NFD), '[\\u0300-\\u036F\\u200C\\u200D''\\u2018\\u2019\\u02BC\\u0060\\u00B4\\u2032]', '', 'g'), 'ØøŁłĐđıÆæŒœßÞþ', 'OoLlDdiAaOosTt'))) collate "C")), "id") where deleted_at is null;`);
    this.addSql(`create index "agreements_code_effective_date_id_index" on "agreements" ("code", "effective_date", "id") where deleted_at is null;`);
    this.addSql(`create index "agreements_unit_id_effective_date_id_index" on "agreements" ("unit_id", "effective_date", "id") where deleted_at is null;`);
    this.addSql(`create index "agreements_expiration_date_effective_date_id_index" on "agreements" ("expiration_date", "effective_date", "id") where deleted_at is null;`);
    this.addSql(`create index "agreement_deleted" on "agreements" ("id") where deleted_at is not null;`);
    this.addSql(`create extension if not exists pg_trgm;`);
    this.addSql(`create index "agreement_trigrams" on "agreements" using gin ((lower(translate(regexp_replace(normalize("code" collate "default", NFD), '[\\u0300-\\u036F\\u200C\\u200D''\\u2018\\u2019\\u02BC\\u0060\\u00B4\\u2032]', '', 'g'), 'ØøŁłĐđıÆæŒœßÞþ', 'OoLlDdiAaOosTt'))) gin_trgm_ops) where deleted_at is null;`);
    this.addSql(`create unique index "agreements_code_effective_date_unique" on "agreements" ("code", "effective_date") where deleted_at is null;`);

    this.addSql(`create table "agreement_limits" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "agreement_id" uuid not null, "step" int not null, "act" text not null, "days" int not null, "day_unit" text not null, "counts_from" text not null, "on_miss" text not null, primary key ("id"));`);
    this.addSql(`alter table "agreement_limits" add constraint "agreement_limits_agreement_id_step_act_unique" unique ("agreement_id", "step", "act");`);

    this.addSql(`create table "agreement_articles" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "agreement_id" uuid not null, "place" int not null, "number" varchar(20) collate "C" not null, "title" varchar(200) not null, primary key ("id"));`);
    this.addSql(`alter table "agreement_articles" add constraint "agreement_articles_agreement_id_number_unique" unique ("agreement_id", "number");`);

    this.addSql(`create table "agreement_employers" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "agreement_id" uuid not null, "organization_id" uuid not null, "assented_date" date not null, "ended_date" date null, primary key ("id"));`);
    this.addSql(`create index "agreement_employers_organization_id_assented_date_index" on "agreement_employers" ("organization_id", "assented_date");`);
    this.addSql(`alter table "agreement_employers" add constraint "agreement_employers_agreement_id_organization_id_unique" unique ("agreement_id", "organization_id");`);

    this.addSql(`alter table "grievances" add "known_date" date null, add "agreement_id" uuid null, add "article_id" uuid null;`);
    this.addSql(`alter table "grievances" add constraint "grievances_agreement_id_foreign" foreign key ("agreement_id") references "agreements" ("id") on delete restrict;`);
    this.addSql(`alter table "grievances" add constraint "grievances_article_id_foreign" foreign key ("article_id") references "agreement_articles" ("id") on delete restrict;`);
    this.addSql(`create index "grievances_article_id_index" on "grievances" ("article_id");`);
    this.addSql(`create index "grievances_agreement_id_filed_date_id_index" on "grievances" ("agreement_id", "filed_date", "id") where deleted_at is null;`);
    this.addSql(`alter table "grievances" add constraint "grievances_article_of_agreement" check (article_id is null or agreement_id is not null);`);
    this.addSql(`alter table "grievances" add constraint "grievances_known_between_incident_and_filing" check (known_date >= incident_date and known_date <= filed_date);`);

    this.addSql(`alter table "bargaining_units" add constraint "bargaining_units_not_empty" check (name <> '' and code <> '');`);

    this.addSql(`alter table "agreements" add constraint "agreements_unit_id_foreign" foreign key ("unit_id") references "bargaining_units" ("id") on delete restrict;`);
    this.addSql(`alter table "agreements" add constraint "agreements_calendar_id_foreign" foreign key ("calendar_id") references "holiday_calendars" ("id") on delete restrict;`);
    this.addSql(`alter table "agreements" add constraint "agreements_steps_range" check (steps between 1 and 3);`);
    this.addSql(`alter table "agreements" add constraint "agreements_notice_days_range" check (notice_days between 0 and 365);`);
    this.addSql(`alter table "agreements" add constraint "agreements_expiration_after_effective" check (expiration_date >= effective_date);`);
    this.addSql(`alter table "agreements" add constraint "agreements_not_empty" check (title <> '' and code <> '');`);
    this.addSql(`alter table "agreements" add constraint "agreements_clock_check" check ("clock" in ('occurrence', 'knowledge'));`);

    this.addSql(`alter table "agreement_limits" add constraint "agreement_limits_agreement_id_foreign" foreign key ("agreement_id") references "agreements" ("id") on delete restrict;`);
    this.addSql(`alter table "agreement_limits" add constraint "agreement_limits_lawful" check (case act when 'file' then step in (1) and counts_from in ('incident') and on_miss in ('none', 'waived') when 'meet' then step in (1, 2, 3) and counts_from in ('submission') and on_miss in ('none', 'denied', 'advanced', 'granted') when 'answer' then step in (1, 2, 3) and counts_from in ('submission', 'meeting') and on_miss in ('none', 'denied', 'advanced', 'granted') when 'appeal' then step in (1, 2, 3) and counts_from in ('answer') and on_miss in ('none', 'waived', 'last_answer', 'advanced') when 'award' then step in (4) and counts_from in ('meeting') and on_miss in ('none') end);`);
    this.addSql(`alter table "agreement_limits" add constraint "agreement_limits_days_range" check (days between 1 and 365);`);
    this.addSql(`alter table "agreement_limits" add constraint "agreement_limits_act_check" check ("act" in ('file', 'meet', 'answer', 'appeal', 'award'));`);
    this.addSql(`alter table "agreement_limits" add constraint "agreement_limits_day_unit_check" check ("day_unit" in ('working', 'calendar'));`);
    this.addSql(`alter table "agreement_limits" add constraint "agreement_limits_counts_from_check" check ("counts_from" in ('incident', 'submission', 'meeting', 'answer'));`);
    this.addSql(`alter table "agreement_limits" add constraint "agreement_limits_on_miss_check" check ("on_miss" in ('none', 'waived', 'last_answer', 'denied', 'advanced', 'granted'));`);

    this.addSql(`alter table "agreement_articles" add constraint "agreement_articles_agreement_id_foreign" foreign key ("agreement_id") references "agreements" ("id") on delete restrict;`);
    this.addSql(`alter table "agreement_articles" add constraint "agreement_articles_not_empty" check (number <> '' and title <> '');`);

    this.addSql(`alter table "agreement_employers" add constraint "agreement_employers_agreement_id_foreign" foreign key ("agreement_id") references "agreements" ("id") on delete restrict;`);
    this.addSql(`alter table "agreement_employers" add constraint "agreement_employers_organization_id_foreign" foreign key ("organization_id") references "organizations" ("id") on delete restrict;`);
    this.addSql(`alter table "agreement_employers" add constraint "agreement_employers_end_after_assent" check (ended_date >= assented_date);`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table "agreements" drop constraint "agreements_unit_id_foreign";`);
    this.addSql(`alter table "agreement_limits" drop constraint "agreement_limits_agreement_id_foreign";`);
    this.addSql(`alter table "agreement_articles" drop constraint "agreement_articles_agreement_id_foreign";`);
    this.addSql(`alter table "agreement_employers" drop constraint "agreement_employers_agreement_id_foreign";`);
    this.addSql(`alter table "grievances" drop constraint "grievances_agreement_id_foreign";`);
    this.addSql(`alter table "grievances" drop constraint "grievances_article_id_foreign";`);

    this.addSql(`drop table if exists "bargaining_units" cascade;`);
    this.addSql(`drop table if exists "agreements" cascade;`);
    this.addSql(`drop table if exists "agreement_limits" cascade;`);
    this.addSql(`drop table if exists "agreement_articles" cascade;`);
    this.addSql(`drop table if exists "agreement_employers" cascade;`);

    this.addSql(`drop index "grievances_article_id_index";`);
    this.addSql(`drop index "grievances_agreement_id_filed_date_id_index";`);
    this.addSql(`alter table "grievances" drop constraint "grievances_article_of_agreement";`);
    this.addSql(`alter table "grievances" drop constraint "grievances_known_between_incident_and_filing";`);
    this.addSql(`alter table "grievances" drop column "known_date", drop column "agreement_id", drop column "article_id";`);
  }

}
