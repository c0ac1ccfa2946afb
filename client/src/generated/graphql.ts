/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** A request for help from the benevolence fund. */
export type ApplyForBenevolenceInput = {
  /** What is asked for, in US dollars; more than zero. */
  amountRequested: string;
  /** The day of the application, not in the future; today when left out. */
  applicationDate?: string | null | undefined;
  /** What happened. Confidential. */
  description: string;
  /** The applicant; the caller's own member record when left out. */
  memberId?: string | number | null | undefined;
  /** Why help is needed. */
  reason: BenevolenceReason;
};

/** What can be done with an application. */
export type BenevolenceAction =
  /** Record the payment: `payBenevolence`. */
  | 'PAY'
  /** Decide at the next level: `reviewBenevolence`. */
  | 'REVIEW'
  /** Submit it for review: `submitBenevolence`. */
  | 'SUBMIT'
  /** Change the draft: `updateBenevolenceDraft`. */
  | 'UPDATE'
  /** Take it back: `withdrawBenevolence`. */
  | 'WITHDRAW';

/** What a BenevolenceApplication must be like; all that is given must hold. */
export type BenevolenceApplicationFilter = {
  /** Only those whose `amountRequested` compares like this. */
  amountRequested?: DecimalFilter | null | undefined;
  /** Only those whose `applicationDate` compares like this. */
  applicationDate?: DateFilter | null | undefined;
  /** Only those whose `member` has an id that compares like this. */
  memberId?: IdFilter | null | undefined;
  /** Only those whose `paymentDate` compares like this. */
  paymentDate?: DateFilter | null | undefined;
  /** Only those whose `reason` compares like this. */
  reason?: BenevolenceReasonFilter | null | undefined;
  /** Only those whose `status` compares like this. */
  status?: BenevolenceStatusFilter | null | undefined;
};

/** Why help is needed. */
export type BenevolenceReason =
  /** A death in the family. */
  | 'DEATH_IN_FAMILY'
  /** Fire, flood, storm. */
  | 'DISASTER'
  /** Financial hardship, as after a layoff. */
  | 'HARDSHIP'
  /** Illness or injury. */
  | 'MEDICAL'
  /** Another reason. */
  | 'OTHER';

/** Compares a value; all that is given must hold. */
export type BenevolenceReasonFilter = {
  /** Is this value. */
  eq?: BenevolenceReason | null | undefined;
  /** Is one of these, at most 100. */
  in?: Array<BenevolenceReason> | null | undefined;
  /** Whether there is none. */
  isNull?: boolean | null | undefined;
};

/** What a level decided. */
export type BenevolenceReviewDecision =
  /** Yes; the last level’s yes approves the application. */
  | 'APPROVED'
  /** Passes it up to the next level. */
  | 'DEFERRED'
  /** No, which denies the application. */
  | 'DENIED'
  /** Sends it back to draft; when it is submitted again, a new round begins. */
  | 'NEEDS_INFO';

/** Who decides, in this order; how many of them depends on the amount. */
export type BenevolenceReviewLevel =
  /** The administrator of the fund. */
  | 'ADMIN'
  /** The business manager. */
  | 'MANAGER'
  /** The president. */
  | 'PRESIDENT'
  /** The vice president. */
  | 'VP';

/** Where an application stands. */
export type BenevolenceStatus =
  /** Approved; not paid yet. */
  | 'APPROVED'
  /** Denied. */
  | 'DENIED'
  /** Being written, or sent back for more information. */
  | 'DRAFT'
  /** Paid. */
  | 'PAID'
  /** Waits for its first review. */
  | 'SUBMITTED'
  /** Some of its levels have decided. */
  | 'UNDER_REVIEW';

/** Compares a value; all that is given must hold. */
export type BenevolenceStatusFilter = {
  /** Is this value. */
  eq?: BenevolenceStatus | null | undefined;
  /** Is one of these, at most 100. */
  in?: Array<BenevolenceStatus> | null | undefined;
  /** Whether there is none. */
  isNull?: boolean | null | undefined;
};

/** The second factor of a sign-in whose password was right. */
export type CompleteLoginInput = {
  /** The challenge that the sign-in was answered with. */
  challenge: string;
  /** The six digits, or a backup code. */
  code: string;
  /** Which of the two it is. */
  method?: SecondFactorMethod;
};

/** Compares a day; all that is given must hold. */
export type DateFilter = {
  /** Is this day. */
  eq?: string | null | undefined;
  /** Is this or greater. */
  gte?: string | null | undefined;
  /** Is one of these, at most 100. */
  in?: Array<string> | null | undefined;
  /** Whether there is none. */
  isNull?: boolean | null | undefined;
  /** Is this or less. */
  lte?: string | null | undefined;
};

/** Compares a amount; all that is given must hold. */
export type DecimalFilter = {
  /** Is this amount. */
  eq?: string | null | undefined;
  /** Is this or greater. */
  gte?: string | null | undefined;
  /** Is one of these, at most 100. */
  in?: Array<string> | null | undefined;
  /** Whether there is none. */
  isNull?: boolean | null | undefined;
  /** Is this or less. */
  lte?: string | null | undefined;
};

/** A grievance to be filed. */
export type FileGrievanceInput = {
  /** The name of the representative; at most 200 characters. */
  assignedRep?: string | null | undefined;
  /** The user who represents the grievant: an active one who works on grievances. */
  assignedUserId?: string | number | null | undefined;
  /** The article of the agreement that was broken; at most 100 characters. */
  contractArticle?: string | null | undefined;
  /** The employer it is against. */
  employerId: string | number;
  /** The day it is filed, not in the future; today when left out. */
  filedDate?: string | null | undefined;
  /** The day of the incident, not after the filing. */
  incidentDate?: string | null | undefined;
  /** The grievant. */
  memberId: string | number;
  /** The union's own notes, which the grievant does not see. */
  notes?: string | null | undefined;
  /** What would set it right. */
  remedySought?: string | null | undefined;
  /** What happened. */
  violationDescription: string;
};

/** What can be done with a grievance. */
export type GrievanceAction =
  /** Take a denial to the next step: `appealGrievance`. */
  | 'APPEAL'
  /** Close it otherwise: `closeGrievance`. */
  | 'CLOSE'
  /** Begin the investigation: `investigateGrievance`. */
  | 'INVESTIGATE'
  /** Record the meeting of the current step: `recordGrievanceStep`. */
  | 'RECORD_STEP'
  /** Settle it: `settleGrievance`. */
  | 'SETTLE'
  /** Correct or complete the record: `updateGrievance`. */
  | 'UPDATE'
  /** Take it back: `withdrawGrievance`. */
  | 'WITHDRAW';

/** What a Grievance must be like; all that is given must hold. */
export type GrievanceFilter = {
  /** Only those whose `assignedUser` has a user id that compares like this. */
  assignedUserId?: IdFilter | null | undefined;
  /** Only those whose `contractArticle` compares like this. */
  contractArticle?: StringFilter | null | undefined;
  /** Only those whose `currentStep` compares like this. */
  currentStep?: GrievanceStepFilter | null | undefined;
  /** Only those whose `employer` has an id that compares like this. */
  employerId?: IdFilter | null | undefined;
  /** Only those whose `filedDate` compares like this. */
  filedDate?: DateFilter | null | undefined;
  /** Only those whose `grievanceNumber` compares like this. */
  grievanceNumber?: StringFilter | null | undefined;
  /** Only those whose `incidentDate` compares like this. */
  incidentDate?: DateFilter | null | undefined;
  /** Only those whose `member` has an id that compares like this. */
  memberId?: IdFilter | null | undefined;
  /** Only those whose `status` compares like this. */
  status?: GrievanceStatusFilter | null | undefined;
};

/** An order of a list of Grievance. */
export type GrievanceOrder = {
  /** Which way. */
  direction?: OrderDirection;
  /** By what. */
  field: GrievanceOrderField;
};

/** What a list of Grievance can be ordered by. */
export type GrievanceOrderField =
  /** When this was recorded. */
  | 'CREATED_AT'
  /** How far it has gone. */
  | 'CURRENT_STEP'
  /** The day it was filed. */
  | 'FILED_DATE'
  /** Given by the server, `GR-YYYY-NNNN`: the year of filing and a running number. */
  | 'GRIEVANCE_NUMBER'
  /** Where it stands. */
  | 'STATUS';

/** Where a grievance stands. */
export type GrievanceStatus =
  /** Before an arbitrator. */
  | 'ARBITRATION'
  /** Ended otherwise. */
  | 'CLOSED'
  /** Meetings with the employer are under way. */
  | 'HEARING'
  /** The union gathers the facts. */
  | 'INVESTIGATION'
  /** Filed; nothing was done yet. */
  | 'OPEN'
  /** Ended by a settlement. */
  | 'SETTLED'
  /** Ended by the union taking it back. */
  | 'WITHDRAWN';

/** Compares a value; all that is given must hold. */
export type GrievanceStatusFilter = {
  /** Is this value. */
  eq?: GrievanceStatus | null | undefined;
  /** Is one of these, at most 100. */
  in?: Array<GrievanceStatus> | null | undefined;
  /** Whether there is none. */
  isNull?: boolean | null | undefined;
};

/** How far a grievance has gone. */
export type GrievanceStep =
  /** Before an arbitrator. */
  | 'ARBITRATION'
  /** First step, with the supervisor. */
  | 'STEP_1'
  /** Second step, with management. */
  | 'STEP_2'
  /** Third step, with the head of the employer. */
  | 'STEP_3';

/** Compares a value; all that is given must hold. */
export type GrievanceStepFilter = {
  /** Is this value. */
  eq?: GrievanceStep | null | undefined;
  /** Is one of these, at most 100. */
  in?: Array<GrievanceStep> | null | undefined;
  /** Whether there is none. */
  isNull?: boolean | null | undefined;
};

/** Compares a id; all that is given must hold. */
export type IdFilter = {
  /** Is this id. */
  eq?: string | number | null | undefined;
  /** Is one of these, at most 100. */
  in?: Array<string | number> | null | undefined;
  /** Whether there is none. */
  isNull?: boolean | null | undefined;
};

/** Who wants to sign in, and on which device. */
export type LoginInput = {
  /** Whether to keep the refresh token and the device token in HttpOnly cookies instead of answering them. */
  cookie?: boolean | null | undefined;
  /** A name for this device, at most 100 characters, for the list of sessions. */
  deviceName?: string | null | undefined;
  /** The device token of an earlier sign-in on this device. */
  deviceToken?: string | null | undefined;
  /** A username or an e-mail address, in upper or lower case. */
  identifier: string;
  /** The password. */
  password: string;
};

/** A kind of operation. */
export type OperationType =
  /** Changes. */
  | 'MUTATION'
  /** Reads. */
  | 'QUERY'
  /** Listens. */
  | 'SUBSCRIPTION';

/** The direction of an order. Text compares without regard to case, accents and apostrophes, and an enumeration by the order of its values; the id breaks ties. */
export type OrderDirection =
  /** Least first. */
  | 'ASC'
  /** Greatest first. */
  | 'DESC';

/** What the level that is next decides on an application. */
export type ReviewBenevolenceInput = {
  /** What is approved, in US dollars: only with the approval of the last level. What was asked for when left out. */
  approvedAmount?: string | null | undefined;
  /** Comments, which the applicant does not see. */
  comments?: string | null | undefined;
  /** What is decided; the president does not defer. */
  decision: BenevolenceReviewDecision;
  /** The application. */
  id: string | number;
  /** The level that the reviewer takes to be next: when another one is, nothing is decided (CONFLICT). */
  level?: BenevolenceReviewLevel | null | undefined;
  /** The version that was looked at; another one is a CONFLICT. */
  version?: number | null | undefined;
};

/** What proves a sign-in beside the password. */
export type SecondFactorMethod =
  /** One of the ten codes shown when the second factor was set up. */
  | 'BACKUP_CODE'
  /** The six digits an authenticator app shows. */
  | 'TOTP';

/** Compares a text; all that is given must hold. */
export type StringFilter = {
  /** Contains this text, without regard to case, accents and apostrophes. */
  contains?: string | null | undefined;
  /** Is this text. */
  eq?: string | null | undefined;
  /** Is one of these, at most 100. */
  in?: Array<string> | null | undefined;
  /** Whether there is none. */
  isNull?: boolean | null | undefined;
};

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