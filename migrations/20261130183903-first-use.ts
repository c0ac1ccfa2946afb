import { Migration } from '@mikro-orm/migrations';

export class Migration20261130183903_first_use extends Migration {

  override name = 'Migration20261130183903_first_use';

  override up(): void | Promise<void> {
    this.addSql(`alter table "sessions" add "first_used_at" timestamptz(3) null;`);
    // Without this, tokens that were already replaced would be accepted once more.
    this.addSql(`update "sessions" set "first_used_at" = "refreshed_at";`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table "sessions" drop column "first_used_at";`);
  }

}
