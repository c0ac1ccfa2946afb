import { Migration } from '@mikro-orm/migrations';

/** Text that users entered, except what they sign in with, and except the audit log. */
const texts: Readonly<Record<string, readonly string[]>> = {
  benevolence_applications: ['description', 'payment_method', 'notes'],
  benevolence_reviews: ['reviewer_name', 'comments'],
  grievance_step_records: ['union_attendees', 'employer_attendees', 'notes'],
  grievances: ['contract_article', 'violation_description', 'remedy_sought', 'assigned_rep', 'resolution', 'notes'],
  member_employments: ['job_title'],
  members: ['first_name', 'last_name', 'middle_name', 'address', 'city', 'state', 'zip_code', 'phone', 'notes'],
  organization_contacts: ['first_name', 'last_name', 'title', 'phone', 'notes'],
  organizations: ['name', 'address', 'city', 'state', 'zip_code', 'phone', 'salting_notes'],
  roles: ['display_name', 'description'],
  salting_activities: ['location', 'description', 'notes'],
  users: ['first_name', 'last_name'],
};

/** Characters that are invisible everywhere. Those that join others in an emoji or a script are kept. */
const hidden = '[\\u00AD\\u061C\\u115F\\u1160\\u180E\\u200B\\u200E\\u200F\\u202A-\\u202E\\u2060-\\u206F\\u2800\\u3164\\uFEFF\\uFFA0]';

export class Migration20261130184100_clean_text extends Migration {

  override name = 'Migration20261130184100_clean_text';

  /** Composes characters and removes invisible ones, unless nothing would remain. */
  override up(): void | Promise<void> {
    for (const [table, columns] of Object.entries(texts)) {
      for (const column of columns) {
        const clean = `regexp_replace(normalize("${column}", NFC), '${hidden}', '', 'g')`;
        this.addSql(`update "${table}" set "${column}" = ${clean} where "${column}" ~ '[^\\x01-\\x7F]' and "${column}" <> ${clean} and btrim(${clean}) <> '';`);
      }
    }
  }

  /** The previous spelling is unknown, and looks the same. */
  override down(): void {}

}
