import { Migration } from '@mikro-orm/migrations';

export class Migration20261121231718_key_version extends Migration {

  override name = 'Migration20261121231718_key_version';

  override up(): void | Promise<void> {
    this.addSql(`alter table "users" add "key_version" int not null default 0;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table "users" drop column "key_version";`);
  }

}
