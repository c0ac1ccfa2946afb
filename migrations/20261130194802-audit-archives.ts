import { Migration } from '@mikro-orm/migrations';

export class Migration20261130194802_audit_archives extends Migration {

  override name = 'Migration20261130194802_audit_archives';

  override up(): void | Promise<void> {
    this.addSql(`create table "audit_archives" ("sequence" bigint not null, "hash" varchar(43) collate "C" not null, "before" varchar(7) collate "C" not null, "digest" varchar(64) collate "C" not null, "at" timestamptz(3) not null, "kid" varchar(32) collate "C" not null, "mac" varchar(43) collate "C" not null, primary key ("sequence"));`);

    this.addSql(`drop trigger if exists "audit_seals_only_grow" on "audit_seals";`);
    this.addSql(`drop function if exists "audit_seals_audit_seals_only_grow_fn"();`);
    this.addSql(`create or replace function "audit_seals_audit_seals_only_grow_fn"() returns trigger as \$\$ begin if tg_op = 'DELETE' and pg_catalog.current_setting('unionhall.archiving', true) = 'on' and pg_catalog.pg_has_role(current_user, (select relowner from pg_catalog.pg_class where oid = tg_relid), 'usage') then return null; end if; raise exception 'audit_seals can only be added to' using errcode = 'insufficient_privilege'; end; \$\$ language plpgsql;`);
    this.addSql(`create trigger "audit_seals_only_grow" BEFORE UPDATE OR DELETE OR TRUNCATE on "audit_seals" for each STATEMENT execute function "audit_seals_audit_seals_only_grow_fn"();`);

    this.addSql(`drop trigger if exists "audit_events_only_grow" on "audit_events";`);
    this.addSql(`drop function if exists "audit_events_audit_events_only_grow_fn"();`);
    this.addSql(`create or replace function "audit_events_audit_events_only_grow_fn"() returns trigger as \$\$ begin if tg_op = 'DELETE' and pg_catalog.current_setting('unionhall.archiving', true) = 'on' and pg_catalog.pg_has_role(current_user, (select relowner from pg_catalog.pg_class where oid = tg_relid), 'usage') then return null; end if; raise exception 'audit_events can only be added to' using errcode = 'insufficient_privilege'; end; \$\$ language plpgsql;`);
    this.addSql(`create trigger "audit_events_only_grow" BEFORE UPDATE OR DELETE OR TRUNCATE on "audit_events" for each STATEMENT execute function "audit_events_audit_events_only_grow_fn"();`);

    this.addSql(`alter table "audit_archives" add constraint "audit_archives_sequence_positive" check (sequence > 0);`);
    this.addSql(`create or replace function "audit_archives_audit_archives_only_grow_fn"() returns trigger as \$\$ begin raise exception 'audit_archives can only be added to' using errcode = 'insufficient_privilege'; end; \$\$ language plpgsql;`);
    this.addSql(`create trigger "audit_archives_only_grow" BEFORE UPDATE OR DELETE OR TRUNCATE on "audit_archives" for each STATEMENT execute function "audit_archives_audit_archives_only_grow_fn"();`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop trigger if exists "audit_archives_only_grow" on "audit_archives";`);
    this.addSql(`drop function if exists "audit_archives_audit_archives_only_grow_fn"();`);
    this.addSql(`drop table if exists "audit_archives" cascade;`);

    this.addSql(`drop trigger if exists "audit_events_only_grow" on "audit_events";`);
    this.addSql(`drop function if exists "audit_events_audit_events_only_grow_fn"();`);
    this.addSql(`create or replace function "audit_events_audit_events_only_grow_fn"() returns trigger as \$\$ begin raise exception 'audit_events can only be added to' using errcode = 'insufficient_privilege'; end; \$\$ language plpgsql;`);
    this.addSql(`create trigger "audit_events_only_grow" BEFORE UPDATE OR DELETE OR TRUNCATE on "audit_events" for each STATEMENT execute function "audit_events_audit_events_only_grow_fn"();`);

    this.addSql(`drop trigger if exists "audit_seals_only_grow" on "audit_seals";`);
    this.addSql(`drop function if exists "audit_seals_audit_seals_only_grow_fn"();`);
    this.addSql(`create or replace function "audit_seals_audit_seals_only_grow_fn"() returns trigger as \$\$ begin raise exception 'audit_seals can only be added to' using errcode = 'insufficient_privilege'; end; \$\$ language plpgsql;`);
    this.addSql(`create trigger "audit_seals_only_grow" BEFORE UPDATE OR DELETE OR TRUNCATE on "audit_seals" for each STATEMENT execute function "audit_seals_audit_seals_only_grow_fn"();`);
  }

}
