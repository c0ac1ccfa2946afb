import { Migration } from '@mikro-orm/migrations';

export class Migration20261130184017_record_versions extends Migration {

  override name = 'Migration20261130184017_record_versions';

  override up(): void | Promise<void> {
    this.addSql(`alter table "members" add "version" int not null default 1;`);

    this.addSql(`alter table "organizations" add "version" int not null default 1;`);

    this.addSql(`alter table "member_employments" add "version" int not null default 1;`);

    this.addSql(`alter table "organization_contacts" add "version" int not null default 1;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table "member_employments" drop column "version";`);

    this.addSql(`alter table "members" drop column "version";`);

    this.addSql(`alter table "organization_contacts" drop column "version";`);

    this.addSql(`alter table "organizations" drop column "version";`);
  }

}
