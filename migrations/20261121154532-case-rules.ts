import { Migration } from '@mikro-orm/migrations';

export class Migration20261121154532_case_rules extends Migration {

  override name = 'Migration20261121154532_case_rules';

  override up(): void | Promise<void> {
    this.addSql(`alter table "benevolence_applications" add constraint "benevolence_applications_payment_after_application" check (payment_date >= application_date);`);

    this.addSql(`alter table "grievances" add constraint "grievances_number_of_filing_year" check (substr(grievance_number, 4, 4) = lpad(extract(year from filed_date)::text, 4, '0'));`);

    this.addSql(`alter table "benevolence_reviews" add constraint "benevolence_reviews_application_id_round_reviewer_id_unique" unique ("application_id", "round", "reviewer_id");`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table "benevolence_applications" drop constraint "benevolence_applications_payment_after_application";`);

    this.addSql(`alter table "benevolence_reviews" drop constraint "benevolence_reviews_application_id_round_reviewer_id_unique";`);

    this.addSql(`alter table "grievances" drop constraint "grievances_number_of_filing_year";`);
  }

}
