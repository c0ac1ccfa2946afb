import { Migration } from '@mikro-orm/migrations';

export class Migration20261130181612_email_claims extends Migration {

  override name = 'Migration20261130181612_email_claims';

  override up(): void | Promise<void> {
    this.addSql(`alter table "users" add "is_email_claimed" boolean not null default false;`);
    this.addSql(`drop index "users_email_proved_unique";`);
    this.addSql(`create unique index "users_email_proved_unique" on "users" (lower("email")) where ("is_verified" or not ("is_self_registered" or "is_email_claimed")) and "deleted_at" is null;`);
    this.addSql(`alter table "users" drop constraint "users_member_id_unique";`);
    this.addSql(`create unique index "users_member_id_unique" on "users" ("member_id") where "deleted_at" is null;`);
    this.addSql(`create index "users_member_id_index" on "users" ("member_id");`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop index "users_member_id_index";`);
    this.addSql(`drop index "users_member_id_unique";`);
    this.addSql(`alter table "users" add constraint "users_member_id_unique" unique ("member_id");`);
    this.addSql(`drop index "users_email_proved_unique";`);
    this.addSql(`create unique index "users_email_proved_unique" on "users" (lower("email")) where "is_verified" or not "is_self_registered";`);
    this.addSql(`alter table "users" drop column "is_email_claimed";`);
  }

}
