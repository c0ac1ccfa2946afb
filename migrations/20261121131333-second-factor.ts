import { Migration } from '@mikro-orm/migrations';

export class Migration20261121131333_second_factor extends Migration {

  override name = 'Migration20261121131333_second_factor';

  override up(): void | Promise<void> {
    this.addSql(`create table "denials" ("action" varchar(100) collate "C" not null, "reason" varchar(50) collate "C" not null, "key" varchar(50) collate "C" not null, "minute" int not null, "outcome" text not null, "at" timestamptz(3) not null, "actor_id" uuid null, "session_id" uuid null, "ip_address" varchar(45) null, "target_id" uuid null, "request_id" varchar(100) not null, "count" int not null, primary key ("action", "reason", "key", "minute"));`);
    this.addSql(`create index "denials_minute_index" on "denials" ("minute");`);

    this.addSql(`create table "rate_limits" ("name" varchar(50) collate "C" not null, "key" varchar(100) collate "C" not null, "turns" timestamptz(3)[] not null, "ends_at" timestamptz(3) not null, primary key ("name", "key"));`);
    this.addSql(`create index "rate_limits_ends_at_index" on "rate_limits" ("ends_at");`);

    this.addSql(`alter table "sessions" add "idle_ends_at" timestamptz(3) null, add "failed_login_attempts" int not null default 0, add "locked_until" timestamptz(3) null;`);
    // Existing sessions have no idle time yet, and get the default.
    this.addSql(`update "sessions" set "idle_ends_at" = "last_seen_at" + interval '7 days';`);
    this.addSql(`alter table "sessions" alter column "idle_ends_at" set not null;`);
    this.addSql(`create index "sessions_idle_ends_at_index" on "sessions" ("idle_ends_at");`);
    this.addSql(`alter table "sessions" add constraint "sessions_failed_login_attempts_not_negative" check (failed_login_attempts >= 0);`);

    this.addSql(`alter table "login_challenges" add "device_id" uuid null;`);
    this.addSql(`alter table "login_challenges" add constraint "login_challenges_device_id_foreign" foreign key ("device_id") references "devices" ("id") on delete set null;`);
    this.addSql(`create index "login_challenges_device_id_index" on "login_challenges" ("device_id");`);

    this.addSql(`alter table "audit_events" add "reason" varchar(50) collate "C" null;`);

    this.addSql(`alter table "denials" add constraint "denials_count_positive" check (count > 0);`);
    this.addSql(`alter table "denials" add constraint "denials_outcome_check" check ("outcome" in ('succeeded', 'denied', 'failed'));`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists "denials" cascade;`);
    this.addSql(`drop table if exists "rate_limits" cascade;`);

    this.addSql(`alter table "login_challenges" drop constraint "login_challenges_device_id_foreign";`);

    this.addSql(`alter table "audit_events" drop column "reason";`);

    this.addSql(`drop index "login_challenges_device_id_index";`);
    this.addSql(`alter table "login_challenges" drop column "device_id";`);

    this.addSql(`drop index "sessions_idle_ends_at_index";`);
    this.addSql(`alter table "sessions" drop constraint "sessions_failed_login_attempts_not_negative";`);
    this.addSql(`alter table "sessions" drop column "idle_ends_at", drop column "failed_login_attempts", drop column "locked_until";`);
  }

}
