import { Migration } from '@mikro-orm/migrations';

export class Migration20261121132819_accounts extends Migration {

  override name = 'Migration20261121132819_accounts';

  override up(): void | Promise<void> {
    this.addSql(`drop index "users_email_unique";`);
    this.addSql(`alter table "users" add "is_self_registered" boolean not null default false;`);
    this.addSql(`create index "users_email_claimed" on "users" (lower("email"));`);
    this.addSql(`create unique index "users_email_proved_unique" on "users" (lower("email")) where "is_verified" or not "is_self_registered";`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop index "users_email_claimed";`);
    this.addSql(`drop index "users_email_proved_unique";`);
    this.addSql(`alter table "users" drop column "is_self_registered";`);
    this.addSql(`create unique index "users_email_unique" on "users" (lower("email"));`);
  }

}
