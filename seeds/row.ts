import type { ClockStart, LimitBase, MissConsequence, TimeLimitAct } from '../src/entities/agreement.ts';
import type { DayUnit } from '../src/entities/calendar.ts';
import type {
  BenevolenceReason,
  BenevolenceReviewDecision,
  BenevolenceReviewLevel,
  BenevolenceStatus,
} from '../src/entities/benevolence.ts';
import type { DeadlineParty, MilestoneKind } from '../src/entities/deadline.ts';
import type { GrievanceStatus, GrievanceStep, GrievanceStepOutcome } from '../src/entities/grievance.ts';
import type { MemberClassification, MemberStatus } from '../src/entities/member.ts';
import type { MemberNoteCategory, MemberNoteVisibility } from '../src/entities/note.ts';
import type { OrganizationType } from '../src/entities/organization.ts';
import type { ListView, RegistrationAction, RegistrationEndReason, ResignRule } from '../src/entities/referral.ts';
import type { RoleName } from '../src/entities/role.ts';
import type { SaltingActivityType, SaltingOutcome } from '../src/entities/salting.ts';

interface Dated {
  id: string;
  created_at: Date;
  updated_at: Date;
}

interface Kept extends Dated {
  deleted_at: Date | null;
}

interface Address {
  address: string | null;
  city: string | null;
  state: string | null;
  zip_code: string | null;
}

export interface RoleRow extends Dated {
  name: string;
  display_name: string;
  description: string;
  is_system_role: boolean;
  based_on: RoleName;
}

export interface UserRow extends Kept {
  username: string;
  email: string;
  password_hash: string;
  first_name: string;
  last_name: string;
  is_active: boolean;
  is_verified: boolean;
  is_self_registered: boolean;
  is_email_claimed: boolean;
  is_owner: boolean;
  password_must_change: boolean;
  failed_login_attempts: number;
  locked_until: Date | null;
  last_login_at: Date | null;
  member_id: string | null;
}

export interface UserRoleRow extends Dated {
  user_id: string;
  role_id: string;
  assigned_by_id: string | null;
  assigned_at: Date;
  expires_at: Date | null;
  review_levels: readonly BenevolenceReviewLevel[];
}

export interface OrganizationRow extends Kept, Address {
  name: string;
  org_type: OrganizationType;
  unit_size: number | null;
  phone: string | null;
  email: string | null;
  website: string | null;
  salting_score: number | null;
  salting_notes: string | null;
}

export interface OrganizationContactRow extends Kept {
  organization_id: string;
  first_name: string;
  last_name: string;
  title: string | null;
  phone: string | null;
  email: string | null;
  is_primary: boolean;
  notes: string | null;
}

export interface HolidayCalendarRow extends Kept {
  name: string;
  workweek: readonly number[];
}

export interface HolidayRow extends Dated {
  calendar_id: string;
  day: string;
  name: string;
}

export interface BargainingUnitRow extends Kept {
  name: string;
  code: string;
  description: string | null;
}

export interface AgreementRow extends Kept {
  title: string;
  code: string;
  unit_id: string;
  calendar_id: string;
  association: string | null;
  effective_date: string;
  expiration_date: string | null;
  renews_yearly: boolean;
  notice_days: number;
  signed_date: string | null;
  clock: ClockStart;
  first_day_counts: boolean;
  rolls_forward: boolean;
  extensions_in_writing: boolean;
  steps: number;
  version: number;
}

export interface AgreementArticleRow extends Dated {
  agreement_id: string;
  place: number;
  number: string;
  title: string;
}

export interface AgreementLimitRow extends Dated {
  agreement_id: string;
  step: number;
  act: TimeLimitAct;
  days: number;
  day_unit: DayUnit;
  counts_from: LimitBase;
  on_miss: MissConsequence;
}

export interface AgreementEmployerRow extends Dated {
  agreement_id: string;
  organization_id: string;
  assented_date: string;
  ended_date: string | null;
}

export interface MemberRow extends Kept, Address {
  member_number: string;
  first_name: string;
  last_name: string;
  middle_name: string | null;
  status: MemberStatus;
  classification: MemberClassification;
  phone: string | null;
  email: string | null;
  date_of_birth: string | null;
  hire_date: string | null;
  notes: string | null;
}

export interface MemberEmploymentRow extends Dated {
  member_id: string;
  organization_id: string;
  start_date: string;
  end_date: string | null;
  job_title: string | null;
  hourly_rate: string | null;
}

export interface MemberNoteRow extends Kept {
  member_id: string;
  author_id: string;
  text: string;
  visibility: MemberNoteVisibility;
  category: MemberNoteCategory;
  is_pinned: boolean;
  version: number;
}

export interface MemberNoteRevisionRow extends Dated {
  note_id: string;
  number: number;
  text: string;
  author_id: string;
}

export interface SaltingActivityRow extends Kept {
  member_id: string;
  organization_id: string;
  activity_type: SaltingActivityType;
  activity_date: string;
  outcome: SaltingOutcome | null;
  location: string | null;
  workers_contacted: number;
  cards_signed: number;
  description: string | null;
  notes: string | null;
}

export interface BenevolenceApplicationRow extends Kept {
  member_id: string;
  application_date: string;
  reason: BenevolenceReason;
  description: string;
  amount_requested: string;
  status: BenevolenceStatus;
  approved_amount: string | null;
  payment_date: string | null;
  payment_method: string | null;
  notes: string | null;
  version: number;
  round: number;
  required_levels: readonly BenevolenceReviewLevel[];
}

export interface BenevolenceReviewRow extends Dated {
  application_id: string;
  round: number;
  review_level: BenevolenceReviewLevel;
  decision: BenevolenceReviewDecision;
  review_date: string;
  reviewer_name: string;
  reviewer_id: string | null;
  comments: string | null;
}

export interface GrievanceRow extends Kept {
  grievance_number: string;
  member_id: string;
  employer_id: string;
  filed_date: string;
  incident_date: string | null;
  known_date: string | null;
  agreement_id: string | null;
  article_id: string | null;
  step_count: number;
  contract_article: string | null;
  violation_description: string;
  remedy_sought: string | null;
  current_step: GrievanceStep;
  status: GrievanceStatus;
  assigned_rep: string | null;
  assigned_user_id: string | null;
  resolution: string | null;
  resolution_date: string | null;
  settlement_amount: string | null;
  notes: string | null;
  version: number;
}

export interface GrievanceMilestoneRow {
  id: string;
  grievance_id: string;
  step: number;
  kind: MilestoneKind;
  date: string;
  is_default: boolean;
  supersedes_id: string | null;
  actor_id: string | null;
  at: Date;
}

export interface GrievanceExtensionRow {
  id: string;
  grievance_id: string;
  step: number;
  act: TimeLimitAct;
  due_date: string | null;
  agreed_date: string;
  agreed_with: string;
  reference: string | null;
  reason: string | null;
  actor_id: string | null;
  at: Date;
}

export interface GrievanceDeadlineRow extends Dated {
  grievance_id: string;
  step: number;
  act: TimeLimitAct;
  party: DeadlineParty;
  on_miss: MissConsequence;
  counted_from: string;
  is_from_event: boolean;
  original_date: string;
  due_date: string;
  met_on: string | null;
  is_moot: boolean;
}

export interface GrievanceStepRecordRow extends Dated {
  grievance_id: string;
  step_number: number;
  meeting_date: string;
  union_attendees: string | null;
  employer_attendees: string | null;
  outcome: GrievanceStepOutcome;
  notes: string | null;
}

export interface CaseEventRow {
  id: string;
  grievance_id: string | null;
  application_id: string | null;
  action: string;
  from_status: string | null;
  to_status: string;
  actor_id: string | null;
  at: Date;
  note: string | null;
}

export interface GrievanceCounterRow {
  year: number;
  last: number;
}

export interface ReferralBookRow extends Dated {
  name: string;
  code: string;
  calendar_id: string;
  resign_rule: ResignRule;
  resign_days: number | null;
  window_from: number | null;
  window_to: number | null;
  list_to_registrants: ListView;
  last_place: number;
}

export interface RegistrantRow extends Dated {
  member_id: string | null;
  first_name: string | null;
  last_name: string | null;
  home_local: string | null;
  phone: string | null;
}

export interface RegistrationRow extends Dated {
  registrant_id: string;
  book_id: string;
  group_number: number;
  registered_at: Date;
  rank_at: Date;
  place: number;
  resign_by: string;
  ended_at: Date | null;
  end_reason: RegistrationEndReason | null;
}

export interface RegistrationEventRow {
  id: string;
  registration_id: string;
  number: number;
  action: RegistrationAction;
  at: Date;
  resign_by: string | null;
  end_reason: RegistrationEndReason | null;
  note: string | null;
  actor_id: string | null;
}

/** The rows of every table that is seeded, in an order in which they can be written. */
export interface Tables {
  roles: RoleRow;
  users: UserRow;
  user_roles: UserRoleRow;
  organizations: OrganizationRow;
  organization_contacts: OrganizationContactRow;
  holiday_calendars: HolidayCalendarRow;
  holidays: HolidayRow;
  bargaining_units: BargainingUnitRow;
  agreements: AgreementRow;
  agreement_articles: AgreementArticleRow;
  agreement_limits: AgreementLimitRow;
  agreement_employers: AgreementEmployerRow;
  members: MemberRow;
  member_employments: MemberEmploymentRow;
  member_notes: MemberNoteRow;
  member_note_revisions: MemberNoteRevisionRow;
  salting_activities: SaltingActivityRow;
  benevolence_applications: BenevolenceApplicationRow;
  benevolence_reviews: BenevolenceReviewRow;
  grievances: GrievanceRow;
  grievance_step_records: GrievanceStepRecordRow;
  grievance_milestones: GrievanceMilestoneRow;
  grievance_extensions: GrievanceExtensionRow;
  grievance_deadlines: GrievanceDeadlineRow;
  case_events: CaseEventRow;
  grievance_counters: GrievanceCounterRow;
  referral_books: ReferralBookRow;
  registrants: RegistrantRow;
  registrations: RegistrationRow;
  registration_events: RegistrationEventRow;
}
