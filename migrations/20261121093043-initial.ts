import { Migration } from '@mikro-orm/migrations';

export class Migration20261121093043_initial extends Migration {

  override name = 'Migration20261121093043_initial';

  override up(): void | Promise<void> {
    this.addSql(`create table "grievance_counters" ("year" int not null, "last" int not null default 0, primary key ("year"));`);

    this.addSql(`create table "members" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "deleted_at" timestamptz(3) null, "member_number" varchar(30) collate "C" not null, "first_name" varchar(100) collate "C" not null, "last_name" varchar(100) collate "C" not null, "middle_name" varchar(100) null, "status" text not null, "classification" text not null, "address" varchar(200) null, "city" varchar(100) collate "C" null, "state" varchar(50) collate "C" null, "zip_code" varchar(20) null, "phone" varchar(50) null, "email" varchar(254) null, "date_of_birth" date null, "hire_date" date null, "notes" text null, primary key ("id"));`);
    this.addSql(`create index "members_last_name_id_index" on "members" ("last_name", "id") where deleted_at is null;`);
    this.addSql(`create index "members_first_name_id_index" on "members" ("first_name", "id") where deleted_at is null;`);
    this.addSql(`create index "members_member_number_id_index" on "members" ("member_number", "id") where deleted_at is null;`);
    this.addSql(`create index "members_status_id_index" on "members" ("status", "id") where deleted_at is null;`);
    this.addSql(`create index "members_created_at_id_index" on "members" ("created_at", "id") where deleted_at is null;`);
    this.addSql(`create index "members_classification_last_name_id_index" on "members" ("classification", "last_name", "id") where deleted_at is null;`);
    this.addSql(`create index "members_city_last_name_id_index" on "members" ("city", "last_name", "id") where deleted_at is null;`);
    this.addSql(`create index "members_state_last_name_id_index" on "members" ("state", "last_name", "id") where deleted_at is null;`);
    this.addSql(`create index "members_hire_date_last_name_id_index" on "members" ("hire_date", "last_name", "id") where deleted_at is null;`);
    this.addSql(`alter table "members" add constraint "members_member_number_unique" unique ("member_number");`);

    this.addSql(`create table "benevolence_applications" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "deleted_at" timestamptz(3) null, "member_id" uuid not null, "application_date" date not null, "reason" text not null, "description" text not null, "amount_requested" numeric(12,2) not null, "status" text not null, "approved_amount" numeric(12,2) null, "payment_date" date null, "payment_method" varchar(100) null, "notes" text null, "version" int not null default 1, "round" int not null, "required_levels" text[] not null, primary key ("id"));`);
    this.addSql(`create index "benevolence_applications_application_date_id_index" on "benevolence_applications" ("application_date", "id") where deleted_at is null;`);
    this.addSql(`create index "benevolence_applications_amount_requested_id_index" on "benevolence_applications" ("amount_requested", "id") where deleted_at is null;`);
    this.addSql(`create index "benevolence_applications_status_id_index" on "benevolence_applications" ("status", "id") where deleted_at is null;`);
    this.addSql(`create index "benevolence_applications_reason_id_index" on "benevolence_applications" ("reason", "id") where deleted_at is null;`);
    this.addSql(`create index "benevolence_applications_created_at_id_index" on "benevolence_applications" ("created_at", "id") where deleted_at is null;`);
    this.addSql(`create index "benevolence_applications_member_id_application_date_id_index" on "benevolence_applications" ("member_id", "application_date", "id") where deleted_at is null;`);
    this.addSql(`create index "benevolence_applications_payment_date_application_date_id_index" on "benevolence_applications" ("payment_date", "application_date", "id") where deleted_at is null;`);

    this.addSql(`create table "organizations" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "deleted_at" timestamptz(3) null, "name" varchar(200) collate "C" not null, "org_type" text not null, "unit_size" int null, "address" varchar(200) null, "city" varchar(100) collate "C" null, "state" varchar(50) collate "C" null, "zip_code" varchar(20) null, "phone" varchar(50) null, "email" varchar(254) null, "website" varchar(300) null, "salting_score" int null, "salting_notes" text null, primary key ("id"));`);
    this.addSql(`create index "organizations_name_id_index" on "organizations" ("name", "id") where deleted_at is null;`);
    this.addSql(`create index "organizations_org_type_id_index" on "organizations" ("org_type", "id") where deleted_at is null;`);
    this.addSql(`create index "organizations_created_at_id_index" on "organizations" ("created_at", "id") where deleted_at is null;`);
    this.addSql(`create index "organizations_unit_size_name_id_index" on "organizations" ("unit_size", "name", "id") where deleted_at is null;`);
    this.addSql(`create index "organizations_city_name_id_index" on "organizations" ("city", "name", "id") where deleted_at is null;`);
    this.addSql(`create index "organizations_state_name_id_index" on "organizations" ("state", "name", "id") where deleted_at is null;`);
    this.addSql(`create index "organizations_salting_score_name_id_index" on "organizations" ("salting_score", "name", "id") where deleted_at is null;`);

    this.addSql(`create table "member_employments" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "member_id" uuid not null, "organization_id" uuid not null, "start_date" date not null, "end_date" date null, "job_title" varchar(100) null, "hourly_rate" numeric(12,2) null, primary key ("id"));`);
    this.addSql(`create index "member_employments_member_id_index" on "member_employments" ("member_id");`);
    this.addSql(`create index "member_employments_organization_id_index" on "member_employments" ("organization_id");`);

    this.addSql(`create table "organization_contacts" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "deleted_at" timestamptz(3) null, "organization_id" uuid not null, "first_name" varchar(100) not null, "last_name" varchar(100) collate "C" not null, "title" varchar(100) null, "phone" varchar(50) null, "email" varchar(254) null, "is_primary" boolean not null, "notes" text null, primary key ("id"));`);
    this.addSql(`create index "organization_contacts_organization_id_index" on "organization_contacts" ("organization_id");`);
    this.addSql(`create unique index "organization_contacts_single_primary_unique" on "organization_contacts" ("organization_id") where is_primary and deleted_at is null;`);

    this.addSql(`create table "roles" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "name" varchar(50) collate "C" not null, "display_name" varchar(100) not null, "description" text null, "is_system_role" boolean not null, "based_on" text not null, primary key ("id"));`);
    this.addSql(`alter table "roles" add constraint "roles_name_unique" unique ("name");`);

    this.addSql(`create table "salting_activities" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "deleted_at" timestamptz(3) null, "member_id" uuid not null, "organization_id" uuid not null, "activity_type" text not null, "activity_date" date not null, "outcome" text null, "location" varchar(200) null, "workers_contacted" int not null, "cards_signed" int not null, "description" text null, "notes" text null, primary key ("id"));`);
    this.addSql(`create index "salting_activities_activity_date_id_index" on "salting_activities" ("activity_date", "id") where deleted_at is null;`);
    this.addSql(`create index "salting_activities_activity_type_id_index" on "salting_activities" ("activity_type", "id") where deleted_at is null;`);
    this.addSql(`create index "salting_activities_workers_contacted_id_index" on "salting_activities" ("workers_contacted", "id") where deleted_at is null;`);
    this.addSql(`create index "salting_activities_cards_signed_id_index" on "salting_activities" ("cards_signed", "id") where deleted_at is null;`);
    this.addSql(`create index "salting_activities_created_at_id_index" on "salting_activities" ("created_at", "id") where deleted_at is null;`);
    this.addSql(`create index "salting_activities_member_id_activity_date_id_index" on "salting_activities" ("member_id", "activity_date", "id") where deleted_at is null;`);
    this.addSql(`create index "salting_activities_organization_id_activity_date_id_index" on "salting_activities" ("organization_id", "activity_date", "id") where deleted_at is null;`);
    this.addSql(`create index "salting_activities_outcome_activity_date_id_index" on "salting_activities" ("outcome", "activity_date", "id") where deleted_at is null;`);

    this.addSql(`create table "users" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "deleted_at" timestamptz(3) null, "username" varchar(50) collate "C" not null, "email" varchar(254) collate "C" not null, "password_hash" varchar(500) not null, "first_name" varchar(100) collate "C" not null, "last_name" varchar(100) collate "C" not null, "is_active" boolean not null, "is_verified" boolean not null, "is_owner" boolean not null, "password_must_change" boolean not null, "failed_login_attempts" int not null, "locked_until" timestamptz(3) null, "last_login_at" timestamptz(3) null, "member_id" uuid null, primary key ("id"));`);
    this.addSql(`alter table "users" add constraint "users_member_id_unique" unique ("member_id");`);
    this.addSql(`create index "users_username_id_index" on "users" ("username", "id") where deleted_at is null;`);
    this.addSql(`create index "users_email_id_index" on "users" ("email", "id") where deleted_at is null;`);
    this.addSql(`create index "users_last_name_id_index" on "users" ("last_name", "id") where deleted_at is null;`);
    this.addSql(`create index "users_created_at_id_index" on "users" ("created_at", "id") where deleted_at is null;`);
    this.addSql(`create index "users_first_name_username_id_index" on "users" ("first_name", "username", "id") where deleted_at is null;`);
    this.addSql(`create index "users_is_active_username_id_index" on "users" ("is_active", "username", "id") where deleted_at is null;`);
    this.addSql(`create index "users_is_verified_username_id_index" on "users" ("is_verified", "username", "id") where deleted_at is null;`);
    this.addSql(`create index "users_member_id_username_id_index" on "users" ("member_id", "username", "id") where deleted_at is null;`);
    this.addSql(`create unique index "users_single_owner_unique" on "users" ("is_owner") where "is_owner";`);
    this.addSql(`create unique index "users_email_unique" on "users" (lower("email"));`);
    this.addSql(`create unique index "users_username_unique" on "users" (lower("username"));`);

    this.addSql(`create table "totp_credentials" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "user_id" uuid not null, "sealed_seed" text not null, "confirmed_at" timestamptz(3) null, "last_step" int null, "failed_attempts" int not null, "locked_until" timestamptz(3) null, primary key ("id"));`);
    this.addSql(`alter table "totp_credentials" add constraint "totp_credentials_user_id_unique" unique ("user_id");`);

    this.addSql(`create table "sessions" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "user_id" uuid not null, "device_name" varchar(100) null, "user_agent" varchar(300) null, "ip_address" varchar(45) null, "last_seen_at" timestamptz(3) not null, "expires_at" timestamptz(3) not null, "authenticated_at" timestamptz(3) not null, "refresh_counter" int not null, "refresh_hash" varchar(64) not null, "refresh_kid" varchar(32) not null, "refreshed_at" timestamptz(3) not null, "ended_at" timestamptz(3) null, "end_reason" text null, primary key ("id"));`);
    this.addSql(`create index "sessions_user_id_last_seen_at_index" on "sessions" ("user_id", "last_seen_at");`);

    this.addSql(`create table "secrets" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "key_name" varchar(200) collate "C" not null, "description" text null, "current_version" int not null, "updated_by_id" uuid null, primary key ("id"));`);
    this.addSql(`alter table "secrets" add constraint "secrets_key_name_unique" unique ("key_name");`);
    this.addSql(`create index "secrets_updated_by_id_index" on "secrets" ("updated_by_id");`);

    this.addSql(`create table "one_time_tokens" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "user_id" uuid not null, "type" text not null, "token_hash" varchar(64) not null, "sent_to" varchar(254) not null, "expires_at" timestamptz(3) not null, "used_at" timestamptz(3) null, primary key ("id"));`);
    this.addSql(`alter table "one_time_tokens" add constraint "one_time_tokens_token_hash_unique" unique ("token_hash");`);
    this.addSql(`create index "one_time_tokens_expires_at_index" on "one_time_tokens" ("expires_at");`);
    this.addSql(`create index "one_time_tokens_user_id_type_index" on "one_time_tokens" ("user_id", "type");`);

    this.addSql(`create table "login_challenges" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "user_id" uuid not null, "token_hash" varchar(64) not null, "device_name" varchar(100) null, "wants_cookie" boolean not null, "expires_at" timestamptz(3) not null, "used_at" timestamptz(3) null, primary key ("id"));`);
    this.addSql(`create index "login_challenges_user_id_index" on "login_challenges" ("user_id");`);
    this.addSql(`alter table "login_challenges" add constraint "login_challenges_token_hash_unique" unique ("token_hash");`);
    this.addSql(`create index "login_challenges_expires_at_index" on "login_challenges" ("expires_at");`);

    this.addSql(`create table "grievances" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "deleted_at" timestamptz(3) null, "grievance_number" varchar(20) collate "C" not null, "member_id" uuid not null, "employer_id" uuid not null, "filed_date" date not null, "incident_date" date null, "contract_article" varchar(100) collate "C" null, "violation_description" text not null, "remedy_sought" text null, "current_step" text not null, "status" text not null, "assigned_rep" varchar(200) null, "assigned_user_id" uuid null, "resolution" text null, "resolution_date" date null, "settlement_amount" numeric(12,2) null, "notes" text null, "version" int not null default 1, primary key ("id"));`);
    this.addSql(`create index "grievances_filed_date_id_index" on "grievances" ("filed_date", "id") where deleted_at is null;`);
    this.addSql(`create index "grievances_grievance_number_id_index" on "grievances" ("grievance_number", "id") where deleted_at is null;`);
    this.addSql(`create index "grievances_status_id_index" on "grievances" ("status", "id") where deleted_at is null;`);
    this.addSql(`create index "grievances_current_step_id_index" on "grievances" ("current_step", "id") where deleted_at is null;`);
    this.addSql(`create index "grievances_created_at_id_index" on "grievances" ("created_at", "id") where deleted_at is null;`);
    this.addSql(`create index "grievances_member_id_filed_date_id_index" on "grievances" ("member_id", "filed_date", "id") where deleted_at is null;`);
    this.addSql(`create index "grievances_employer_id_filed_date_id_index" on "grievances" ("employer_id", "filed_date", "id") where deleted_at is null;`);
    this.addSql(`create index "grievances_incident_date_filed_date_id_index" on "grievances" ("incident_date", "filed_date", "id") where deleted_at is null;`);
    this.addSql(`create index "grievances_contract_article_filed_date_id_index" on "grievances" ("contract_article", "filed_date", "id") where deleted_at is null;`);
    this.addSql(`create index "grievances_assigned_user_id_filed_date_id_index" on "grievances" ("assigned_user_id", "filed_date", "id") where deleted_at is null;`);
    this.addSql(`alter table "grievances" add constraint "grievances_grievance_number_unique" unique ("grievance_number");`);

    this.addSql(`create table "grievance_step_records" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "grievance_id" uuid not null, "step_number" int not null, "meeting_date" date not null, "union_attendees" text null, "employer_attendees" text null, "outcome" text not null, "notes" text null, primary key ("id"));`);
    this.addSql(`alter table "grievance_step_records" add constraint "grievance_step_records_grievance_id_step_number_unique" unique ("grievance_id", "step_number");`);

    this.addSql(`create table "devices" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "user_id" uuid not null, "token_hash" varchar(64) not null, "last_seen_at" timestamptz(3) not null, "failed_login_attempts" int not null, "locked_until" timestamptz(3) null, primary key ("id"));`);
    this.addSql(`create index "devices_user_id_index" on "devices" ("user_id");`);
    this.addSql(`alter table "devices" add constraint "devices_token_hash_unique" unique ("token_hash");`);

    this.addSql(`create table "case_events" ("id" uuid not null, "grievance_id" uuid null, "application_id" uuid null, "action" varchar(50) not null, "from_status" varchar(50) null, "to_status" varchar(50) not null, "actor_id" uuid null, "at" timestamptz(3) not null, "note" text null, primary key ("id"));`);
    this.addSql(`create index "case_events_actor_id_index" on "case_events" ("actor_id");`);
    this.addSql(`create index "case_events_application_id_at_id_index" on "case_events" ("application_id", "at", "id");`);
    this.addSql(`create index "case_events_grievance_id_at_id_index" on "case_events" ("grievance_id", "at", "id");`);

    this.addSql(`create table "benevolence_reviews" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "application_id" uuid not null, "round" int not null, "review_level" text not null, "decision" text not null, "review_date" date not null, "reviewer_name" varchar(200) not null, "reviewer_id" uuid null, "comments" text null, primary key ("id"));`);
    this.addSql(`create index "benevolence_reviews_reviewer_id_index" on "benevolence_reviews" ("reviewer_id");`);
    this.addSql(`alter table "benevolence_reviews" add constraint "benevolence_reviews_application_id_round_review_level_unique" unique ("application_id", "round", "review_level");`);

    this.addSql(`create table "backup_codes" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "user_id" uuid not null, "code_hash" varchar(500) not null, "used_at" timestamptz(3) null, primary key ("id"));`);
    this.addSql(`alter table "backup_codes" add constraint "backup_codes_user_id_code_hash_unique" unique ("user_id", "code_hash");`);

    this.addSql(`create table "audit_events" ("id" uuid not null, "at" timestamptz(3) not null, "actor_id" uuid null, "session_id" uuid null, "ip_address" varchar(45) null, "action" varchar(100) collate "C" not null, "target_type" varchar(100) collate "C" null, "target_id" uuid null, "outcome" text not null, "request_id" varchar(100) not null, "count" int not null, "mac" varchar(100) not null, primary key ("id"));`);
    this.addSql(`create index "audit_events_target_type_target_id_at_id_index" on "audit_events" ("target_type", "target_id", "at", "id");`);
    this.addSql(`create index "audit_events_action_at_id_index" on "audit_events" ("action", "at", "id");`);
    this.addSql(`create index "audit_events_actor_id_at_id_index" on "audit_events" ("actor_id", "at", "id");`);
    this.addSql(`create index "audit_events_at_id_index" on "audit_events" ("at", "id");`);

    this.addSql(`create table "user_keys" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "user_id" uuid not null, "public_key" varchar(64) not null, "public_key_mac" text not null, "sealed_private_key" text not null, primary key ("id"));`);
    this.addSql(`alter table "user_keys" add constraint "user_keys_user_id_unique" unique ("user_id");`);

    this.addSql(`create table "user_roles" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "user_id" uuid not null, "role_id" uuid not null, "assigned_by_id" uuid null, "assigned_at" timestamptz(3) not null, "expires_at" timestamptz(3) null, "review_levels" text[] not null, primary key ("id"));`);
    this.addSql(`create index "user_roles_role_id_index" on "user_roles" ("role_id");`);
    this.addSql(`create index "user_roles_assigned_by_id_index" on "user_roles" ("assigned_by_id");`);
    this.addSql(`create index "user_roles_expires_at_index" on "user_roles" ("expires_at") where expires_at is not null;`);
    this.addSql(`alter table "user_roles" add constraint "user_roles_user_id_role_id_unique" unique ("user_id", "role_id");`);

    this.addSql(`create table "vault_keys" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "version" int not null, "state" text not null, primary key ("id"));`);
    this.addSql(`alter table "vault_keys" add constraint "vault_keys_version_unique" unique ("version");`);
    this.addSql(`create unique index "vault_keys_single_active_unique" on "vault_keys" ("state") where "state" = 'active';`);

    this.addSql(`create table "vault_grants" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "user_id" uuid null, "vault_key_id" uuid not null, "sealed_key" text not null, primary key ("id"));`);
    this.addSql(`create index "vault_grants_vault_key_id_index" on "vault_grants" ("vault_key_id");`);
    this.addSql(`alter table "vault_grants" add constraint "vault_grants_user_id_vault_key_id_unique" unique ("user_id", "vault_key_id");`);

    this.addSql(`create table "secret_versions" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "secret_id" uuid not null, "version" int not null, "vault_key_id" uuid not null, "salt" varchar(64) not null, "token" text not null, "created_by_id" uuid null, primary key ("id"));`);
    this.addSql(`create index "secret_versions_vault_key_id_index" on "secret_versions" ("vault_key_id");`);
    this.addSql(`create index "secret_versions_created_by_id_index" on "secret_versions" ("created_by_id");`);
    this.addSql(`alter table "secret_versions" add constraint "secret_versions_secret_id_version_unique" unique ("secret_id", "version");`);

    this.addSql(`create table "vault_sessions" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "session_id" uuid not null, "token_hash" varchar(64) not null, "wrapped_key" text not null, "last_used_at" timestamptz(3) not null, "expires_at" timestamptz(3) not null, primary key ("id"));`);
    this.addSql(`create index "vault_sessions_session_id_index" on "vault_sessions" ("session_id");`);
    this.addSql(`alter table "vault_sessions" add constraint "vault_sessions_token_hash_unique" unique ("token_hash");`);

    this.addSql(`alter table "grievance_counters" add constraint "grievance_counters_last_not_negative" check ("last" >= 0);`);

    this.addSql(`alter table "members" add constraint "members_member_number_form" check (member_number ~ '^[A-Za-z0-9]+\$');`);
    this.addSql(`alter table "members" add constraint "members_status_check" check ("status" in ('active', 'inactive', 'suspended', 'retired', 'deceased'));`);
    this.addSql(`alter table "members" add constraint "members_classification_check" check ("classification" in ('apprentice_1', 'apprentice_2', 'apprentice_3', 'apprentice_4', 'apprentice_5', 'journeyman', 'foreman', 'retiree', 'honorary'));`);

    this.addSql(`alter table "benevolence_applications" add constraint "benevolence_applications_member_id_foreign" foreign key ("member_id") references "members" ("id") on delete restrict;`);
    this.addSql(`alter table "benevolence_applications" add constraint "benevolence_applications_levels_when_submitted" check (status = 'draft' or cardinality(required_levels) > 0);`);
    this.addSql(`alter table "benevolence_applications" add constraint "benevolence_applications_levels_known" check (required_levels <@ array['vp', 'admin', 'manager', 'president']::text[]);`);
    this.addSql(`alter table "benevolence_applications" add constraint "benevolence_applications_round_positive" check (round > 0);`);
    this.addSql(`alter table "benevolence_applications" add constraint "benevolence_applications_payment_when_paid" check (case when status = 'paid' then payment_date is not null and payment_method is not null else payment_date is null and payment_method is null end);`);
    this.addSql(`alter table "benevolence_applications" add constraint "benevolence_applications_approved_amount_when_approved" check ((approved_amount is not null) = (status in ('approved', 'paid')));`);
    this.addSql(`alter table "benevolence_applications" add constraint "benevolence_applications_approved_amount_range" check (approved_amount > 0 and approved_amount <= amount_requested);`);
    this.addSql(`alter table "benevolence_applications" add constraint "benevolence_applications_amount_positive" check (amount_requested > 0);`);
    this.addSql(`alter table "benevolence_applications" add constraint "benevolence_applications_reason_check" check ("reason" in ('medical', 'death_in_family', 'disaster', 'hardship', 'other'));`);
    this.addSql(`alter table "benevolence_applications" add constraint "benevolence_applications_status_check" check ("status" in ('draft', 'submitted', 'under_review', 'approved', 'denied', 'paid'));`);

    this.addSql(`alter table "organizations" add constraint "organizations_salting_score_range" check (salting_score between 1 and 5);`);
    this.addSql(`alter table "organizations" add constraint "organizations_unit_size_positive" check (unit_size > 0);`);
    this.addSql(`alter table "organizations" add constraint "organizations_name_not_empty" check (name <> '');`);
    this.addSql(`alter table "organizations" add constraint "organizations_org_type_check" check ("org_type" in ('employer', 'union', 'training_partner', 'jatc'));`);

    this.addSql(`alter table "member_employments" add constraint "member_employments_member_id_foreign" foreign key ("member_id") references "members" ("id") on delete restrict;`);
    this.addSql(`alter table "member_employments" add constraint "member_employments_organization_id_foreign" foreign key ("organization_id") references "organizations" ("id") on delete restrict;`);
    this.addSql(`alter table "member_employments" add constraint "member_employments_hourly_rate_positive" check (hourly_rate > 0);`);
    this.addSql(`alter table "member_employments" add constraint "member_employments_end_after_start" check (end_date >= start_date);`);

    this.addSql(`alter table "organization_contacts" add constraint "organization_contacts_organization_id_foreign" foreign key ("organization_id") references "organizations" ("id") on delete restrict;`);

    this.addSql(`alter table "roles" add constraint "roles_name_lower_case" check (name = lower(name));`);
    this.addSql(`alter table "roles" add constraint "roles_based_on_check" check ("based_on" in ('admin', 'officer', 'staff', 'organizer', 'instructor', 'member'));`);

    this.addSql(`alter table "salting_activities" add constraint "salting_activities_member_id_foreign" foreign key ("member_id") references "members" ("id") on delete restrict;`);
    this.addSql(`alter table "salting_activities" add constraint "salting_activities_organization_id_foreign" foreign key ("organization_id") references "organizations" ("id") on delete restrict;`);
    this.addSql(`alter table "salting_activities" add constraint "salting_activities_no_contact_no_figures" check (outcome <> 'no_contact' or (workers_contacted = 0 and cards_signed = 0));`);
    this.addSql(`alter table "salting_activities" add constraint "salting_activities_cards_within_contacts" check (cards_signed >= 0 and cards_signed <= workers_contacted);`);
    this.addSql(`alter table "salting_activities" add constraint "salting_activities_activity_type_check" check ("activity_type" in ('outreach', 'site_visit', 'leafleting', 'one_on_one', 'meeting', 'petition_drive', 'card_signing', 'information_session', 'other'));`);
    this.addSql(`alter table "salting_activities" add constraint "salting_activities_outcome_check" check ("outcome" in ('positive', 'neutral', 'negative', 'no_contact'));`);

    this.addSql(`alter table "users" add constraint "users_member_id_foreign" foreign key ("member_id") references "members" ("id") on delete restrict;`);
    this.addSql(`alter table "users" add constraint "users_failed_login_attempts_not_negative" check (failed_login_attempts >= 0);`);
    this.addSql(`alter table "users" add constraint "users_email_form" check (email ~ '^[^@[:space:]]+@[^@[:space:]]+\$');`);
    this.addSql(`alter table "users" add constraint "users_username_form" check (username ~ '^[A-Za-z0-9._-]{2,50}\$');`);

    this.addSql(`alter table "totp_credentials" add constraint "totp_credentials_user_id_foreign" foreign key ("user_id") references "users" ("id") on delete cascade;`);
    this.addSql(`alter table "totp_credentials" add constraint "totp_credentials_failed_attempts_not_negative" check (failed_attempts >= 0);`);

    this.addSql(`alter table "sessions" add constraint "sessions_user_id_foreign" foreign key ("user_id") references "users" ("id") on delete cascade;`);
    this.addSql(`alter table "sessions" add constraint "sessions_refresh_counter_positive" check (refresh_counter > 0);`);
    this.addSql(`alter table "sessions" add constraint "sessions_end_has_reason" check ((ended_at is null) = (end_reason is null));`);
    this.addSql(`alter table "sessions" add constraint "sessions_end_reason_check" check ("end_reason" in ('logout', 'revoked', 'reuse', 'password_changed', 'user_disabled'));`);

    this.addSql(`alter table "secrets" add constraint "secrets_updated_by_id_foreign" foreign key ("updated_by_id") references "users" ("id") on delete set null;`);
    this.addSql(`alter table "secrets" add constraint "secrets_current_version_positive" check (current_version > 0);`);

    this.addSql(`alter table "one_time_tokens" add constraint "one_time_tokens_user_id_foreign" foreign key ("user_id") references "users" ("id") on delete cascade;`);
    this.addSql(`alter table "one_time_tokens" add constraint "one_time_tokens_type_is_mailed" check (type in ('password_reset', 'email_verification'));`);
    this.addSql(`alter table "one_time_tokens" add constraint "one_time_tokens_type_check" check ("type" in ('access', 'refresh', 'password_reset', 'email_verification'));`);

    this.addSql(`alter table "login_challenges" add constraint "login_challenges_user_id_foreign" foreign key ("user_id") references "users" ("id") on delete cascade;`);

    this.addSql(`alter table "grievances" add constraint "grievances_member_id_foreign" foreign key ("member_id") references "members" ("id") on delete restrict;`);
    this.addSql(`alter table "grievances" add constraint "grievances_employer_id_foreign" foreign key ("employer_id") references "organizations" ("id") on delete restrict;`);
    this.addSql(`alter table "grievances" add constraint "grievances_assigned_user_id_foreign" foreign key ("assigned_user_id") references "users" ("id") on delete restrict;`);
    this.addSql(`alter table "grievances" add constraint "grievances_step_fits_status" check (case status when 'open' then current_step = 'step_1' when 'investigation' then current_step = 'step_1' when 'hearing' then current_step <> 'arbitration' when 'arbitration' then current_step = 'arbitration' else true end);`);
    this.addSql(`alter table "grievances" add constraint "grievances_settlement_when_settled" check (settlement_amount is null or (status = 'settled' and settlement_amount > 0));`);
    this.addSql(`alter table "grievances" add constraint "grievances_resolved_when_ended" check (case when status in ('settled', 'withdrawn', 'closed') then resolution is not null and resolution_date is not null else resolution is null and resolution_date is null end);`);
    this.addSql(`alter table "grievances" add constraint "grievances_resolution_after_filing" check (resolution_date >= filed_date);`);
    this.addSql(`alter table "grievances" add constraint "grievances_incident_before_filing" check (incident_date <= filed_date);`);
    this.addSql(`alter table "grievances" add constraint "grievances_number_form" check (grievance_number ~ '^GR-[0-9]{4}-[0-9]{4,}\$');`);
    this.addSql(`alter table "grievances" add constraint "grievances_current_step_check" check ("current_step" in ('step_1', 'step_2', 'step_3', 'arbitration'));`);
    this.addSql(`alter table "grievances" add constraint "grievances_status_check" check ("status" in ('open', 'investigation', 'hearing', 'settled', 'withdrawn', 'arbitration', 'closed'));`);

    this.addSql(`alter table "grievance_step_records" add constraint "grievance_step_records_grievance_id_foreign" foreign key ("grievance_id") references "grievances" ("id") on delete restrict;`);
    this.addSql(`alter table "grievance_step_records" add constraint "grievance_step_records_last_step_ends" check (step_number < 4 or outcome <> 'advanced');`);
    this.addSql(`alter table "grievance_step_records" add constraint "grievance_step_records_step_number_range" check (step_number between 1 and 4);`);
    this.addSql(`alter table "grievance_step_records" add constraint "grievance_step_records_outcome_check" check ("outcome" in ('denied', 'settled', 'advanced'));`);

    this.addSql(`alter table "devices" add constraint "devices_user_id_foreign" foreign key ("user_id") references "users" ("id") on delete cascade;`);
    this.addSql(`alter table "devices" add constraint "devices_failed_login_attempts_not_negative" check (failed_login_attempts >= 0);`);

    this.addSql(`alter table "case_events" add constraint "case_events_grievance_id_foreign" foreign key ("grievance_id") references "grievances" ("id") on delete restrict;`);
    this.addSql(`alter table "case_events" add constraint "case_events_application_id_foreign" foreign key ("application_id") references "benevolence_applications" ("id") on delete restrict;`);
    this.addSql(`alter table "case_events" add constraint "case_events_actor_id_foreign" foreign key ("actor_id") references "users" ("id") on delete restrict;`);
    this.addSql(`alter table "case_events" add constraint "case_events_one_case" check (num_nonnulls(grievance_id, application_id) = 1);`);

    this.addSql(`alter table "benevolence_reviews" add constraint "benevolence_reviews_application_id_foreign" foreign key ("application_id") references "benevolence_applications" ("id") on delete restrict;`);
    this.addSql(`alter table "benevolence_reviews" add constraint "benevolence_reviews_reviewer_id_foreign" foreign key ("reviewer_id") references "users" ("id") on delete restrict;`);
    this.addSql(`alter table "benevolence_reviews" add constraint "benevolence_reviews_president_decides" check (review_level <> 'president' or decision <> 'deferred');`);
    this.addSql(`alter table "benevolence_reviews" add constraint "benevolence_reviews_round_positive" check (round > 0);`);
    this.addSql(`alter table "benevolence_reviews" add constraint "benevolence_reviews_review_level_check" check ("review_level" in ('vp', 'admin', 'manager', 'president'));`);
    this.addSql(`alter table "benevolence_reviews" add constraint "benevolence_reviews_decision_check" check ("decision" in ('approved', 'denied', 'needs_info', 'deferred'));`);

    this.addSql(`alter table "backup_codes" add constraint "backup_codes_user_id_foreign" foreign key ("user_id") references "users" ("id") on delete cascade;`);

    this.addSql(`alter table "audit_events" add constraint "audit_events_actor_id_foreign" foreign key ("actor_id") references "users" ("id") on delete restrict;`);
    this.addSql(`alter table "audit_events" add constraint "audit_events_count_positive" check (count > 0);`);
    this.addSql(`alter table "audit_events" add constraint "audit_events_outcome_check" check ("outcome" in ('succeeded', 'denied', 'failed'));`);
    this.addSql(`create or replace function "audit_events_audit_events_only_grow_fn"() returns trigger as \$\$ begin raise exception 'audit_events can only be added to' using errcode = 'insufficient_privilege'; end; \$\$ language plpgsql;`);
    this.addSql(`create trigger "audit_events_only_grow" BEFORE UPDATE OR DELETE OR TRUNCATE on "audit_events" for each STATEMENT execute function "audit_events_audit_events_only_grow_fn"();`);

    this.addSql(`alter table "user_keys" add constraint "user_keys_user_id_foreign" foreign key ("user_id") references "users" ("id") on delete cascade;`);

    this.addSql(`alter table "user_roles" add constraint "user_roles_user_id_foreign" foreign key ("user_id") references "users" ("id") on delete cascade;`);
    this.addSql(`alter table "user_roles" add constraint "user_roles_role_id_foreign" foreign key ("role_id") references "roles" ("id") on delete restrict;`);
    this.addSql(`alter table "user_roles" add constraint "user_roles_assigned_by_id_foreign" foreign key ("assigned_by_id") references "users" ("id") on delete set null;`);
    this.addSql(`alter table "user_roles" add constraint "user_roles_review_levels_known" check (review_levels <@ array['vp', 'admin', 'manager', 'president']::text[]);`);

    this.addSql(`alter table "vault_keys" add constraint "vault_keys_version_positive" check (version > 0);`);
    this.addSql(`alter table "vault_keys" add constraint "vault_keys_state_check" check ("state" in ('active', 'decrypt_only', 'destroyed'));`);

    this.addSql(`alter table "vault_grants" add constraint "vault_grants_user_id_foreign" foreign key ("user_id") references "users" ("id") on delete cascade;`);
    this.addSql(`alter table "vault_grants" add constraint "vault_grants_vault_key_id_foreign" foreign key ("vault_key_id") references "vault_keys" ("id") on delete cascade;`);

    this.addSql(`alter table "secret_versions" add constraint "secret_versions_secret_id_foreign" foreign key ("secret_id") references "secrets" ("id") on delete cascade;`);
    this.addSql(`alter table "secret_versions" add constraint "secret_versions_vault_key_id_foreign" foreign key ("vault_key_id") references "vault_keys" ("id") on delete restrict;`);
    this.addSql(`alter table "secret_versions" add constraint "secret_versions_created_by_id_foreign" foreign key ("created_by_id") references "users" ("id") on delete set null;`);
    this.addSql(`alter table "secret_versions" add constraint "secret_versions_version_positive" check (version > 0);`);

    this.addSql(`alter table "vault_sessions" add constraint "vault_sessions_session_id_foreign" foreign key ("session_id") references "sessions" ("id") on delete cascade;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table "benevolence_applications" drop constraint "benevolence_applications_member_id_foreign";`);
    this.addSql(`alter table "member_employments" drop constraint "member_employments_member_id_foreign";`);
    this.addSql(`alter table "salting_activities" drop constraint "salting_activities_member_id_foreign";`);
    this.addSql(`alter table "users" drop constraint "users_member_id_foreign";`);
    this.addSql(`alter table "grievances" drop constraint "grievances_member_id_foreign";`);
    this.addSql(`alter table "case_events" drop constraint "case_events_application_id_foreign";`);
    this.addSql(`alter table "benevolence_reviews" drop constraint "benevolence_reviews_application_id_foreign";`);
    this.addSql(`alter table "member_employments" drop constraint "member_employments_organization_id_foreign";`);
    this.addSql(`alter table "organization_contacts" drop constraint "organization_contacts_organization_id_foreign";`);
    this.addSql(`alter table "salting_activities" drop constraint "salting_activities_organization_id_foreign";`);
    this.addSql(`alter table "grievances" drop constraint "grievances_employer_id_foreign";`);
    this.addSql(`alter table "user_roles" drop constraint "user_roles_role_id_foreign";`);
    this.addSql(`alter table "totp_credentials" drop constraint "totp_credentials_user_id_foreign";`);
    this.addSql(`alter table "sessions" drop constraint "sessions_user_id_foreign";`);
    this.addSql(`alter table "secrets" drop constraint "secrets_updated_by_id_foreign";`);
    this.addSql(`alter table "one_time_tokens" drop constraint "one_time_tokens_user_id_foreign";`);
    this.addSql(`alter table "login_challenges" drop constraint "login_challenges_user_id_foreign";`);
    this.addSql(`alter table "grievances" drop constraint "grievances_assigned_user_id_foreign";`);
    this.addSql(`alter table "devices" drop constraint "devices_user_id_foreign";`);
    this.addSql(`alter table "case_events" drop constraint "case_events_actor_id_foreign";`);
    this.addSql(`alter table "benevolence_reviews" drop constraint "benevolence_reviews_reviewer_id_foreign";`);
    this.addSql(`alter table "backup_codes" drop constraint "backup_codes_user_id_foreign";`);
    this.addSql(`alter table "audit_events" drop constraint "audit_events_actor_id_foreign";`);
    this.addSql(`alter table "user_keys" drop constraint "user_keys_user_id_foreign";`);
    this.addSql(`alter table "user_roles" drop constraint "user_roles_user_id_foreign";`);
    this.addSql(`alter table "user_roles" drop constraint "user_roles_assigned_by_id_foreign";`);
    this.addSql(`alter table "vault_grants" drop constraint "vault_grants_user_id_foreign";`);
    this.addSql(`alter table "secret_versions" drop constraint "secret_versions_created_by_id_foreign";`);
    this.addSql(`alter table "vault_sessions" drop constraint "vault_sessions_session_id_foreign";`);
    this.addSql(`alter table "secret_versions" drop constraint "secret_versions_secret_id_foreign";`);
    this.addSql(`alter table "grievance_step_records" drop constraint "grievance_step_records_grievance_id_foreign";`);
    this.addSql(`alter table "case_events" drop constraint "case_events_grievance_id_foreign";`);
    this.addSql(`alter table "vault_grants" drop constraint "vault_grants_vault_key_id_foreign";`);
    this.addSql(`alter table "secret_versions" drop constraint "secret_versions_vault_key_id_foreign";`);

    this.addSql(`drop table if exists "grievance_counters" cascade;`);
    this.addSql(`drop table if exists "members" cascade;`);
    this.addSql(`drop table if exists "benevolence_applications" cascade;`);
    this.addSql(`drop table if exists "organizations" cascade;`);
    this.addSql(`drop table if exists "member_employments" cascade;`);
    this.addSql(`drop table if exists "organization_contacts" cascade;`);
    this.addSql(`drop table if exists "roles" cascade;`);
    this.addSql(`drop table if exists "salting_activities" cascade;`);
    this.addSql(`drop table if exists "users" cascade;`);
    this.addSql(`drop table if exists "totp_credentials" cascade;`);
    this.addSql(`drop table if exists "sessions" cascade;`);
    this.addSql(`drop table if exists "secrets" cascade;`);
    this.addSql(`drop table if exists "one_time_tokens" cascade;`);
    this.addSql(`drop table if exists "login_challenges" cascade;`);
    this.addSql(`drop table if exists "grievances" cascade;`);
    this.addSql(`drop table if exists "grievance_step_records" cascade;`);
    this.addSql(`drop table if exists "devices" cascade;`);
    this.addSql(`drop table if exists "case_events" cascade;`);
    this.addSql(`drop table if exists "benevolence_reviews" cascade;`);
    this.addSql(`drop table if exists "backup_codes" cascade;`);
    this.addSql(`drop trigger if exists "audit_events_only_grow" on "audit_events";`);
    this.addSql(`drop function if exists "audit_events_audit_events_only_grow_fn"();`);
    this.addSql(`drop table if exists "audit_events" cascade;`);
    this.addSql(`drop table if exists "user_keys" cascade;`);
    this.addSql(`drop table if exists "user_roles" cascade;`);
    this.addSql(`drop table if exists "vault_keys" cascade;`);
    this.addSql(`drop table if exists "vault_grants" cascade;`);
    this.addSql(`drop table if exists "secret_versions" cascade;`);
    this.addSql(`drop table if exists "vault_sessions" cascade;`);
  }

}
