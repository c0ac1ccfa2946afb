import { Migration } from '@mikro-orm/migrations';

export class Migration20261201050513_member_notes extends Migration {

  override name = 'Migration20261201050513_member_notes';

  override up(): void | Promise<void> {
    this.addSql(`create table "member_notes" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "deleted_at" timestamptz(3) null, "member_id" uuid not null, "author_id" uuid not null, "text" text not null, "visibility" text not null, "category" text not null, "is_pinned" boolean not null, "version" int not null default 1, primary key ("id"));`);
    this.addSql(`create index "member_notes_author_id_index" on "member_notes" ("author_id");`);
    this.addSql(`create index "member_notes_created_at_id_index" on "member_notes" ("created_at", "id") where deleted_at is null;`);
    this.addSql(`create index "member_note_by_category" on "member_notes" ((array_position(array['contact', 'dues', 'grievance', 'referral', 'general']::text[], "category")), "id") where deleted_at is null;`);
    this.addSql(`create index "member_notes_member_id_created_at_id_index" on "member_notes" ("member_id", "created_at", "id") where deleted_at is null;`);
    this.addSql(`create index "member_notes_visibility_created_at_id_index" on "member_notes" ("visibility", "created_at", "id") where deleted_at is null;`);
    this.addSql(`create index "member_notes_category_created_at_id_index" on "member_notes" ("category", "created_at", "id") where deleted_at is null;`);
    this.addSql(`create index "member_notes_is_pinned_created_at_id_index" on "member_notes" ("is_pinned", "created_at", "id") where deleted_at is null;`);
    this.addSql(`create index "member_note_deleted" on "member_notes" ("id") where deleted_at is not null;`);

    this.addSql(`create table "member_note_revisions" ("id" uuid not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null, "note_id" uuid not null, "number" int not null, "text" text not null, "author_id" uuid not null, primary key ("id"));`);
    this.addSql(`create index "member_note_revisions_author_id_index" on "member_note_revisions" ("author_id");`);
    this.addSql(`alter table "member_note_revisions" add constraint "member_note_revisions_note_id_number_unique" unique ("note_id", "number");`);

    this.addSql(`alter table "member_notes" add constraint "member_notes_member_id_foreign" foreign key ("member_id") references "members" ("id") on delete restrict;`);
    this.addSql(`alter table "member_notes" add constraint "member_notes_author_id_foreign" foreign key ("author_id") references "users" ("id") on delete restrict;`);
    this.addSql(`alter table "member_notes" add constraint "member_notes_text_length" check (char_length(text) between 1 and 5000);`);
    this.addSql(`alter table "member_notes" add constraint "member_notes_visibility_check" check ("visibility" in ('office', 'officers'));`);
    this.addSql(`alter table "member_notes" add constraint "member_notes_category_check" check ("category" in ('contact', 'dues', 'grievance', 'referral', 'general'));`);

    this.addSql(`alter table "member_note_revisions" add constraint "member_note_revisions_note_id_foreign" foreign key ("note_id") references "member_notes" ("id") on delete restrict;`);
    this.addSql(`alter table "member_note_revisions" add constraint "member_note_revisions_author_id_foreign" foreign key ("author_id") references "users" ("id") on delete restrict;`);
    this.addSql(`alter table "member_note_revisions" add constraint "member_note_revisions_text_length" check (char_length(text) between 1 and 5000);`);
    this.addSql(`alter table "member_note_revisions" add constraint "member_note_revisions_number_positive" check (number > 0);`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table "member_note_revisions" drop constraint "member_note_revisions_note_id_foreign";`);

    this.addSql(`drop table if exists "member_notes" cascade;`);
    this.addSql(`drop table if exists "member_note_revisions" cascade;`);
  }

}
