import { Migration } from '@mikro-orm/migrations';

/** Returns a text for comparisons that ignore case, accents and apostrophes. */
const folded = (text: string): string =>
  `lower(translate(regexp_replace(normalize(${text} collate "default", NFD), '[\\u0300-\\u036F\\u200C\\u200D''\\u2018\\u2019\\u02BC\\u0060\\u00B4\\u2032]', '', 'g'), 'ØøŁłĐđıÆæŒœßÞþ', 'OoLlDdiAaOosTt'))`;

/** Names member numbers that differ only by case. Only the local knows which of them is to be changed. */
const sameNumber = `do $$ declare numbers text; begin
  select string_agg(member_number, ', ' order by member_number) into numbers from members
    group by lower(member_number) having count(*) > 1 limit 1;
  if numbers is not null then
    raise exception 'Members have the same number but for upper and lower case: %. Change one, and migrate again.', numbers;
  end if;
end $$;`;

export class Migration20261130182029_text_as_read extends Migration {

  override name = 'Migration20261130182029_text_as_read';

  override up(): void | Promise<void> {
    this.addSql(`drop index "members_city_last_name_id_index";`);
    this.addSql(`drop index "members_classification_last_name_id_index";`);
    this.addSql(`drop index "members_first_name_id_index";`);
    this.addSql(`drop index "members_first_name_last_name_id_index";`);
    this.addSql(`drop index "members_hire_date_last_name_id_index";`);
    this.addSql(`drop index "members_last_name_id_index";`);
    this.addSql(`drop index "members_member_number_id_index";`);
    this.addSql(`drop index "members_state_last_name_id_index";`);
    this.addSql(`drop index "members_status_id_index";`);
    this.addSql(`drop index "members_status_last_name_id_index";`);
    this.addSql(`create index "member_by_last_name" on "members" ((((${folded('"last_name"')} || E'\\x01' || ${folded('"first_name"')}) collate "C")), "id") where deleted_at is null;`);
    this.addSql(`create index "member_by_first_name" on "members" ((((${folded('"first_name"')} || E'\\x01' || ${folded('"last_name"')}) collate "C")), "id") where deleted_at is null;`);
    this.addSql(`create index "member_by_member_number" on "members" ((lower("member_number")), "id") where deleted_at is null;`);
    this.addSql(`create index "member_by_status" on "members" ((array_position(array['active', 'inactive', 'suspended', 'retired', 'deceased']::text[], "status")), "id") where deleted_at is null;`);
    this.addSql(`create index "member_first_name_by_last_name" on "members" ("first_name", (((${folded('"last_name"')} || E'\\x01' || ${folded('"first_name"')}) collate "C")), "id") where deleted_at is null;`);
    this.addSql(`create index "member_last_name_by_last_name" on "members" ("last_name", (((${folded('"last_name"')} || E'\\x01' || ${folded('"first_name"')}) collate "C")), "id") where deleted_at is null;`);
    this.addSql(`create index "member_status_by_last_name" on "members" ("status", (((${folded('"last_name"')} || E'\\x01' || ${folded('"first_name"')}) collate "C")), "id") where deleted_at is null;`);
    this.addSql(`create index "member_classification_by_last_name" on "members" ("classification", (((${folded('"last_name"')} || E'\\x01' || ${folded('"first_name"')}) collate "C")), "id") where deleted_at is null;`);
    this.addSql(`create index "member_city_by_last_name" on "members" ("city", (((${folded('"last_name"')} || E'\\x01' || ${folded('"first_name"')}) collate "C")), "id") where deleted_at is null;`);
    this.addSql(`create index "member_state_by_last_name" on "members" ("state", (((${folded('"last_name"')} || E'\\x01' || ${folded('"first_name"')}) collate "C")), "id") where deleted_at is null;`);
    this.addSql(`create index "member_hire_date_by_last_name" on "members" ("hire_date", (((${folded('"last_name"')} || E'\\x01' || ${folded('"first_name"')}) collate "C")), "id") where deleted_at is null;`);
    this.addSql(`create index "member_search" on "members" using gin (((${folded('(coalesce("first_name", \'\') || \' \' || coalesce("middle_name", \'\') || \' \' || coalesce("last_name", \'\') || \' \' || coalesce("member_number", \'\'))')})) gin_trgm_ops, ((${folded('(coalesce("email", \'\'))')} || ' ' || regexp_replace(coalesce("phone", ''), '[^0-9]', '', 'g'))) gin_trgm_ops) where deleted_at is null;`);

    this.addSql(`drop index "benevolence_applications_reason_id_index";`);
    this.addSql(`drop index "benevolence_applications_status_id_index";`);
    this.addSql(`create index "benevolence_application_by_status" on "benevolence_applications" ((array_position(array['draft', 'submitted', 'under_review', 'approved', 'denied', 'paid']::text[], "status")), "id") where deleted_at is null;`);
    this.addSql(`create index "benevolence_application_by_reason" on "benevolence_applications" ((array_position(array['medical', 'death_in_family', 'disaster', 'hardship', 'other']::text[], "reason")), "id") where deleted_at is null;`);

    this.addSql(`drop index "organizations_city_name_id_index";`);
    this.addSql(`drop index "organizations_name_id_index";`);
    this.addSql(`drop index "organizations_org_type_id_index";`);
    this.addSql(`drop index "organizations_org_type_name_id_index";`);
    this.addSql(`drop index "organizations_salting_score_name_id_index";`);
    this.addSql(`drop index "organizations_state_name_id_index";`);
    this.addSql(`drop index "organizations_unit_size_name_id_index";`);
    this.addSql(`create index "organization_by_name" on "organizations" ((((${folded('"name"')}) collate "C")), "id") where deleted_at is null;`);
    this.addSql(`create index "organization_by_org_type" on "organizations" ((array_position(array['employer', 'union', 'training_partner', 'jatc']::text[], "org_type")), "id") where deleted_at is null;`);
    this.addSql(`create index "organization_name_by_name" on "organizations" ("name", (((${folded('"name"')}) collate "C")), "id") where deleted_at is null;`);
    this.addSql(`create index "organization_org_type_by_name" on "organizations" ("org_type", (((${folded('"name"')}) collate "C")), "id") where deleted_at is null;`);
    this.addSql(`create index "organization_unit_size_by_name" on "organizations" ("unit_size", (((${folded('"name"')}) collate "C")), "id") where deleted_at is null;`);
    this.addSql(`create index "organization_city_by_name" on "organizations" ("city", (((${folded('"name"')}) collate "C")), "id") where deleted_at is null;`);
    this.addSql(`create index "organization_state_by_name" on "organizations" ("state", (((${folded('"name"')}) collate "C")), "id") where deleted_at is null;`);
    this.addSql(`create index "organization_salting_score_by_name" on "organizations" ("salting_score", (((${folded('"name"')}) collate "C")), "id") where deleted_at is null;`);
    this.addSql(`create index "organization_search" on "organizations" using gin (((${folded('(coalesce("name", \'\') || \' \' || coalesce("city", \'\'))')})) gin_trgm_ops, ((${folded('(coalesce("email", \'\'))')} || ' ' || regexp_replace(coalesce("phone", ''), '[^0-9]', '', 'g'))) gin_trgm_ops) where deleted_at is null;`);

    this.addSql(`drop index "salting_activities_activity_type_id_index";`);
    this.addSql(`create index "salting_activity_by_activity_type" on "salting_activities" ((array_position(array['outreach', 'site_visit', 'leafleting', 'one_on_one', 'meeting', 'petition_drive', 'card_signing', 'information_session', 'other']::text[], "activity_type")), "id") where deleted_at is null;`);

    this.addSql(`drop index "users_email_id_index";`);
    this.addSql(`drop index "users_first_name_username_id_index";`);
    this.addSql(`drop index "users_is_active_username_id_index";`);
    this.addSql(`drop index "users_is_verified_username_id_index";`);
    this.addSql(`drop index "users_last_name_id_index";`);
    this.addSql(`drop index "users_last_name_username_id_index";`);
    this.addSql(`drop index "users_member_id_username_id_index";`);
    this.addSql(`drop index "users_username_id_index";`);
    this.addSql(`create index "user_by_username" on "users" ((lower("username")), "id") where deleted_at is null;`);
    this.addSql(`create index "user_by_email" on "users" ((lower("email")), "id") where deleted_at is null;`);
    this.addSql(`create index "user_by_last_name" on "users" ((((${folded('"last_name"')} || E'\\x01' || ${folded('"first_name"')}) collate "C")), "id") where deleted_at is null;`);
    this.addSql(`create index "user_first_name_by_username" on "users" ("first_name", (lower("username")), "id") where deleted_at is null;`);
    this.addSql(`create index "user_last_name_by_username" on "users" ("last_name", (lower("username")), "id") where deleted_at is null;`);
    this.addSql(`create index "user_is_active_by_username" on "users" ("is_active", (lower("username")), "id") where deleted_at is null;`);
    this.addSql(`create index "user_is_verified_by_username" on "users" ("is_verified", (lower("username")), "id") where deleted_at is null;`);
    this.addSql(`create index "user_member_by_username" on "users" ("member_id", (lower("username")), "id") where deleted_at is null;`);
    this.addSql(`create index "user_search" on "users" using gin (((${folded('(coalesce("first_name", \'\') || \' \' || coalesce("last_name", \'\') || \' \' || coalesce("username", \'\') || \' \' || coalesce("email", \'\'))')})) gin_trgm_ops) where deleted_at is null;`);

    this.addSql(`drop index "grievances_current_step_id_index";`);
    this.addSql(`drop index "grievances_grievance_number_id_index";`);
    this.addSql(`drop index "grievances_status_id_index";`);
    this.addSql(`alter table "grievances" drop constraint "grievances_status_check";`);
    this.addSql(`create index "grievance_by_grievance_number" on "grievances" (((substr("grievance_number", 4, 5) || lpad(substr("grievance_number", 9), 12, '0'))), "id") where deleted_at is null;`);
    this.addSql(`create index "grievance_by_status" on "grievances" ((array_position(array['open', 'investigation', 'hearing', 'arbitration', 'settled', 'withdrawn', 'closed']::text[], "status")), "id") where deleted_at is null;`);
    this.addSql(`create index "grievance_by_current_step" on "grievances" ((array_position(array['step_1', 'step_2', 'step_3', 'arbitration']::text[], "current_step")), "id") where deleted_at is null;`);
    this.addSql(`alter table "grievances" add constraint "grievances_status_check" check ("status" in ('open', 'investigation', 'hearing', 'arbitration', 'settled', 'withdrawn', 'closed'));`);

    this.addSql(`drop index "member_trigrams";`);
    this.addSql(`create index "member_trigrams" on "members" using gin ((${folded('"member_number"')}) gin_trgm_ops, (${folded('"first_name"')}) gin_trgm_ops, (${folded('"last_name"')}) gin_trgm_ops, (${folded('"city"')}) gin_trgm_ops, (${folded('"state"')}) gin_trgm_ops) where deleted_at is null;`);

    this.addSql(`drop index "organization_trigrams";`);
    this.addSql(`create index "organization_trigrams" on "organizations" using gin ((${folded('"name"')}) gin_trgm_ops, (${folded('"city"')}) gin_trgm_ops, (${folded('"state"')}) gin_trgm_ops) where deleted_at is null;`);

    this.addSql(`drop index "user_trigrams";`);
    this.addSql(`create index "user_trigrams" on "users" using gin ((${folded('"username"')}) gin_trgm_ops, (${folded('"email"')}) gin_trgm_ops, (${folded('"first_name"')}) gin_trgm_ops, (${folded('"last_name"')}) gin_trgm_ops) where deleted_at is null;`);

    this.addSql(`drop index "grievance_trigrams";`);
    this.addSql(`create index "grievance_trigrams" on "grievances" using gin ((${folded('"grievance_number"')}) gin_trgm_ops, (${folded('"contract_article"')}) gin_trgm_ops) where deleted_at is null;`);

    this.addSql(sameNumber);
    this.addSql(`alter table "members" drop constraint "members_member_number_unique";`);
    this.addSql(`create unique index "members_member_number_unique" on "members" (lower("member_number"));`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop index "benevolence_application_by_status";`);
    this.addSql(`drop index "benevolence_application_by_reason";`);
    this.addSql(`create index "benevolence_applications_reason_id_index" on "benevolence_applications" ("reason", "id") where deleted_at is null;`);
    this.addSql(`create index "benevolence_applications_status_id_index" on "benevolence_applications" ("status", "id") where deleted_at is null;`);

    this.addSql(`drop index "grievance_by_grievance_number";`);
    this.addSql(`drop index "grievance_by_status";`);
    this.addSql(`drop index "grievance_by_current_step";`);
    this.addSql(`alter table "grievances" drop constraint "grievances_status_check";`);
    this.addSql(`create index "grievances_current_step_id_index" on "grievances" ("current_step", "id") where deleted_at is null;`);
    this.addSql(`create index "grievances_grievance_number_id_index" on "grievances" ("grievance_number", "id") where deleted_at is null;`);
    this.addSql(`create index "grievances_status_id_index" on "grievances" ("status", "id") where deleted_at is null;`);
    this.addSql(`alter table "grievances" add constraint "grievances_status_check" check ("status" in ('open', 'investigation', 'hearing', 'settled', 'withdrawn', 'arbitration', 'closed'));`);

    this.addSql(`drop index "member_by_last_name";`);
    this.addSql(`drop index "member_by_first_name";`);
    this.addSql(`drop index "member_by_member_number";`);
    this.addSql(`drop index "member_by_status";`);
    this.addSql(`drop index "member_first_name_by_last_name";`);
    this.addSql(`drop index "member_last_name_by_last_name";`);
    this.addSql(`drop index "member_status_by_last_name";`);
    this.addSql(`drop index "member_classification_by_last_name";`);
    this.addSql(`drop index "member_city_by_last_name";`);
    this.addSql(`drop index "member_state_by_last_name";`);
    this.addSql(`drop index "member_hire_date_by_last_name";`);
    this.addSql(`drop index "member_search";`);
    this.addSql(`create index "members_city_last_name_id_index" on "members" ("city", "last_name", "id") where deleted_at is null;`);
    this.addSql(`create index "members_classification_last_name_id_index" on "members" ("classification", "last_name", "id") where deleted_at is null;`);
    this.addSql(`create index "members_first_name_id_index" on "members" ("first_name", "id") where deleted_at is null;`);
    this.addSql(`create index "members_first_name_last_name_id_index" on "members" ("first_name", "last_name", "id") where deleted_at is null;`);
    this.addSql(`create index "members_hire_date_last_name_id_index" on "members" ("hire_date", "last_name", "id") where deleted_at is null;`);
    this.addSql(`create index "members_last_name_id_index" on "members" ("last_name", "id") where deleted_at is null;`);
    this.addSql(`create index "members_member_number_id_index" on "members" ("member_number", "id") where deleted_at is null;`);
    this.addSql(`create index "members_state_last_name_id_index" on "members" ("state", "last_name", "id") where deleted_at is null;`);
    this.addSql(`create index "members_status_id_index" on "members" ("status", "id") where deleted_at is null;`);
    this.addSql(`create index "members_status_last_name_id_index" on "members" ("status", "last_name", "id") where deleted_at is null;`);

    this.addSql(`drop index "organization_by_name";`);
    this.addSql(`drop index "organization_by_org_type";`);
    this.addSql(`drop index "organization_name_by_name";`);
    this.addSql(`drop index "organization_org_type_by_name";`);
    this.addSql(`drop index "organization_unit_size_by_name";`);
    this.addSql(`drop index "organization_city_by_name";`);
    this.addSql(`drop index "organization_state_by_name";`);
    this.addSql(`drop index "organization_salting_score_by_name";`);
    this.addSql(`drop index "organization_search";`);
    this.addSql(`create index "organizations_city_name_id_index" on "organizations" ("city", "name", "id") where deleted_at is null;`);
    this.addSql(`create index "organizations_name_id_index" on "organizations" ("name", "id") where deleted_at is null;`);
    this.addSql(`create index "organizations_org_type_id_index" on "organizations" ("org_type", "id") where deleted_at is null;`);
    this.addSql(`create index "organizations_org_type_name_id_index" on "organizations" ("org_type", "name", "id") where deleted_at is null;`);
    this.addSql(`create index "organizations_salting_score_name_id_index" on "organizations" ("salting_score", "name", "id") where deleted_at is null;`);
    this.addSql(`create index "organizations_state_name_id_index" on "organizations" ("state", "name", "id") where deleted_at is null;`);
    this.addSql(`create index "organizations_unit_size_name_id_index" on "organizations" ("unit_size", "name", "id") where deleted_at is null;`);

    this.addSql(`drop index "salting_activity_by_activity_type";`);
    this.addSql(`create index "salting_activities_activity_type_id_index" on "salting_activities" ("activity_type", "id") where deleted_at is null;`);

    this.addSql(`drop index "user_by_username";`);
    this.addSql(`drop index "user_by_email";`);
    this.addSql(`drop index "user_by_last_name";`);
    this.addSql(`drop index "user_first_name_by_username";`);
    this.addSql(`drop index "user_last_name_by_username";`);
    this.addSql(`drop index "user_is_active_by_username";`);
    this.addSql(`drop index "user_is_verified_by_username";`);
    this.addSql(`drop index "user_member_by_username";`);
    this.addSql(`drop index "user_search";`);
    this.addSql(`create index "users_email_id_index" on "users" ("email", "id") where deleted_at is null;`);
    this.addSql(`create index "users_first_name_username_id_index" on "users" ("first_name", "username", "id") where deleted_at is null;`);
    this.addSql(`create index "users_is_active_username_id_index" on "users" ("is_active", "username", "id") where deleted_at is null;`);
    this.addSql(`create index "users_is_verified_username_id_index" on "users" ("is_verified", "username", "id") where deleted_at is null;`);
    this.addSql(`create index "users_last_name_id_index" on "users" ("last_name", "id") where deleted_at is null;`);
    this.addSql(`create index "users_last_name_username_id_index" on "users" ("last_name", "username", "id") where deleted_at is null;`);
    this.addSql(`create index "users_member_id_username_id_index" on "users" ("member_id", "username", "id") where deleted_at is null;`);
    this.addSql(`create index "users_username_id_index" on "users" ("username", "id") where deleted_at is null;`);

    this.addSql(`drop index "member_trigrams";`);
    this.addSql(`create index "member_trigrams" on "members" using gin ("member_number" collate "default" gin_trgm_ops, "first_name" collate "default" gin_trgm_ops, "last_name" collate "default" gin_trgm_ops, "city" collate "default" gin_trgm_ops, "state" collate "default" gin_trgm_ops) where deleted_at is null;`);

    this.addSql(`drop index "organization_trigrams";`);
    this.addSql(`create index "organization_trigrams" on "organizations" using gin ("name" collate "default" gin_trgm_ops, "city" collate "default" gin_trgm_ops, "state" collate "default" gin_trgm_ops) where deleted_at is null;`);

    this.addSql(`drop index "user_trigrams";`);
    this.addSql(`create index "user_trigrams" on "users" using gin ("username" collate "default" gin_trgm_ops, "email" collate "default" gin_trgm_ops, "first_name" collate "default" gin_trgm_ops, "last_name" collate "default" gin_trgm_ops) where deleted_at is null;`);

    this.addSql(`drop index "grievance_trigrams";`);
    this.addSql(`create index "grievance_trigrams" on "grievances" using gin ("grievance_number" collate "default" gin_trgm_ops, "contract_article" collate "default" gin_trgm_ops) where deleted_at is null;`);

    this.addSql(`drop index "members_member_number_unique";`);
    this.addSql(`alter table "members" add constraint "members_member_number_unique" unique ("member_number");`);
  }

}
