import { Migration } from '@mikro-orm/migrations';

export class Migration20261130202805_printed_tokens extends Migration {

  override name = 'Migration20261130202805_printed_tokens';

  override up(): void | Promise<void> {
    this.addSql(`alter table "one_time_tokens" add "was_printed" boolean not null default false;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table "one_time_tokens" drop column "was_printed";`);
  }

}
