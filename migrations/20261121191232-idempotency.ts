import { Migration } from '@mikro-orm/migrations';

export class Migration20261121191232_idempotency extends Migration {

  override name = 'Migration20261121191232_idempotency';

  override up(): void | Promise<void> {
    this.addSql(`create table "idempotency_keys" ("key" varchar(64) collate "C" not null, "digest" varchar(100) collate "C" not null, "record_id" uuid null, "expires_at" timestamptz(3) not null, primary key ("key"));`);
    this.addSql(`create index "idempotency_keys_expires_at_index" on "idempotency_keys" ("expires_at");`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists "idempotency_keys" cascade;`);
  }

}
