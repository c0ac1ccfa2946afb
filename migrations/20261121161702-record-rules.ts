import { Migration } from '@mikro-orm/migrations';

export class Migration20261121161702_record_rules extends Migration {

  override name = 'Migration20261121161702_record_rules';

  override up(): void | Promise<void> {
    this.addSql(`alter table "members" add constraint "members_born_before_hired" check (date_of_birth < hire_date);`);
    this.addSql(`alter table "members" add constraint "members_email_form" check (email ~ '^[^@[:space:]]+@[^@[:space:]]+\$');`);
    this.addSql(`alter table "members" add constraint "members_name_not_empty" check (first_name <> '' and last_name <> '');`);

    this.addSql(`alter table "organizations" add constraint "organizations_website_form" check (website ~ '^https?://[^[:space:]]+\$');`);
    this.addSql(`alter table "organizations" add constraint "organizations_email_form" check (email ~ '^[^@[:space:]]+@[^@[:space:]]+\$');`);

    this.addSql(`alter table "organization_contacts" add constraint "organization_contacts_email_form" check (email ~ '^[^@[:space:]]+@[^@[:space:]]+\$');`);
    this.addSql(`alter table "organization_contacts" add constraint "organization_contacts_name_not_empty" check (first_name <> '' and last_name <> '');`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table "members" drop constraint "members_born_before_hired";`);
    this.addSql(`alter table "members" drop constraint "members_email_form";`);
    this.addSql(`alter table "members" drop constraint "members_name_not_empty";`);

    this.addSql(`alter table "organization_contacts" drop constraint "organization_contacts_email_form";`);
    this.addSql(`alter table "organization_contacts" drop constraint "organization_contacts_name_not_empty";`);

    this.addSql(`alter table "organizations" drop constraint "organizations_website_form";`);
    this.addSql(`alter table "organizations" drop constraint "organizations_email_form";`);
  }

}
