import { Migration } from '@mikro-orm/migrations';

export class Migration20261201053019_deadlines extends Migration {

  override name = 'Migration20261201053019_deadlines';

  override up(): void | Promise<void> {
    this.addSql(`create table "grievance_milestones" ("id" uuid not null, "grievance_id" uuid not null, "step" int not null, "kind" text not null, "date" date not null, "is_default" boolean not null, "supersedes_id" uuid null, "actor_id" uuid null, "at" timestamptz(3) not null, primary key ("id"));`);
    this.addSql(`create index "grievance_milestones_actor_id_index" on "grievance_milestones" ("actor_id");`);
    this.addSql(`create index "grievance_milestones_grievance_id_step_kind_index" on "grievance_milestones" ("grievance_id", "step", "kind");`);
    this.addSql(`alter table "grievance_milestones" add constraint "grievance_milestones_supersedes_id_unique" unique ("supersedes_id");`);

    this.addSql(`create table "grievance_extensions" ("id" uuid not null, "grievance_id" uuid not null, "step" int not null, "act" text not null, "due_date" date null, "agreed_date" date not null, "agreed_with" varchar(200) not null, "reference" varchar(200) null, "reason" varchar(2000) null, "actor_id" uuid null, "at" timestamptz(3) not null, primary key ("id"));`);
    this.addSql(`create index "grievance_extensions_actor_id_index" on "grievance_extensions" ("actor_id");`);
    this.addSql(`create index "grievance_extensions_grievance_id_at_index" on "grievance_extensions" ("grievance_id", "at");`);

    this.addSql(`create table "grievance_deadlines" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "grievance_id" uuid not null, "step" int not null, "act" text not null, "party" text not null, "on_miss" text not null, "counted_from" date not null, "is_from_event" boolean not null, "original_date" date not null, "due_date" date not null, "met_on" date null, "is_moot" boolean not null, primary key ("id"));`);
    this.addSql(`create index "grievance_deadlines_due_date_id_index" on "grievance_deadlines" ("due_date", "id");`);
    this.addSql(`create index "grievance_deadlines_grievance_id_due_date_id_index" on "grievance_deadlines" ("grievance_id", "due_date", "id");`);
    this.addSql(`create index "grievance_deadlines_step_due_date_id_index" on "grievance_deadlines" ("step", "due_date", "id");`);
    this.addSql(`create index "grievance_deadlines_act_due_date_id_index" on "grievance_deadlines" ("act", "due_date", "id");`);
    this.addSql(`create index "grievance_deadlines_party_due_date_id_index" on "grievance_deadlines" ("party", "due_date", "id");`);
    this.addSql(`create index "grievance_deadlines_on_miss_due_date_id_index" on "grievance_deadlines" ("on_miss", "due_date", "id");`);
    this.addSql(`create index "grievance_deadlines_met_on_due_date_id_index" on "grievance_deadlines" ("met_on", "due_date", "id");`);
    this.addSql(`create index "grievance_deadlines_is_moot_due_date_id_index" on "grievance_deadlines" ("is_moot", "due_date", "id");`);
    this.addSql(`alter table "grievance_deadlines" add constraint "grievance_deadlines_grievance_id_step_act_unique" unique ("grievance_id", "step", "act");`);

    this.addSql(`alter table "grievances" add "step_count" int not null default 3;`);
    this.addSql(`alter table "grievances" add constraint "grievances_step_count_range" check (step_count between 1 and 3);`);

    this.addSql(`alter table "grievance_milestones" add constraint "grievance_milestones_grievance_id_foreign" foreign key ("grievance_id") references "grievances" ("id") on delete restrict;`);
    this.addSql(`alter table "grievance_milestones" add constraint "grievance_milestones_supersedes_id_foreign" foreign key ("supersedes_id") references "grievance_milestones" ("id") on delete restrict;`);
    this.addSql(`alter table "grievance_milestones" add constraint "grievance_milestones_actor_id_foreign" foreign key ("actor_id") references "users" ("id") on delete restrict;`);
    this.addSql(`alter table "grievance_milestones" add constraint "grievance_milestones_step_range" check (step between 1 and 4);`);
    this.addSql(`alter table "grievance_milestones" add constraint "grievance_milestones_kind_check" check ("kind" in ('submitted', 'met', 'answered'));`);
    this.addSql(`create or replace function "grievance_milestones_grievance_milestones_append_only_fn"() returns trigger as \$\$ begin raise exception 'grievance_milestones is append-only'; end; \$\$ language plpgsql;`);
    this.addSql(`create trigger "grievance_milestones_append_only" BEFORE UPDATE OR DELETE on "grievance_milestones" for each STATEMENT execute function "grievance_milestones_grievance_milestones_append_only_fn"();`);

    this.addSql(`alter table "grievance_extensions" add constraint "grievance_extensions_grievance_id_foreign" foreign key ("grievance_id") references "grievances" ("id") on delete restrict;`);
    this.addSql(`alter table "grievance_extensions" add constraint "grievance_extensions_actor_id_foreign" foreign key ("actor_id") references "users" ("id") on delete restrict;`);
    this.addSql(`alter table "grievance_extensions" add constraint "grievance_extensions_agreed_with_not_empty" check (agreed_with <> '');`);
    this.addSql(`alter table "grievance_extensions" add constraint "grievance_extensions_due_after_agreed" check (due_date >= agreed_date);`);
    this.addSql(`alter table "grievance_extensions" add constraint "grievance_extensions_step_range" check (step between 1 and 4);`);
    this.addSql(`alter table "grievance_extensions" add constraint "grievance_extensions_act_check" check ("act" in ('file', 'meet', 'answer', 'appeal', 'award'));`);
    this.addSql(`create or replace function "grievance_extensions_grievance_extensions_append_only_fn"() returns trigger as \$\$ begin raise exception 'grievance_extensions is append-only'; end; \$\$ language plpgsql;`);
    this.addSql(`create trigger "grievance_extensions_append_only" BEFORE UPDATE OR DELETE on "grievance_extensions" for each STATEMENT execute function "grievance_extensions_grievance_extensions_append_only_fn"();`);

    this.addSql(`alter table "grievance_deadlines" add constraint "grievance_deadlines_grievance_id_foreign" foreign key ("grievance_id") references "grievances" ("id") on delete restrict;`);
    this.addSql(`alter table "grievance_deadlines" add constraint "grievance_deadlines_step_range" check (step between 1 and 4);`);
    this.addSql(`alter table "grievance_deadlines" add constraint "grievance_deadlines_act_check" check ("act" in ('file', 'meet', 'answer', 'appeal', 'award'));`);
    this.addSql(`alter table "grievance_deadlines" add constraint "grievance_deadlines_party_check" check ("party" in ('union', 'employer', 'arbitrator'));`);
    this.addSql(`alter table "grievance_deadlines" add constraint "grievance_deadlines_on_miss_check" check ("on_miss" in ('none', 'waived', 'last_answer', 'denied', 'advanced', 'granted'));`);

    // The known milestones of existing grievances: their filing, their meetings, and their advances to the next step.
    const milestone = 'insert into "grievance_milestones" ("id", "grievance_id", "step", "kind", "date", "is_default", "actor_id", "at")';
    this.addSql(`${milestone}
      select gen_random_uuid(), g.id, 1, 'submitted', g.filed_date, false, e.actor_id, coalesce(e.at, g.created_at)
      from grievances g left join lateral (select actor_id, at from case_events where grievance_id = g.id and action = 'file' order by at, id limit 1) e on true;`);
    this.addSql(`${milestone}
      select gen_random_uuid(), s.grievance_id, s.step_number, k.kind, s.meeting_date, false, null, s.created_at
      from grievance_step_records s cross join (values ('met'), ('answered')) as k (kind);`);
    this.addSql(`${milestone}
      select gen_random_uuid(), s.grievance_id, s.step_number + 1, 'submitted', s.meeting_date, false, null, s.created_at
      from grievance_step_records s where s.outcome = 'advanced';`);
    this.addSql(`${milestone}
      select gen_random_uuid(), d.grievance_id, d.step_number + 1, 'submitted',
        greatest(d.meeting_date, cast(coalesce(a.at, d.created_at) at time zone 'UTC' as date)), false, a.actor_id, coalesce(a.at, d.created_at)
      from (select s.*, row_number() over (partition by s.grievance_id order by s.step_number) as nth
          from grievance_step_records s join grievances g on g.id = s.grievance_id
          where s.outcome = 'denied'
            and s.step_number < array_position(array['step_1', 'step_2', 'step_3', 'arbitration'], g.current_step::text)) d
        left join (select e.*, row_number() over (partition by e.grievance_id order by e.at, e.id) as nth
          from case_events e where e.action = 'appeal') a on a.grievance_id = d.grievance_id and a.nth = d.nth;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table "grievance_milestones" drop constraint "grievance_milestones_supersedes_id_foreign";`);

    this.addSql(`drop trigger if exists "grievance_milestones_append_only" on "grievance_milestones";`);
    this.addSql(`drop function if exists "grievance_milestones_grievance_milestones_append_only_fn"();`);
    this.addSql(`drop table if exists "grievance_milestones" cascade;`);
    this.addSql(`drop trigger if exists "grievance_extensions_append_only" on "grievance_extensions";`);
    this.addSql(`drop function if exists "grievance_extensions_grievance_extensions_append_only_fn"();`);
    this.addSql(`drop table if exists "grievance_extensions" cascade;`);
    this.addSql(`drop table if exists "grievance_deadlines" cascade;`);

    this.addSql(`alter table "grievances" drop constraint "grievances_step_count_range";`);
    this.addSql(`alter table "grievances" drop column "step_count";`);
  }

}
