import { Migration } from '@mikro-orm/migrations';

export class Migration20261121155826_vault extends Migration {

  override name = 'Migration20261121155826_vault';

  override up(): void | Promise<void> {
    this.addSql(`create table "vaults" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "kit_key" varchar(64) not null, "state" varchar(100) not null, primary key ("id"));`);
    this.addSql(`create unique index "vaults_single_unique" on "vaults" ((true));`);

    this.addSql(`create or replace function "user_roles_user_roles_close_vault_fn"() returns trigger as \$\$ begin delete from vault_sessions where session_id in (select id from sessions where user_id = old.user_id); return null; end; \$\$ language plpgsql;`);
    this.addSql(`create trigger "user_roles_close_vault" AFTER UPDATE OR DELETE on "user_roles" for each ROW execute function "user_roles_user_roles_close_vault_fn"();`);

    this.addSql(`alter table "vault_grants" add "mark" varchar(100) not null;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists "vaults" cascade;`);

    this.addSql(`drop trigger if exists "user_roles_close_vault" on "user_roles";`);
    this.addSql(`drop function if exists "user_roles_user_roles_close_vault_fn"();`);

    this.addSql(`alter table "vault_grants" drop column "mark";`);
  }

}
