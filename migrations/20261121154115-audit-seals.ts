import { Migration } from '@mikro-orm/migrations';

export class Migration20261121154115_audit_seals extends Migration {

  override name = 'Migration20261121154115_audit_seals';

  override up(): void | Promise<void> {
    this.addSql(`create table "audit_backlog" ("event_id" uuid not null, primary key ("event_id"));`);

    this.addSql(`create table "audit_seals" ("sequence" bigint not null, "event_id" uuid not null, "kid" varchar(32) collate "C" not null, "hash" varchar(43) collate "C" not null, primary key ("sequence"));`);
    this.addSql(`alter table "audit_seals" add constraint "audit_seals_event_id_unique" unique ("event_id");`);

    this.addSql(`drop index "audit_events_target_type_target_id_at_id_index";`);
    this.addSql(`create index "audit_events_of_people" on "audit_events" ("at", "id") where target_type in ('Member', 'MemberEmployment', 'RoleAssignment', 'User');`);
    this.addSql(`create index "audit_events_target_type_at_id_index" on "audit_events" ("target_type", "at", "id");`);
    this.addSql(`create index "audit_events_target_id_at_id_index" on "audit_events" ("target_id", "at", "id");`);
    this.addSql(`create index "audit_events_outcome_at_id_index" on "audit_events" ("outcome", "at", "id");`);
    // events from before the chain are sealed into it as well
    this.addSql(`insert into "audit_backlog" ("event_id") select "id" from "audit_events";`);
    this.addSql(`create or replace function "audit_events_audit_events_wait_fn"() returns trigger as \$\$ begin insert into audit_backlog (event_id) values (new.id); return null; end; \$\$ language plpgsql;`);
    this.addSql(`create trigger "audit_events_wait" AFTER INSERT on "audit_events" for each ROW execute function "audit_events_audit_events_wait_fn"();`);

    this.addSql(`alter table "audit_seals" add constraint "audit_seals_sequence_positive" check (sequence > 0);`);
    this.addSql(`create or replace function "audit_seals_audit_seals_only_grow_fn"() returns trigger as \$\$ begin raise exception 'audit_seals can only be added to' using errcode = 'insufficient_privilege'; end; \$\$ language plpgsql;`);
    this.addSql(`create trigger "audit_seals_only_grow" BEFORE UPDATE OR DELETE OR TRUNCATE on "audit_seals" for each STATEMENT execute function "audit_seals_audit_seals_only_grow_fn"();`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists "audit_backlog" cascade;`);
    this.addSql(`drop trigger if exists "audit_seals_only_grow" on "audit_seals";`);
    this.addSql(`drop function if exists "audit_seals_audit_seals_only_grow_fn"();`);
    this.addSql(`drop table if exists "audit_seals" cascade;`);

    this.addSql(`drop index "audit_events_of_people";`);
    this.addSql(`drop index "audit_events_target_type_at_id_index";`);
    this.addSql(`drop index "audit_events_target_id_at_id_index";`);
    this.addSql(`drop index "audit_events_outcome_at_id_index";`);
    this.addSql(`drop trigger if exists "audit_events_wait" on "audit_events";`);
    this.addSql(`drop function if exists "audit_events_audit_events_wait_fn"();`);
    this.addSql(`create index "audit_events_target_type_target_id_at_id_index" on "audit_events" ("target_type", "target_id", "at", "id");`);
  }

}
