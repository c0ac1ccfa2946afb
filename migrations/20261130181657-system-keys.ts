import { Migration } from '@mikro-orm/migrations';

export class Migration20261130181657_system_keys extends Migration {

  override name = 'Migration20261130181657_system_keys';

  override up(): void | Promise<void> {
    this.addSql(`create table "system_keys" ("kid" varchar(32) collate "C" not null, "check_value" varchar(43) collate "C" not null, "added_at" timestamptz(3) not null default now(), "retired_at" timestamptz(3) null, primary key ("kid"));`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists "system_keys" cascade;`);
  }

}
