import { Migration } from '@mikro-orm/migrations';

export class Migration20261121123455_list_indexes extends Migration {

  override name = 'Migration20261121123455_list_indexes';

  /**
   * Searches for parts of a text use trigrams, from an extension of PostgreSQL. A role that may create objects in the
   * database may create it. If it already exists, the statement needs no permission.
   */
  override up(): void | Promise<void> {
    this.addSql(`create extension if not exists pg_trgm;`);

    this.addSql(`create index "members_first_name_last_name_id_index" on "members" ("first_name", "last_name", "id") where deleted_at is null;`);
    this.addSql(`create index "members_status_last_name_id_index" on "members" ("status", "last_name", "id") where deleted_at is null;`);
    this.addSql(`create index "member_deleted" on "members" ("id") where deleted_at is not null;`);
    this.addSql(`create index "member_trigrams" on "members" using gin ("member_number" collate "default" gin_trgm_ops, "first_name" collate "default" gin_trgm_ops, "last_name" collate "default" gin_trgm_ops, "city" collate "default" gin_trgm_ops, "state" collate "default" gin_trgm_ops) where deleted_at is null;`);

    this.addSql(`create index "benevolence_applications_status_application_date_id_index" on "benevolence_applications" ("status", "application_date", "id") where deleted_at is null;`);
    this.addSql(`create index "benevolence_applications_reason_application_date_id_index" on "benevolence_applications" ("reason", "application_date", "id") where deleted_at is null;`);
    this.addSql(`create index "benevolence_applications_amount_requested_applicat_91234_index" on "benevolence_applications" ("amount_requested", "application_date", "id") where deleted_at is null;`);
    this.addSql(`create index "benevolence_application_deleted" on "benevolence_applications" ("id") where deleted_at is not null;`);

    this.addSql(`create index "organizations_org_type_name_id_index" on "organizations" ("org_type", "name", "id") where deleted_at is null;`);
    this.addSql(`create index "organization_deleted" on "organizations" ("id") where deleted_at is not null;`);
    this.addSql(`create index "organization_trigrams" on "organizations" using gin ("name" collate "default" gin_trgm_ops, "city" collate "default" gin_trgm_ops, "state" collate "default" gin_trgm_ops) where deleted_at is null;`);

    this.addSql(`create index "salting_activities_activity_type_activity_date_id_index" on "salting_activities" ("activity_type", "activity_date", "id") where deleted_at is null;`);
    this.addSql(`create index "salting_activities_workers_contacted_activity_date_id_index" on "salting_activities" ("workers_contacted", "activity_date", "id") where deleted_at is null;`);
    this.addSql(`create index "salting_activities_cards_signed_activity_date_id_index" on "salting_activities" ("cards_signed", "activity_date", "id") where deleted_at is null;`);
    this.addSql(`create index "salting_activity_deleted" on "salting_activities" ("id") where deleted_at is not null;`);

    this.addSql(`create index "users_last_name_username_id_index" on "users" ("last_name", "username", "id") where deleted_at is null;`);
    this.addSql(`create index "user_deleted" on "users" ("id") where deleted_at is not null;`);
    this.addSql(`create index "user_trigrams" on "users" using gin ("username" collate "default" gin_trgm_ops, "email" collate "default" gin_trgm_ops, "first_name" collate "default" gin_trgm_ops, "last_name" collate "default" gin_trgm_ops) where deleted_at is null;`);

    this.addSql(`create index "grievances_status_filed_date_id_index" on "grievances" ("status", "filed_date", "id") where deleted_at is null;`);
    this.addSql(`create index "grievances_current_step_filed_date_id_index" on "grievances" ("current_step", "filed_date", "id") where deleted_at is null;`);
    this.addSql(`create index "grievance_deleted" on "grievances" ("id") where deleted_at is not null;`);
    this.addSql(`create index "grievance_trigrams" on "grievances" using gin ("grievance_number" collate "default" gin_trgm_ops, "contract_article" collate "default" gin_trgm_ops) where deleted_at is null;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop index "benevolence_applications_status_application_date_id_index";`);
    this.addSql(`drop index "benevolence_applications_reason_application_date_id_index";`);
    this.addSql(`drop index "benevolence_applications_amount_requested_applicat_91234_index";`);
    this.addSql(`drop index "benevolence_application_deleted";`);

    this.addSql(`drop index "grievances_status_filed_date_id_index";`);
    this.addSql(`drop index "grievances_current_step_filed_date_id_index";`);
    this.addSql(`drop index "grievance_deleted";`);
    this.addSql(`drop index "grievance_trigrams";`);

    this.addSql(`drop index "members_first_name_last_name_id_index";`);
    this.addSql(`drop index "members_status_last_name_id_index";`);
    this.addSql(`drop index "member_deleted";`);
    this.addSql(`drop index "member_trigrams";`);

    this.addSql(`drop index "organizations_org_type_name_id_index";`);
    this.addSql(`drop index "organization_deleted";`);
    this.addSql(`drop index "organization_trigrams";`);

    this.addSql(`drop index "salting_activities_activity_type_activity_date_id_index";`);
    this.addSql(`drop index "salting_activities_workers_contacted_activity_date_id_index";`);
    this.addSql(`drop index "salting_activities_cards_signed_activity_date_id_index";`);
    this.addSql(`drop index "salting_activity_deleted";`);

    this.addSql(`drop index "users_last_name_username_id_index";`);
    this.addSql(`drop index "user_deleted";`);
    this.addSql(`drop index "user_trigrams";`);

    // keeps the extension if it belongs to another role or is in use
    this.addSql(`do \$\$ begin drop extension if exists pg_trgm; exception when dependent_objects_still_exist or insufficient_privilege then null; end \$\$;`);
  }

}
