/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** A note about a member to add. */
export type AddMemberNoteInput = {
  /** The subject. */
  category: MemberNoteCategory;
  /** Whether to pin the note. */
  isPinned?: boolean;
  /** The id of the member. */
  memberId: string | number;
  /** The text, 1 to 5000 characters. */
  text: string;
  /** Who can read the note. */
  visibility: MemberNoteVisibility;
};

/** Conditions for Agreement records. A record must meet all of them. A null condition has no effect. */
export type AgreementCondition = {
  /** Matches `code`. */
  code?: StringFilter | null | undefined;
  /** Matches `effectiveDate`. */
  effectiveDate?: DateFilter | null | undefined;
  /** Matches `expirationDate`. */
  expirationDate?: DateFilter | null | undefined;
  /** Matches the id of `unit`. */
  unitId?: IdFilter | null | undefined;
};

/** Conditions for Agreement records. A record must meet all of them. A null condition has no effect. */
export type AgreementFilter = {
  /** Matches `code`. */
  code?: StringFilter | null | undefined;
  /** Matches `effectiveDate`. */
  effectiveDate?: DateFilter | null | undefined;
  /** Matches `expirationDate`. */
  expirationDate?: DateFilter | null | undefined;
  /** Matches records that meet none of these conditions. At most 50 comparisons. */
  not?: Array<AgreementCondition> | null | undefined;
  /** Matches records that meet at least one of these conditions. An empty list matches nothing. At most 50 comparisons. */
  or?: Array<AgreementCondition> | null | undefined;
  /** Matches the id of `unit`. */
  unitId?: IdFilter | null | undefined;
};

/** A sort order for Agreement records. */
export type AgreementOrder = {
  /** The sort direction. */
  direction?: OrderDirection;
  /** The field to sort by. */
  field: AgreementOrderField;
};

/** The fields by which Agreement records can be sorted. */
export type AgreementOrderField =
  /** Sorts by `effectiveDate`. */
  | 'EFFECTIVE_DATE'
  /** Sorts by `title`. */
  | 'TITLE';

/** A new text of a note about a member. */
export type AmendMemberNoteInput = {
  /** The new text, 1 to 5000 characters. */
  text: string;
  /** The version that the caller read. Fails with CONFLICT if the record has changed since. */
  version?: number | null | undefined;
};

/** An application to the benevolence fund. */
export type ApplyForBenevolenceInput = {
  /** The requested amount in US dollars. Must be more than zero. */
  amountRequested: string;
  /** The date of the application. Must not be in the future. Defaults to today. */
  applicationDate?: string | null | undefined;
  /** The circumstances in the words of the applicant. Confidential. */
  description: string;
  /** The member id of the applicant. Defaults to the member record of the caller. */
  memberId?: string | number | null | undefined;
  /** The reason for the application. */
  reason: BenevolenceReason;
};

/** An action on an application. Each action has its own mutation. */
export type BenevolenceAction =
  /** `applyForBenevolence`: drafts the application. Only events have this action. */
  | 'CREATED'
  /** `payBenevolence`: records the payment. */
  | 'PAY'
  /** `reviewBenevolence`: records the decision of the next level. */
  | 'REVIEW'
  /** `submitBenevolence`: submits the draft for review. */
  | 'SUBMIT'
  /** `updateBenevolenceDraft`: changes the draft. */
  | 'UPDATE'
  /** `withdrawBenevolence`: withdraws the application. */
  | 'WITHDRAW';

/** Conditions for BenevolenceApplication records. A record must meet all of them. A null condition has no effect. */
export type BenevolenceApplicationCondition = {
  /** Matches `amountRequested`. */
  amountRequested?: DecimalFilter | null | undefined;
  /** Matches `applicationDate`. */
  applicationDate?: DateFilter | null | undefined;
  /** Matches the id of `member`. */
  memberId?: IdFilter | null | undefined;
  /** Matches `paymentDate`. */
  paymentDate?: DateFilter | null | undefined;
  /** Matches `reason`. */
  reason?: BenevolenceReasonFilter | null | undefined;
  /** Matches `status`. */
  status?: BenevolenceStatusFilter | null | undefined;
};

/** Conditions for BenevolenceApplication records. A record must meet all of them. A null condition has no effect. */
export type BenevolenceApplicationFilter = {
  /** Matches `amountRequested`. */
  amountRequested?: DecimalFilter | null | undefined;
  /** Matches `applicationDate`. */
  applicationDate?: DateFilter | null | undefined;
  /** Matches the id of `member`. */
  memberId?: IdFilter | null | undefined;
  /** Matches records that meet none of these conditions. At most 50 comparisons. */
  not?: Array<BenevolenceApplicationCondition> | null | undefined;
  /** Matches records that meet at least one of these conditions. An empty list matches nothing. At most 50 comparisons. */
  or?: Array<BenevolenceApplicationCondition> | null | undefined;
  /** Matches `paymentDate`. */
  paymentDate?: DateFilter | null | undefined;
  /** Matches `reason`. */
  reason?: BenevolenceReasonFilter | null | undefined;
  /** Matches `status`. */
  status?: BenevolenceStatusFilter | null | undefined;
};

/** The reason for an application to the benevolence fund. */
export type BenevolenceReason =
  /** A death in the family. */
  | 'DEATH_IN_FAMILY'
  /** A disaster such as a fire, flood, or storm. */
  | 'DISASTER'
  /** Financial hardship, for example after a layoff. */
  | 'HARDSHIP'
  /** Illness or injury. */
  | 'MEDICAL'
  /** Another reason. */
  | 'OTHER';

/** Conditions for a BenevolenceReason value. The value must meet all of them. A null operand has no effect, as if it were omitted. */
export type BenevolenceReasonFilter = {
  /** Equals this value. */
  eq?: BenevolenceReason | null | undefined;
  /** Equals one of these values, at most 100. */
  in?: Array<BenevolenceReason> | null | undefined;
  /** True matches only null; false matches only other values. */
  isNull?: boolean | null | undefined;
  /** Equals none of these values, at most 100. Also matches null and hidden values. */
  notIn?: Array<BenevolenceReason> | null | undefined;
};

/** The decision of a review level. */
export type BenevolenceReviewDecision =
  /** Approves the application at this level. At the last required level, this approves the application. */
  | 'APPROVED'
  /** Passes the decision to the next higher level, which becomes a required level. */
  | 'DEFERRED'
  /** Denies the application. */
  | 'DENIED'
  /** Returns the application to draft for more information. The next submission starts a new review round. */
  | 'NEEDS_INFO';

/** A review level. Levels decide in the order VP, ADMIN, MANAGER, PRESIDENT. Larger amounts require more levels. */
export type BenevolenceReviewLevel =
  /** The administrator of the fund. */
  | 'ADMIN'
  /** The business manager. */
  | 'MANAGER'
  /** The president. */
  | 'PRESIDENT'
  /** The vice president. */
  | 'VP';

/** The status of an application. */
export type BenevolenceStatus =
  /** Approved and awaiting payment. */
  | 'APPROVED'
  /** Denied. */
  | 'DENIED'
  /** In preparation, or returned to the applicant for more information. */
  | 'DRAFT'
  /** Paid. */
  | 'PAID'
  /** Submitted and awaiting the first review of its round. */
  | 'SUBMITTED'
  /** Reviewed by at least one level, with no final decision yet. */
  | 'UNDER_REVIEW';

/** Conditions for a BenevolenceStatus value. The value must meet all of them. A null operand has no effect, as if it were omitted. */
export type BenevolenceStatusFilter = {
  /** Equals this value. */
  eq?: BenevolenceStatus | null | undefined;
  /** Equals one of these values, at most 100. */
  in?: Array<BenevolenceStatus> | null | undefined;
  /** True matches only null; false matches only other values. */
  isNull?: boolean | null | undefined;
  /** Equals none of these values, at most 100. Also matches null and hidden values. */
  notIn?: Array<BenevolenceStatus> | null | undefined;
};

/** The second factor for a login. */
export type CompleteLoginInput = {
  /** The challenge that `login` returned. */
  challenge: string;
  /** The six-digit code or a backup code. */
  code: string;
  /** The type of the code. */
  method?: SecondFactorMethod;
};

/** Conditions for a date. The value must meet all of them. A null operand has no effect, as if it were omitted. */
export type DateFilter = {
  /** Equals this value. */
  eq?: string | null | undefined;
  /** Is greater than or equal to this value. */
  gte?: string | null | undefined;
  /** Equals one of these values, at most 100. */
  in?: Array<string> | null | undefined;
  /** True matches only null; false matches only other values. */
  isNull?: boolean | null | undefined;
  /** Is less than or equal to this value. */
  lte?: string | null | undefined;
  /** Equals none of these values, at most 100. Also matches null and hidden values. */
  notIn?: Array<string> | null | undefined;
};

/** The days that a time limit counts. */
export type DayUnit =
  /** All days. */
  | 'CALENDAR'
  /** Days of the workweek that are not holidays. */
  | 'WORKING';

/** The party that must act. */
export type DeadlineParty =
  /** The arbitrator. */
  | 'ARBITRATOR'
  /** The employer. */
  | 'EMPLOYER'
  /** The union. */
  | 'UNION';

/** The state of a deadline today. */
export type DeadlineState =
  /** Missed by the employer. */
  | 'DEFAULTED'
  /** Held open: both sides agreed on no date. */
  | 'HELD'
  /** Met after its due date. */
  | 'LATE'
  /** Met by its due date. */
  | 'MET'
  /** Without effect: the grievance ended or left the step. */
  | 'MOOT'
  /** Missed by the union or the arbitrator. */
  | 'OVERDUE'
  /** Due today or later. */
  | 'UPCOMING';

/** Conditions for an amount of money. The value must meet all of them. A null operand has no effect, as if it were omitted. */
export type DecimalFilter = {
  /** Equals this value. */
  eq?: string | null | undefined;
  /** Is greater than or equal to this value. */
  gte?: string | null | undefined;
  /** Equals one of these values, at most 100. */
  in?: Array<string> | null | undefined;
  /** True matches only null; false matches only other values. */
  isNull?: boolean | null | undefined;
  /** Is less than or equal to this value. */
  lte?: string | null | undefined;
  /** Equals none of these values, at most 100. Also matches null and hidden values. */
  notIn?: Array<string> | null | undefined;
};

/** An agreement of the union and the employer to move a deadline. */
export type ExtendGrievanceDeadlineInput = {
  /** The date of the agreement. Must not be in the future or after the new due date. */
  agreedDate: string;
  /** The person who agreed for the other side, 1 to 200 characters. */
  agreedWith: string;
  /** The id of the deadline. It must be pending at the current step. */
  deadlineId: string | number;
  /** The new due date. Must be after the date that it replaces. Null holds the deadline open. */
  dueDate?: string | null | undefined;
  /** The reason. At most 2,000 characters. */
  reason?: string | null | undefined;
  /** Where the written agreement is kept. At most 200 characters. Required if the agreement demands extensions in writing. */
  reference?: string | null | undefined;
  /** The version that the caller read. Fails with CONFLICT if the record has changed since. */
  version?: number | null | undefined;
};

/** A grievance to file. */
export type FileGrievanceInput = {
  /** The id of the agreement that governs the grievance. Defaults to the one that bound the employer on the day of the incident, or of the filing without one. Required if agreements of several bargaining units bound the employer. */
  agreementId?: string | number | null | undefined;
  /** The id of the article of the agreement that was violated. */
  articleId?: string | number | null | undefined;
  /** The name of the union representative as free text. At most 200 characters. */
  assignedRep?: string | null | undefined;
  /** The id of the user who represents the grievant. Must be an active user with the admin, officer, or staff role. */
  assignedUserId?: string | number | null | undefined;
  /** The article of the agreement that was violated, as free text. At most 100 characters. */
  contractArticle?: string | null | undefined;
  /** The organization id of the employer that the grievance is against. */
  employerId: string | number;
  /** The filing date. Must not be in the future. Defaults to today. */
  filedDate?: string | null | undefined;
  /** The date of the incident. Must not be after the filing date. */
  incidentDate?: string | null | undefined;
  /** The date on which the grievant knew or should have known of the incident. Must not be before the incident or after the filing date. */
  knownDate?: string | null | undefined;
  /** The member id of the grievant. */
  memberId: string | number;
  /** The internal notes of the union. The grievant cannot see them. */
  notes?: string | null | undefined;
  /** The remedy that the union seeks. */
  remedySought?: string | null | undefined;
  /** The description of the violation. */
  violationDescription: string;
};

/** An action on a grievance. Each action has its own mutation. */
export type GrievanceAction =
  /** `appealGrievance`: takes a denied grievance to the next step. */
  | 'APPEAL'
  /** `closeGrievance`: ends the grievance for another reason. */
  | 'CLOSE'
  /** `fileGrievance`: files the grievance. Only events have this action. */
  | 'CREATED'
  /** `extendGrievanceDeadline`: moves a deadline as both sides agreed. */
  | 'EXTEND'
  /** `investigateGrievance`: starts the investigation. */
  | 'INVESTIGATE'
  /** `noteGrievanceDate`: adds or corrects the date of a meeting or an answer. */
  | 'NOTE_DATE'
  /** `recordGrievanceStep`: records the meeting of the current step. */
  | 'RECORD_STEP'
  /** `settleGrievance`: ends the grievance with a settlement. */
  | 'SETTLE'
  /** `takeGrievanceDefault`: applies the consequence of a deadline that the employer missed. */
  | 'TAKE_DEFAULT'
  /** `updateGrievance`: corrects or completes the record. */
  | 'UPDATE'
  /** `withdrawGrievance`: ends the grievance because the union withdraws it. */
  | 'WITHDRAW';

/** Conditions for Grievance records. A record must meet all of them. A null condition has no effect. */
export type GrievanceCondition = {
  /** Matches the id of `agreement`. */
  agreementId?: IdFilter | null | undefined;
  /** Matches the user id of `assignedUser`. */
  assignedUserId?: IdFilter | null | undefined;
  /** Matches `contractArticle`. */
  contractArticle?: StringFilter | null | undefined;
  /** Matches `currentStep`. */
  currentStep?: GrievanceStepFilter | null | undefined;
  /** Matches the id of `employer`. */
  employerId?: IdFilter | null | undefined;
  /** Matches `filedDate`. */
  filedDate?: DateFilter | null | undefined;
  /** Matches `grievanceNumber`. */
  grievanceNumber?: StringFilter | null | undefined;
  /** Matches `incidentDate`. */
  incidentDate?: DateFilter | null | undefined;
  /** Matches the id of `member`. */
  memberId?: IdFilter | null | undefined;
  /** Matches `status`. */
  status?: GrievanceStatusFilter | null | undefined;
};

/** Conditions for Grievance records. A record must meet all of them. A null condition has no effect. */
export type GrievanceFilter = {
  /** Matches the id of `agreement`. */
  agreementId?: IdFilter | null | undefined;
  /** Matches the user id of `assignedUser`. */
  assignedUserId?: IdFilter | null | undefined;
  /** Matches `contractArticle`. */
  contractArticle?: StringFilter | null | undefined;
  /** Matches `currentStep`. */
  currentStep?: GrievanceStepFilter | null | undefined;
  /** Matches the id of `employer`. */
  employerId?: IdFilter | null | undefined;
  /** Matches `filedDate`. */
  filedDate?: DateFilter | null | undefined;
  /** Matches `grievanceNumber`. */
  grievanceNumber?: StringFilter | null | undefined;
  /** Matches `incidentDate`. */
  incidentDate?: DateFilter | null | undefined;
  /** Matches the id of `member`. */
  memberId?: IdFilter | null | undefined;
  /** Matches records that meet none of these conditions. At most 50 comparisons. */
  not?: Array<GrievanceCondition> | null | undefined;
  /** Matches records that meet at least one of these conditions. An empty list matches nothing. At most 50 comparisons. */
  or?: Array<GrievanceCondition> | null | undefined;
  /** Matches `status`. */
  status?: GrievanceStatusFilter | null | undefined;
};

/** A sort order for Grievance records. */
export type GrievanceOrder = {
  /** The sort direction. */
  direction?: OrderDirection;
  /** The field to sort by. */
  field: GrievanceOrderField;
};

/** The fields by which Grievance records can be sorted. */
export type GrievanceOrderField =
  /** Sorts by `createdAt`. */
  | 'CREATED_AT'
  /** Sorts by `currentStep`. */
  | 'CURRENT_STEP'
  /** Sorts by `filedDate`. */
  | 'FILED_DATE'
  /** Sorts by `grievanceNumber`. */
  | 'GRIEVANCE_NUMBER'
  /** Sorts by `status`. */
  | 'STATUS';

/** The status of a grievance. */
export type GrievanceStatus =
  /** The case is in arbitration. */
  | 'ARBITRATION'
  /** Ended for another reason. */
  | 'CLOSED'
  /** The union and the employer are holding step meetings. */
  | 'HEARING'
  /** The union is gathering facts. */
  | 'INVESTIGATION'
  /** Filed, with no action taken yet. */
  | 'OPEN'
  /** Ended by a settlement. */
  | 'SETTLED'
  /** Ended because the union withdrew it. */
  | 'WITHDRAWN';

/** Conditions for a GrievanceStatus value. The value must meet all of them. A null operand has no effect, as if it were omitted. */
export type GrievanceStatusFilter = {
  /** Equals this value. */
  eq?: GrievanceStatus | null | undefined;
  /** Equals one of these values, at most 100. */
  in?: Array<GrievanceStatus> | null | undefined;
  /** True matches only null; false matches only other values. */
  isNull?: boolean | null | undefined;
  /** Equals none of these values, at most 100. Also matches null and hidden values. */
  notIn?: Array<GrievanceStatus> | null | undefined;
};

/** The step that a grievance has reached. */
export type GrievanceStep =
  /** Arbitration, the last step. */
  | 'ARBITRATION'
  /** First step, with the supervisor. */
  | 'STEP_1'
  /** Second step, with management. */
  | 'STEP_2'
  /** Third step, with the head of the employer. */
  | 'STEP_3';

/** Conditions for a GrievanceStep value. The value must meet all of them. A null operand has no effect, as if it were omitted. */
export type GrievanceStepFilter = {
  /** Equals this value. */
  eq?: GrievanceStep | null | undefined;
  /** Equals one of these values, at most 100. */
  in?: Array<GrievanceStep> | null | undefined;
  /** True matches only null; false matches only other values. */
  isNull?: boolean | null | undefined;
  /** Equals none of these values, at most 100. Also matches null and hidden values. */
  notIn?: Array<GrievanceStep> | null | undefined;
};

/** Conditions for an id. The value must meet all of them. A null operand has no effect, as if it were omitted. */
export type IdFilter = {
  /** Equals this value. */
  eq?: string | number | null | undefined;
  /** Equals one of these values, at most 100. */
  in?: Array<string | number> | null | undefined;
  /** True matches only null; false matches only other values. */
  isNull?: boolean | null | undefined;
  /** Equals none of these values, at most 100. Also matches null and hidden values. */
  notIn?: Array<string | number> | null | undefined;
};

/** What a registrant sees of the out-of-work list. */
export type ListView =
  /** Every registration on the list. */
  | 'FULL'
  /** Only their own registration, with its position. */
  | 'POSITION';

/** The credentials and the device for a login. */
export type LoginInput = {
  /** Whether to set the refresh token and the device token as HttpOnly cookies instead of returning them. */
  cookie?: boolean | null | undefined;
  /** A name for this device in the list of sessions. At most 100 characters. */
  deviceName?: string | null | undefined;
  /** The device token from an earlier login on this device. */
  deviceToken?: string | null | undefined;
  /** The username or e-mail address, ignoring case. */
  identifier: string;
  /** The password. */
  password: string;
};

/** The subject of a note about a member. */
export type MemberNoteCategory =
  /** A conversation, call, or message. */
  | 'CONTACT'
  /** Dues and payments. */
  | 'DUES'
  /** Another subject. */
  | 'GENERAL'
  /** A grievance or a complaint. */
  | 'GRIEVANCE'
  /** Referral to work. */
  | 'REFERRAL';

/** Who can read a note about a member. */
export type MemberNoteVisibility =
  /** Admins, officers, and staff. */
  | 'OFFICE'
  /** Admins, officers, and the author. */
  | 'OFFICERS';

/** The date of a meeting or an answer at the current step. */
export type NoteGrievanceDateInput = {
  /** The date. Must not be in the future or before the grievance reached the step. An answer must not be before the meeting. */
  date: string;
  /** The id of the grievance. */
  grievanceId: string | number;
  /** What happened. A date that was noted before is corrected. */
  kind: NotedMilestone;
  /** The version that the caller read. Fails with CONFLICT if the record has changed since. */
  version?: number | null | undefined;
};

/** An event of the current step whose date can be noted. */
export type NotedMilestone =
  /** The employer denied the grievance. At arbitration, the arbitrator issued the award. */
  | 'ANSWERED'
  /** The union and the employer met. */
  | 'MET';

/** The type of a GraphQL operation. */
export type OperationType =
  /** A mutation, which changes data. */
  | 'MUTATION'
  /** A query, which reads data. */
  | 'QUERY'
  /** A subscription, which receives events. */
  | 'SUBSCRIPTION';

/** A sort direction. Text sorts without regard to case, accents, and apostrophes. Enum values sort in their domain order. The id breaks ties. */
export type OrderDirection =
  /** Ascending: smallest first. */
  | 'ASC'
  /** Descending: largest first. */
  | 'DESC';

/** A signature on a referral book. */
export type RegisterOnBookInput = {
  /** The id of the book. */
  bookId: string | number;
  /** The group, from 1 to 4. Group 1 is first on the list. */
  groupNumber: number;
  /** The ground of the group, up to 500 characters. */
  note?: string | null | undefined;
  /** The id of the registrant. */
  registrantId: string | number;
};

/** What happened to a registration. */
export type RegistrationAction =
  /** The registration ended. */
  | 'END'
  /** The registrant signed the book. */
  | 'REGISTER'
  /** The registrant re-signed and kept the place. */
  | 'RESIGN';

/** Why a registration ended. */
export type RegistrationEndReason =
  /** The registrant left the book. */
  | 'OWN_REQUEST'
  /** The registrant did not re-sign in time. */
  | 'RESIGN_MISSED';

/** How often a registrant must re-sign a referral book. */
export type ResignRule =
  /** Within a number of days after the last signature. */
  | 'EVERY_DAYS'
  /** Once in a window of days of each month. */
  | 'MONTHLY_WINDOW';

/** The decision of the next level on an application. */
export type ReviewBenevolenceInput = {
  /** The approved amount in US dollars, at most the requested amount. Accepted only with the approval of the last level. Defaults to the requested amount. */
  approvedAmount?: string | null | undefined;
  /** Comments. The applicant cannot see them. */
  comments?: string | null | undefined;
  /** The decision. The president level cannot decide DEFERRED. */
  decision: BenevolenceReviewDecision;
  /** The id of the application. */
  id: string | number;
  /** The level that the caller expects to be next. Fails with CONFLICT if another level is next. */
  level?: BenevolenceReviewLevel | null | undefined;
  /** The version that the caller read. Fails with CONFLICT if the record has changed since. */
  version?: number | null | undefined;
};

/** A type of second factor. */
export type SecondFactorMethod =
  /** One of the ten backup codes. */
  | 'BACKUP_CODE'
  /** A six-digit code from an authenticator app. */
  | 'TOTP';

/** Conditions for a text. The value must meet all of them. A null operand has no effect, as if it were omitted. */
export type StringFilter = {
  /** Contains this text. Ignores case, accents, and apostrophes. */
  contains?: string | null | undefined;
  /** Equals this value. */
  eq?: string | null | undefined;
  /** Equals one of these values, at most 100. */
  in?: Array<string> | null | undefined;
  /** True matches only null; false matches only other values. */
  isNull?: boolean | null | undefined;
  /** Equals none of these values, at most 100. Also matches null and hidden values. */
  notIn?: Array<string> | null | undefined;
};

/** A deadline that the employer missed. */
export type TakeGrievanceDefaultInput = {
  /** The id of the deadline. */
  deadlineId: string | number;
  /** The version that the caller read. Fails with CONFLICT if the record has changed since. */
  version?: number | null | undefined;
};

/** What must be done within a time limit. */
export type TimeLimitAct =
  /** The employer answers. */
  | 'ANSWER'
  /** The union appeals to the next step. At the last step, it demands arbitration. */
  | 'APPEAL'
  /** The arbitrator issues the award. */
  | 'AWARD'
  /** The union files the grievance. */
  | 'FILE'
  /** The employer meets with the union. */
  | 'MEET';

export type AgreementCardFragment = { id: string, title: string, code: string, effectiveDate: string, expirationDate: string | null, unit: { name: string } | null, calendar: { id: string, name: string } | null };

export type AgreementsQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
  filter?: AgreementFilter | null | undefined;
  orderBy?: AgreementOrder | null | undefined;
}>;


export type AgreementsQuery = { agreements: { totalCount: number, pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, title: string, code: string, effectiveDate: string, expirationDate: string | null, unit: { name: string } | null, calendar: { id: string, name: string } | null }> } | null };

export type AgreementForQueryVariables = Exact<{
  employerId: string | number;
  on: string;
}>;


export type AgreementForQuery = { agreementFor: { id: string, title: string, code: string, effectiveDate: string, expirationDate: string | null, unit: { name: string } | null, calendar: { id: string, name: string } | null } | null };

export type ApplicationCardFragment = { id: string, version: number, reason: BenevolenceReason, amountRequested: string, approvedAmount: string | null, applicationDate: string, status: BenevolenceStatus, requiredLevels: Array<BenevolenceReviewLevel>, availableActions: Array<BenevolenceAction>, member: { fullName: string } | null, reviews: Array<{ id: string, round: number, reviewLevel: BenevolenceReviewLevel, decision: BenevolenceReviewDecision, reviewerName: string | null }> };

export type BenevolenceApplicationsQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
  filter?: BenevolenceApplicationFilter | null | undefined;
}>;


export type BenevolenceApplicationsQuery = { benevolenceApplications: { totalCount: number, pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, version: number, reason: BenevolenceReason, amountRequested: string, approvedAmount: string | null, applicationDate: string, status: BenevolenceStatus, requiredLevels: Array<BenevolenceReviewLevel>, availableActions: Array<BenevolenceAction>, member: { fullName: string } | null, reviews: Array<{ id: string, round: number, reviewLevel: BenevolenceReviewLevel, decision: BenevolenceReviewDecision, reviewerName: string | null }> }> } | null };

export type BenevolenceApplicationQueryVariables = Exact<{
  id: string | number;
}>;


export type BenevolenceApplicationQuery = { benevolenceApplication: { description: string, id: string, version: number, reason: BenevolenceReason, amountRequested: string, approvedAmount: string | null, applicationDate: string, status: BenevolenceStatus, requiredLevels: Array<BenevolenceReviewLevel>, availableActions: Array<BenevolenceAction>, member: { fullName: string } | null, reviews: Array<{ id: string, round: number, reviewLevel: BenevolenceReviewLevel, decision: BenevolenceReviewDecision, reviewerName: string | null }> } | null };

export type ApplyForBenevolenceMutationVariables = Exact<{
  input: ApplyForBenevolenceInput;
}>;


export type ApplyForBenevolenceMutation = { applyForBenevolence: { id: string, version: number, reason: BenevolenceReason, amountRequested: string, approvedAmount: string | null, applicationDate: string, status: BenevolenceStatus, requiredLevels: Array<BenevolenceReviewLevel>, availableActions: Array<BenevolenceAction>, member: { fullName: string } | null, reviews: Array<{ id: string, round: number, reviewLevel: BenevolenceReviewLevel, decision: BenevolenceReviewDecision, reviewerName: string | null }> } };

export type SubmitBenevolenceMutationVariables = Exact<{
  id: string | number;
  version?: number | null | undefined;
}>;


export type SubmitBenevolenceMutation = { submitBenevolence: { id: string, version: number, reason: BenevolenceReason, amountRequested: string, approvedAmount: string | null, applicationDate: string, status: BenevolenceStatus, requiredLevels: Array<BenevolenceReviewLevel>, availableActions: Array<BenevolenceAction>, member: { fullName: string } | null, reviews: Array<{ id: string, round: number, reviewLevel: BenevolenceReviewLevel, decision: BenevolenceReviewDecision, reviewerName: string | null }> } };

export type ReviewBenevolenceMutationVariables = Exact<{
  input: ReviewBenevolenceInput;
}>;


export type ReviewBenevolenceMutation = { reviewBenevolence: { id: string, version: number, reason: BenevolenceReason, amountRequested: string, approvedAmount: string | null, applicationDate: string, status: BenevolenceStatus, requiredLevels: Array<BenevolenceReviewLevel>, availableActions: Array<BenevolenceAction>, member: { fullName: string } | null, reviews: Array<{ id: string, round: number, reviewLevel: BenevolenceReviewLevel, decision: BenevolenceReviewDecision, reviewerName: string | null }> } };

export type GrievanceChangedSubscriptionVariables = Exact<{
  id?: string | number | null | undefined;
}>;


export type GrievanceChangedSubscription = { grievanceChanged: { action: GrievanceAction, grievance: { id: string, grievanceNumber: string, status: GrievanceStatus } } };

export type BenevolenceApplicationChangedSubscriptionVariables = Exact<{
  id?: string | number | null | undefined;
}>;


export type BenevolenceApplicationChangedSubscription = { benevolenceApplicationChanged: { action: BenevolenceAction, application: { id: string, status: BenevolenceStatus } } };

export type DeadlineRowFragment = { id: string, step: number, act: TimeLimitAct, party: DeadlineParty, dueDate: string | null, state: DeadlineState, grievance: { id: string, grievanceNumber: string, availableActions: Array<GrievanceAction>, member: { fullName: string } | null } | null };

export type PendingDeadlinesQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type PendingDeadlinesQuery = { deadlines: { totalCount: number, pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, step: number, act: TimeLimitAct, party: DeadlineParty, dueDate: string | null, state: DeadlineState, grievance: { id: string, grievanceNumber: string, availableActions: Array<GrievanceAction>, member: { fullName: string } | null } | null }> } | null };

export type DeadlineSummaryQueryVariables = Exact<{ [key: string]: never; }>;


export type DeadlineSummaryQuery = { deadlineSummary: Array<{ party: DeadlineParty, overdue: number, defaulted: number, today: number, nextSevenDays: number, held: number }> | null };

export type DueDateQueryVariables = Exact<{
  calendarId: string | number;
  from: string;
  days: number;
  dayUnit: DayUnit;
}>;


export type DueDateQuery = { dueDate: string | null };

export type NoteGrievanceDateMutationVariables = Exact<{
  input: NoteGrievanceDateInput;
}>;


export type NoteGrievanceDateMutation = { noteGrievanceDate: { id: string, version: number, nextDeadline: { id: string, step: number, act: TimeLimitAct, party: DeadlineParty, dueDate: string | null, state: DeadlineState, grievance: { id: string, grievanceNumber: string, availableActions: Array<GrievanceAction>, member: { fullName: string } | null } | null } | null } };

export type ExtendGrievanceDeadlineMutationVariables = Exact<{
  input: ExtendGrievanceDeadlineInput;
}>;


export type ExtendGrievanceDeadlineMutation = { extendGrievanceDeadline: { id: string, version: number, nextDeadline: { id: string, step: number, act: TimeLimitAct, party: DeadlineParty, dueDate: string | null, state: DeadlineState, grievance: { id: string, grievanceNumber: string, availableActions: Array<GrievanceAction>, member: { fullName: string } | null } | null } | null } };

export type TakeGrievanceDefaultMutationVariables = Exact<{
  input: TakeGrievanceDefaultInput;
}>;


export type TakeGrievanceDefaultMutation = { takeGrievanceDefault: { id: string, version: number, status: GrievanceStatus, nextDeadline: { id: string, step: number, act: TimeLimitAct, party: DeadlineParty, dueDate: string | null, state: DeadlineState, grievance: { id: string, grievanceNumber: string, availableActions: Array<GrievanceAction>, member: { fullName: string } | null } | null } | null } };

export type GrievancesQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
  filter?: GrievanceFilter | null | undefined;
  orderBy?: GrievanceOrder | null | undefined;
}>;


export type GrievancesQuery = { grievances: { totalCount: number, pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, version: number, grievanceNumber: string, filedDate: string, status: GrievanceStatus, currentStep: GrievanceStep, availableActions: Array<GrievanceAction>, member: { fullName: string } | null, employer: { name: string } | null }> } | null };

export type FileGrievanceMutationVariables = Exact<{
  input: FileGrievanceInput;
}>;


export type FileGrievanceMutation = { fileGrievance: { id: string, version: number, grievanceNumber: string, status: GrievanceStatus, availableActions: Array<GrievanceAction> } };

export type NoteCardFragment = { id: string, version: number, text: string, visibility: MemberNoteVisibility, category: MemberNoteCategory, isPinned: boolean, createdAt: string, author: { fullName: string } | null };

export type MemberNotesQueryVariables = Exact<{
  memberId: string | number;
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type MemberNotesQuery = { memberNotes: { totalCount: number, pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, version: number, text: string, visibility: MemberNoteVisibility, category: MemberNoteCategory, isPinned: boolean, createdAt: string, author: { fullName: string } | null }> } | null };

export type AddMemberNoteMutationVariables = Exact<{
  input: AddMemberNoteInput;
}>;


export type AddMemberNoteMutation = { addMemberNote: { id: string, version: number, text: string, visibility: MemberNoteVisibility, category: MemberNoteCategory, isPinned: boolean, createdAt: string, author: { fullName: string } | null } };

export type AmendMemberNoteMutationVariables = Exact<{
  id: string | number;
  input: AmendMemberNoteInput;
}>;


export type AmendMemberNoteMutation = { amendMemberNote: { id: string, version: number, text: string, visibility: MemberNoteVisibility, category: MemberNoteCategory, isPinned: boolean, createdAt: string, revisions: Array<{ number: number, text: string, createdAt: string, author: { fullName: string } | null }>, author: { fullName: string } | null } };

export type ReferralBooksQueryVariables = Exact<{ [key: string]: never; }>;


export type ReferralBooksQuery = { referralBooks: Array<{ id: string, name: string, code: string, resignRule: ResignRule, listToRegistrants: ListView }> | null };

export type OutOfWorkListQueryVariables = Exact<{
  bookId: string | number;
  at?: string | null | undefined;
  first?: number | null | undefined;
  after?: number | null | undefined;
}>;


export type OutOfWorkListQuery = { outOfWorkList: { at: string, totalCount: number, entries: Array<{ position: number, registrationId: string, groupNumber: number, fullName: string, homeLocal: string | null, registeredAt: string, resignBy: string, isOwn: boolean }> } | null };

export type MyRegistrationsQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type MyRegistrationsQuery = { registrations: { totalCount: number, pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, groupNumber: number, registeredAt: string, resignBy: string, endedAt: string | null, endReason: RegistrationEndReason | null, book: { id: string, name: string } | null, events: Array<{ number: number, action: RegistrationAction, at: string, resignBy: string | null }> }> } | null };

export type RegisterOnBookMutationVariables = Exact<{
  input: RegisterOnBookInput;
}>;


export type RegisterOnBookMutation = { registerOnBook: { id: string, resignBy: string } };

export type ResignRegistrationMutationVariables = Exact<{
  id: string | number;
}>;


export type ResignRegistrationMutation = { resignRegistration: { id: string, resignBy: string } };

export type LeaveBookMutationVariables = Exact<{
  id: string | number;
}>;


export type LeaveBookMutation = { leaveBook: { id: string, endedAt: string | null } };

export type SignInMutationVariables = Exact<{
  input: LoginInput;
}>;


export type SignInMutation = { login:
    | { __typename: 'SecondFactorRequired', challenge: string, expiresIn: number, methods: Array<SecondFactorMethod> }
    | { __typename: 'SignedIn', accessToken: string, expiresIn: number, refreshToken: string | null, deviceToken: string | null, user: { id: string, fullName: string } }
   };

export type CompleteSignInMutationVariables = Exact<{
  input: CompleteLoginInput;
}>;


export type CompleteSignInMutation = { completeLogin: { __typename: 'SignedIn', accessToken: string, expiresIn: number, refreshToken: string | null, deviceToken: string | null, user: { id: string, fullName: string } } };

export type RefreshMutationVariables = Exact<{
  refreshToken?: string | null | undefined;
}>;


export type RefreshMutation = { refresh: { accessToken: string, expiresIn: number, refreshToken: string | null } };

export type SignOutMutationVariables = Exact<{ [key: string]: never; }>;


export type SignOutMutation = { logout: boolean };

export type WhoAmIQueryVariables = Exact<{ [key: string]: never; }>;


export type WhoAmIQuery = { me: { id: string, username: string, fullName: string, roles: Array<{ reviewLevels: Array<BenevolenceReviewLevel>, role: { displayName: string } }> } | null, permissions: Array<{ type: OperationType, operation: string, isAllowed: boolean }> };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}
export const AgreementCardFragmentDoc = new TypedDocumentString(`
    fragment AgreementCard on Agreement {
  id
  title
  code
  effectiveDate
  expirationDate
  unit {
    name
  }
  calendar {
    id
    name
  }
}
    `, {"fragmentName":"AgreementCard"}) as unknown as TypedDocumentString<AgreementCardFragment, unknown>;
export const ApplicationCardFragmentDoc = new TypedDocumentString(`
    fragment ApplicationCard on BenevolenceApplication {
  id
  version
  reason
  amountRequested
  approvedAmount
  applicationDate
  status
  member {
    fullName
  }
  requiredLevels
  reviews {
    id
    round
    reviewLevel
    decision
    reviewerName
  }
  availableActions
}
    `, {"fragmentName":"ApplicationCard"}) as unknown as TypedDocumentString<ApplicationCardFragment, unknown>;
export const DeadlineRowFragmentDoc = new TypedDocumentString(`
    fragment DeadlineRow on GrievanceDeadline {
  id
  step
  act
  party
  dueDate
  state
  grievance {
    id
    grievanceNumber
    availableActions
    member {
      fullName
    }
  }
}
    `, {"fragmentName":"DeadlineRow"}) as unknown as TypedDocumentString<DeadlineRowFragment, unknown>;
export const NoteCardFragmentDoc = new TypedDocumentString(`
    fragment NoteCard on MemberNote {
  id
  version
  text
  visibility
  category
  isPinned
  createdAt
  author {
    fullName
  }
}
    `, {"fragmentName":"NoteCard"}) as unknown as TypedDocumentString<NoteCardFragment, unknown>;
export const AgreementsDocument = new TypedDocumentString(`
    query Agreements($first: Int, $after: String, $filter: AgreementFilter, $orderBy: AgreementOrder) {
  agreements(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      ...AgreementCard
    }
  }
}
    fragment AgreementCard on Agreement {
  id
  title
  code
  effectiveDate
  expirationDate
  unit {
    name
  }
  calendar {
    id
    name
  }
}`) as unknown as TypedDocumentString<AgreementsQuery, AgreementsQueryVariables>;
export const AgreementForDocument = new TypedDocumentString(`
    query AgreementFor($employerId: ID!, $on: Date!) {
  agreementFor(employerId: $employerId, on: $on) {
    ...AgreementCard
  }
}
    fragment AgreementCard on Agreement {
  id
  title
  code
  effectiveDate
  expirationDate
  unit {
    name
  }
  calendar {
    id
    name
  }
}`) as unknown as TypedDocumentString<AgreementForQuery, AgreementForQueryVariables>;
export const BenevolenceApplicationsDocument = new TypedDocumentString(`
    query BenevolenceApplications($first: Int, $after: String, $filter: BenevolenceApplicationFilter) {
  benevolenceApplications(first: $first, after: $after, filter: $filter) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      ...ApplicationCard
    }
  }
}
    fragment ApplicationCard on BenevolenceApplication {
  id
  version
  reason
  amountRequested
  approvedAmount
  applicationDate
  status
  member {
    fullName
  }
  requiredLevels
  reviews {
    id
    round
    reviewLevel
    decision
    reviewerName
  }
  availableActions
}`) as unknown as TypedDocumentString<BenevolenceApplicationsQuery, BenevolenceApplicationsQueryVariables>;
export const BenevolenceApplicationDocument = new TypedDocumentString(`
    query BenevolenceApplication($id: ID!) {
  benevolenceApplication(id: $id) {
    ...ApplicationCard
    description
  }
}
    fragment ApplicationCard on BenevolenceApplication {
  id
  version
  reason
  amountRequested
  approvedAmount
  applicationDate
  status
  member {
    fullName
  }
  requiredLevels
  reviews {
    id
    round
    reviewLevel
    decision
    reviewerName
  }
  availableActions
}`) as unknown as TypedDocumentString<BenevolenceApplicationQuery, BenevolenceApplicationQueryVariables>;
export const ApplyForBenevolenceDocument = new TypedDocumentString(`
    mutation ApplyForBenevolence($input: ApplyForBenevolenceInput!) {
  applyForBenevolence(input: $input) {
    ...ApplicationCard
  }
}
    fragment ApplicationCard on BenevolenceApplication {
  id
  version
  reason
  amountRequested
  approvedAmount
  applicationDate
  status
  member {
    fullName
  }
  requiredLevels
  reviews {
    id
    round
    reviewLevel
    decision
    reviewerName
  }
  availableActions
}`) as unknown as TypedDocumentString<ApplyForBenevolenceMutation, ApplyForBenevolenceMutationVariables>;
export const SubmitBenevolenceDocument = new TypedDocumentString(`
    mutation SubmitBenevolence($id: ID!, $version: Int) {
  submitBenevolence(id: $id, version: $version) {
    ...ApplicationCard
  }
}
    fragment ApplicationCard on BenevolenceApplication {
  id
  version
  reason
  amountRequested
  approvedAmount
  applicationDate
  status
  member {
    fullName
  }
  requiredLevels
  reviews {
    id
    round
    reviewLevel
    decision
    reviewerName
  }
  availableActions
}`) as unknown as TypedDocumentString<SubmitBenevolenceMutation, SubmitBenevolenceMutationVariables>;
export const ReviewBenevolenceDocument = new TypedDocumentString(`
    mutation ReviewBenevolence($input: ReviewBenevolenceInput!) {
  reviewBenevolence(input: $input) {
    ...ApplicationCard
  }
}
    fragment ApplicationCard on BenevolenceApplication {
  id
  version
  reason
  amountRequested
  approvedAmount
  applicationDate
  status
  member {
    fullName
  }
  requiredLevels
  reviews {
    id
    round
    reviewLevel
    decision
    reviewerName
  }
  availableActions
}`) as unknown as TypedDocumentString<ReviewBenevolenceMutation, ReviewBenevolenceMutationVariables>;
export const GrievanceChangedDocument = new TypedDocumentString(`
    subscription GrievanceChanged($id: ID) {
  grievanceChanged(id: $id) {
    action
    grievance {
      id
      grievanceNumber
      status
    }
  }
}
    `) as unknown as TypedDocumentString<GrievanceChangedSubscription, GrievanceChangedSubscriptionVariables>;
export const BenevolenceApplicationChangedDocument = new TypedDocumentString(`
    subscription BenevolenceApplicationChanged($id: ID) {
  benevolenceApplicationChanged(id: $id) {
    action
    application {
      id
      status
    }
  }
}
    `) as unknown as TypedDocumentString<BenevolenceApplicationChangedSubscription, BenevolenceApplicationChangedSubscriptionVariables>;
export const PendingDeadlinesDocument = new TypedDocumentString(`
    query PendingDeadlines($first: Int, $after: String) {
  deadlines(
    first: $first
    after: $after
    filter: {metOn: {isNull: true}, isMoot: {eq: false}}
  ) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      ...DeadlineRow
    }
  }
}
    fragment DeadlineRow on GrievanceDeadline {
  id
  step
  act
  party
  dueDate
  state
  grievance {
    id
    grievanceNumber
    availableActions
    member {
      fullName
    }
  }
}`) as unknown as TypedDocumentString<PendingDeadlinesQuery, PendingDeadlinesQueryVariables>;
export const DeadlineSummaryDocument = new TypedDocumentString(`
    query DeadlineSummary {
  deadlineSummary {
    party
    overdue
    defaulted
    today
    nextSevenDays
    held
  }
}
    `) as unknown as TypedDocumentString<DeadlineSummaryQuery, DeadlineSummaryQueryVariables>;
export const DueDateDocument = new TypedDocumentString(`
    query DueDate($calendarId: ID!, $from: Date!, $days: Int!, $dayUnit: DayUnit!) {
  dueDate(calendarId: $calendarId, from: $from, days: $days, dayUnit: $dayUnit)
}
    `) as unknown as TypedDocumentString<DueDateQuery, DueDateQueryVariables>;
export const NoteGrievanceDateDocument = new TypedDocumentString(`
    mutation NoteGrievanceDate($input: NoteGrievanceDateInput!) {
  noteGrievanceDate(input: $input) {
    id
    version
    nextDeadline {
      ...DeadlineRow
    }
  }
}
    fragment DeadlineRow on GrievanceDeadline {
  id
  step
  act
  party
  dueDate
  state
  grievance {
    id
    grievanceNumber
    availableActions
    member {
      fullName
    }
  }
}`) as unknown as TypedDocumentString<NoteGrievanceDateMutation, NoteGrievanceDateMutationVariables>;
export const ExtendGrievanceDeadlineDocument = new TypedDocumentString(`
    mutation ExtendGrievanceDeadline($input: ExtendGrievanceDeadlineInput!) {
  extendGrievanceDeadline(input: $input) {
    id
    version
    nextDeadline {
      ...DeadlineRow
    }
  }
}
    fragment DeadlineRow on GrievanceDeadline {
  id
  step
  act
  party
  dueDate
  state
  grievance {
    id
    grievanceNumber
    availableActions
    member {
      fullName
    }
  }
}`) as unknown as TypedDocumentString<ExtendGrievanceDeadlineMutation, ExtendGrievanceDeadlineMutationVariables>;
export const TakeGrievanceDefaultDocument = new TypedDocumentString(`
    mutation TakeGrievanceDefault($input: TakeGrievanceDefaultInput!) {
  takeGrievanceDefault(input: $input) {
    id
    version
    status
    nextDeadline {
      ...DeadlineRow
    }
  }
}
    fragment DeadlineRow on GrievanceDeadline {
  id
  step
  act
  party
  dueDate
  state
  grievance {
    id
    grievanceNumber
    availableActions
    member {
      fullName
    }
  }
}`) as unknown as TypedDocumentString<TakeGrievanceDefaultMutation, TakeGrievanceDefaultMutationVariables>;
export const GrievancesDocument = new TypedDocumentString(`
    query Grievances($first: Int, $after: String, $filter: GrievanceFilter, $orderBy: GrievanceOrder) {
  grievances(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      id
      version
      grievanceNumber
      filedDate
      status
      currentStep
      member {
        fullName
      }
      employer {
        name
      }
      availableActions
    }
  }
}
    `) as unknown as TypedDocumentString<GrievancesQuery, GrievancesQueryVariables>;
export const FileGrievanceDocument = new TypedDocumentString(`
    mutation FileGrievance($input: FileGrievanceInput!) {
  fileGrievance(input: $input) {
    id
    version
    grievanceNumber
    status
    availableActions
  }
}
    `) as unknown as TypedDocumentString<FileGrievanceMutation, FileGrievanceMutationVariables>;
export const MemberNotesDocument = new TypedDocumentString(`
    query MemberNotes($memberId: ID!, $first: Int, $after: String) {
  memberNotes(first: $first, after: $after, filter: {memberId: {eq: $memberId}}) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      ...NoteCard
    }
  }
}
    fragment NoteCard on MemberNote {
  id
  version
  text
  visibility
  category
  isPinned
  createdAt
  author {
    fullName
  }
}`) as unknown as TypedDocumentString<MemberNotesQuery, MemberNotesQueryVariables>;
export const AddMemberNoteDocument = new TypedDocumentString(`
    mutation AddMemberNote($input: AddMemberNoteInput!) {
  addMemberNote(input: $input) {
    ...NoteCard
  }
}
    fragment NoteCard on MemberNote {
  id
  version
  text
  visibility
  category
  isPinned
  createdAt
  author {
    fullName
  }
}`) as unknown as TypedDocumentString<AddMemberNoteMutation, AddMemberNoteMutationVariables>;
export const AmendMemberNoteDocument = new TypedDocumentString(`
    mutation AmendMemberNote($id: ID!, $input: AmendMemberNoteInput!) {
  amendMemberNote(id: $id, input: $input) {
    ...NoteCard
    revisions {
      number
      text
      createdAt
      author {
        fullName
      }
    }
  }
}
    fragment NoteCard on MemberNote {
  id
  version
  text
  visibility
  category
  isPinned
  createdAt
  author {
    fullName
  }
}`) as unknown as TypedDocumentString<AmendMemberNoteMutation, AmendMemberNoteMutationVariables>;
export const ReferralBooksDocument = new TypedDocumentString(`
    query ReferralBooks {
  referralBooks {
    id
    name
    code
    resignRule
    listToRegistrants
  }
}
    `) as unknown as TypedDocumentString<ReferralBooksQuery, ReferralBooksQueryVariables>;
export const OutOfWorkListDocument = new TypedDocumentString(`
    query OutOfWorkList($bookId: ID!, $at: DateTime, $first: Int, $after: Int) {
  outOfWorkList(bookId: $bookId, at: $at, first: $first, after: $after) {
    at
    totalCount
    entries {
      position
      registrationId
      groupNumber
      fullName
      homeLocal
      registeredAt
      resignBy
      isOwn
    }
  }
}
    `) as unknown as TypedDocumentString<OutOfWorkListQuery, OutOfWorkListQueryVariables>;
export const MyRegistrationsDocument = new TypedDocumentString(`
    query MyRegistrations($first: Int, $after: String) {
  registrations(first: $first, after: $after) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      id
      book {
        id
        name
      }
      groupNumber
      registeredAt
      resignBy
      endedAt
      endReason
      events {
        number
        action
        at
        resignBy
      }
    }
  }
}
    `) as unknown as TypedDocumentString<MyRegistrationsQuery, MyRegistrationsQueryVariables>;
export const RegisterOnBookDocument = new TypedDocumentString(`
    mutation RegisterOnBook($input: RegisterOnBookInput!) {
  registerOnBook(input: $input) {
    id
    resignBy
  }
}
    `) as unknown as TypedDocumentString<RegisterOnBookMutation, RegisterOnBookMutationVariables>;
export const ResignRegistrationDocument = new TypedDocumentString(`
    mutation ResignRegistration($id: ID!) {
  resignRegistration(id: $id) {
    id
    resignBy
  }
}
    `) as unknown as TypedDocumentString<ResignRegistrationMutation, ResignRegistrationMutationVariables>;
export const LeaveBookDocument = new TypedDocumentString(`
    mutation LeaveBook($id: ID!) {
  leaveBook(id: $id) {
    id
    endedAt
  }
}
    `) as unknown as TypedDocumentString<LeaveBookMutation, LeaveBookMutationVariables>;
export const SignInDocument = new TypedDocumentString(`
    mutation SignIn($input: LoginInput!) {
  login(input: $input) {
    __typename
    ... on SignedIn {
      accessToken
      expiresIn
      refreshToken
      deviceToken
      user {
        id
        fullName
      }
    }
    ... on SecondFactorRequired {
      challenge
      expiresIn
      methods
    }
  }
}
    `) as unknown as TypedDocumentString<SignInMutation, SignInMutationVariables>;
export const CompleteSignInDocument = new TypedDocumentString(`
    mutation CompleteSignIn($input: CompleteLoginInput!) {
  completeLogin(input: $input) {
    __typename
    accessToken
    expiresIn
    refreshToken
    deviceToken
    user {
      id
      fullName
    }
  }
}
    `) as unknown as TypedDocumentString<CompleteSignInMutation, CompleteSignInMutationVariables>;
export const RefreshDocument = new TypedDocumentString(`
    mutation Refresh($refreshToken: String) {
  refresh(refreshToken: $refreshToken) {
    accessToken
    expiresIn
    refreshToken
  }
}
    `) as unknown as TypedDocumentString<RefreshMutation, RefreshMutationVariables>;
export const SignOutDocument = new TypedDocumentString(`
    mutation SignOut {
  logout
}
    `) as unknown as TypedDocumentString<SignOutMutation, SignOutMutationVariables>;
export const WhoAmIDocument = new TypedDocumentString(`
    query WhoAmI {
  me {
    id
    username
    fullName
    roles {
      role {
        displayName
      }
      reviewLevels
    }
  }
  permissions {
    type
    operation
    isAllowed
  }
}
    `) as unknown as TypedDocumentString<WhoAmIQuery, WhoAmIQueryVariables>;