/**
 * The expected permissions, written from the table that the union agreed on, never from `src/permissions`. The table
 * covers data, not paths: a list inside a record shows the rows that the caller can see anyway.
 */
export const roles = ['admin', 'officer', 'staff', 'organizer', 'instructor', 'member'] as const;
export type Role = (typeof roles)[number];

/** The seeded people who ask, one for each role, and a second member with other cases. */
export const people = [...roles, 'testuser'] as const;
export type Username = (typeof people)[number];

/** SQL over the alias `r`; `:me` is the asking user, `:mine` the member record that user is linked to. */
type Rows = string;

export interface Agreed {
  readonly table: string;
  /** Every published field, once, by what it tells. */
  readonly parts: Readonly<Record<string, string>>;
  /** Which roles see of which rows which parts. */
  readonly grants: readonly (readonly [to: string, rows: Rows, parts: string])[];
  /** The id that is shown, where it is not the stored one; that is shown as `userId` then. */
  readonly idOf?: (stored: string) => string;
  /** For lists inside a record: the column of the other table that names this one. */
  readonly children?: Readonly<Record<string, string>>;
}

const all: Rows = 'true';
const anybody = 'signed-in';
const dated = 'createdAt updatedAt';
const own: Rows = 'r.member_id = :mine';
const ofOwnGrievance: Rows = 'r.grievance_id in (select id from grievances where member_id = :mine)';
const ofOwnStanding: Rows = 'r.grievance_id in (select id from grievances where member_id = :mine and deleted_at is null)';
const ofOwnApplication: Rows = 'r.application_id in (select id from benevolence_applications where member_id = :mine)';

/** Where the member worked, or has a case. */
const ownEmployers = `select organization_id from member_employments where member_id = :mine
  union select employer_id from grievances where member_id = :mine and deleted_at is null`;
const signedByOwn = `select agreement_id from agreement_employers where organization_id in (${ownEmployers})`;
const ofStandingSigned = `from agreements where deleted_at is null and id in (${signedByOwn})`;
const office = 'admin officer staff organizer instructor';

export const agreement: Readonly<Record<string, Agreed>> = {
  Organization: {
    table: 'organizations',
    parts: {
      name: `id name city version ${dated}`,
      record: 'orgType unitSize address state zipCode phone email website contacts deletedAt',
      salting: 'saltingScore saltingNotes saltingActivities',
      cases: 'grievances',
    },
    grants: [
      ['admin officer', all, 'name record salting cases'],
      ['organizer', all, 'name record salting cases'],
      ['staff instructor', all, 'name record cases'],
      [
        'member',
        `r.org_type = 'union' or r.id in (select organization_id from member_employments where member_id = :mine)
         or r.id in (select employer_id from grievances where member_id = :mine and deleted_at is null)`,
        'name cases',
      ],
    ],
    children: { contacts: 'organization_id', saltingActivities: 'organization_id', grievances: 'employer_id' },
  },
  OrganizationContact: {
    table: 'organization_contacts',
    parts: { contact: `id firstName lastName title phone email isPrimary notes version deletedAt ${dated}` },
    grants: [['admin officer staff organizer instructor', all, 'contact']],
  },
  Member: {
    table: 'members',
    parts: {
      identity: `id memberNumber firstName lastName middleName fullName status version ${dated}`,
      employer: 'employments',
      record: 'classification address city state zipCode phone email dateOfBirth hireDate notes deletedAt',
      cases: 'grievances benevolenceApplications',
      salting: 'saltingActivities',
      office: 'memberNotes',
    },
    grants: [
      ['admin officer', all, 'identity employer record cases salting office'],
      ['staff', all, 'identity employer record cases office'],
      ['organizer', all, 'identity employer salting'],
      ['instructor', all, 'identity'],
      ['member', 'r.id = :mine', 'identity employer record cases'],
    ],
    children: {
      employments: 'member_id',
      grievances: 'member_id',
      benevolenceApplications: 'member_id',
      saltingActivities: 'member_id',
      memberNotes: 'member_id',
    },
  },
  MemberEmployment: {
    table: 'member_employments',
    parts: { employer: `id organization isCurrent version ${dated}`, terms: 'startDate endDate jobTitle hourlyRate' },
    grants: [
      ['admin officer staff', all, 'employer terms'],
      ['organizer', 'r.end_date is null', 'employer'],
      ['member', own, 'employer terms'],
    ],
  },
  MemberNote: {
    table: 'member_notes',
    parts: { note: `id member author text visibility category isPinned version revisions deletedAt ${dated}` },
    grants: [
      ['admin officer', all, 'note'],
      ['staff', `r.visibility = 'office' or r.author_id = :me`, 'note'],
    ],
    children: { revisions: 'note_id' },
  },
  MemberNoteRevision: {
    table: 'member_note_revisions',
    parts: { revision: `id number text author ${dated}` },
    grants: [
      ['admin officer', all, 'revision'],
      ['staff', `r.note_id in (select id from member_notes where visibility = 'office' or author_id = :me)`, 'revision'],
    ],
  },
  SaltingActivity: {
    table: 'salting_activities',
    parts: {
      activity: `id member organization activityType activityDate outcome location workersContacted cardsSigned description notes deletedAt ${dated}`,
    },
    grants: [['admin officer organizer', all, 'activity']],
  },
  BenevolenceApplication: {
    table: 'benevolence_applications',
    parts: {
      application: `id member applicationDate reason amountRequested status approvedAmount paymentDate paymentMethod
        version round requiredLevels reviews history availableActions deletedAt ${dated}`,
      narrative: 'description notes',
    },
    grants: [
      ['admin officer staff', all, 'application narrative'],
      ['member', own, 'application narrative'],
    ],
    children: { reviews: 'application_id', history: 'application_id' },
  },
  BenevolenceReview: {
    table: 'benevolence_reviews',
    parts: { decision: `id round reviewLevel decision reviewDate ${dated}`, reviewer: 'reviewerName reviewer comments' },
    grants: [
      ['admin officer staff', all, 'decision reviewer'],
      ['member', ofOwnApplication, 'decision'],
    ],
  },
  Grievance: {
    table: 'grievances',
    parts: {
      case: `id grievanceNumber member employer filedDate incidentDate knownDate agreement article stepCount
        isTimely milestones extensions deadlines nextDeadline contractArticle violationDescription remedySought currentStep status
        assignedRep assignedUser resolution resolutionDate settlementAmount version steps history availableActions deletedAt ${dated}`,
      notes: 'notes',
    },
    grants: [
      ['admin officer staff', all, 'case notes'],
      ['member', own, 'case'],
    ],
    children: {
      steps: 'grievance_id',
      history: 'grievance_id',
      milestones: 'grievance_id',
      extensions: 'grievance_id',
      deadlines: 'grievance_id',
    },
  },
  GrievanceStepRecord: {
    table: 'grievance_step_records',
    parts: { meeting: `id stepNumber meetingDate unionAttendees employerAttendees outcome ${dated}`, notes: 'notes' },
    grants: [
      ['admin officer staff', all, 'meeting notes'],
      ['member', ofOwnGrievance, 'meeting'],
    ],
  },
  GrievanceMilestone: {
    table: 'grievance_milestones',
    parts: { milestone: 'id step kind date isDefault supersedes actor at' },
    grants: [
      ['admin officer staff', all, 'milestone'],
      ['member', ofOwnGrievance, 'milestone'],
    ],
  },
  GrievanceExtension: {
    table: 'grievance_extensions',
    parts: { extension: 'id step act dueDate agreedDate agreedWith reference reason actor at' },
    grants: [
      ['admin officer staff', all, 'extension'],
      ['member', ofOwnGrievance, 'extension'],
    ],
  },
  GrievanceDeadline: {
    table: 'grievance_deadlines',
    parts: {
      deadline: `id grievance step act party onMiss countedFrom isFirm originalDate dueDate metOn isMoot state ${dated}`,
    },
    grants: [
      ['admin officer staff', all, 'deadline'],
      ['member', ofOwnStanding, 'deadline'],
    ],
  },
  CaseEvent: {
    table: 'case_events',
    parts: { event: 'id type statusBefore statusAfter action fromStatus toStatus at', actor: 'actor', note: 'note' },
    grants: [
      ['admin officer staff', all, 'event actor note'],
      ['member', ofOwnGrievance, 'event actor'],
      ['member', ofOwnApplication, 'event'],
    ],
  },
  HolidayCalendar: {
    table: 'holiday_calendars',
    parts: { calendar: `id name workweek holidays deletedAt ${dated}` },
    grants: [
      [office, all, 'calendar'],
      ['member', `r.id in (select calendar_id ${ofStandingSigned})`, 'calendar'],
    ],
    children: { holidays: 'calendar_id' },
  },
  Holiday: {
    table: 'holidays',
    parts: { holiday: `id day name ${dated}` },
    grants: [
      [office, all, 'holiday'],
      ['member', `r.calendar_id in (select calendar_id ${ofStandingSigned})`, 'holiday'],
    ],
  },
  Agreement: {
    table: 'agreements',
    parts: {
      terms: `id title code unit calendar association effectiveDate expirationDate renewsYearly noticeDays signedDate clock firstDayCounts
        rollsForward extensionsInWriting steps version isInForce noticeBy limits articles employers deletedAt ${dated}`,
    },
    grants: [
      [office, all, 'terms'],
      ['member', `r.id in (${signedByOwn})`, 'terms'],
    ],
    children: { limits: 'agreement_id', articles: 'agreement_id', employers: 'agreement_id' },
  },
  AgreementEmployer: {
    table: 'agreement_employers',
    parts: { signature: `id organization assentedDate endedDate ${dated}` },
    grants: [
      [office, all, 'signature'],
      ['member', `r.organization_id in (${ownEmployers})`, 'signature'],
    ],
  },
  AgreementArticle: {
    table: 'agreement_articles',
    parts: { article: `id number title ${dated}` },
    grants: [
      [office, all, 'article'],
      ['member', `r.agreement_id in (${signedByOwn})`, 'article'],
    ],
  },
  AgreementLimit: {
    table: 'agreement_limits',
    parts: { limit: `id step act days dayUnit countsFrom onMiss ${dated}` },
    grants: [
      [office, all, 'limit'],
      ['member', `r.agreement_id in (${signedByOwn})`, 'limit'],
    ],
  },
  BargainingUnit: {
    table: 'bargaining_units',
    parts: { unit: `id name code description deletedAt ${dated}` },
    grants: [
      [office, all, 'unit'],
      ['member', `r.id in (select unit_id ${ofStandingSigned})`, 'unit'],
    ],
  },
  User: {
    table: 'users',
    parts: {
      account: `id username email firstName lastName fullName isActive isVerified isOwner lastLoginAt roles member deletedAt ${dated}`,
      security: 'passwordMustChange hasTotp mustEnrollSecondFactor',
      locks: 'lockedUntil failedLoginAttempts',
    },
    grants: [
      ['admin', all, 'account security locks'],
      ['officer', all, 'account'],
      [anybody, 'r.id = :me', 'account security'],
    ],
    children: { roles: 'user_id' },
  },
  Person: {
    table: 'users',
    idOf: (userId) => `${userId.slice(0, 14)}8${userId.slice(15)}`,
    parts: { name: 'id userId fullName' },
    grants: [
      ['admin officer staff organizer instructor', all, 'name'],
      ['member', 'r.id = :me or r.id in (select assigned_user_id from grievances where member_id = :mine and deleted_at is null)', 'name'],
    ],
  },
  Role: {
    table: 'roles',
    parts: { role: `id name displayName description isSystemRole basedOn ${dated}` },
    grants: [
      ['admin officer', all, 'role'],
      [anybody, 'r.id in (select role_id from user_roles where user_id = :me)', 'role'],
    ],
  },
  RoleAssignment: {
    table: 'user_roles',
    parts: { assignment: `id role assignedBy assignedAt expiresAt reviewLevels ${dated}` },
    grants: [
      ['admin officer', all, 'assignment'],
      [anybody, 'r.user_id = :me', 'assignment'],
    ],
  },
  Session: {
    table: 'sessions',
    parts: { session: `id deviceName userAgent ipAddress lastSeenAt expiresAt isCurrent ${dated}` },
    grants: [[anybody, 'r.user_id = :me and r.ended_at is null and r.expires_at > now() and r.idle_ends_at > now()', 'session']],
  },
  AuditEvent: {
    table: 'audit_events',
    parts: { event: 'id at actor action targetType targetId outcome ipAddress requestId count' },
    grants: [
      ['admin', all, 'event'],
      ['officer', `r.target_type in ('Member', 'MemberEmployment', 'User', 'RoleAssignment')`, 'event'],
      [anybody, 'r.actor_id = :me', 'event'],
    ],
  },
};

/** Where a deleted row is still shown: on the records that are about it. A name is shown wherever it stands (`Person`). */
export const keepsShowing: ReadonlySet<string> = new Set([
  'Grievance.member',
  'Grievance.employer',
  'Grievance.agreement',
  'GrievanceDeadline.grievance',
  'AgreementEmployer.organization',
  'BenevolenceApplication.member',
  'MemberEmployment.organization',
  'MemberNote.member',
  'SaltingActivity.member',
  'SaltingActivity.organization',
  'User.member',
]);

/**
 * Types without records: their values come from records or belong to the caller. Connections are recognized by their
 * form.
 */
export const plainTypes: Readonly<Record<string, string>> = {
  PageInfo: 'hasNextPage hasPreviousPage startCursor endCursor',
  Permission: 'type operation isAllowed',
  SignedIn: 'accessToken tokenType expiresIn refreshToken deviceToken user',
  SecondFactorRequired: 'challenge methods expiresIn',
  TotpEnrollment: 'secret otpauthUri qrCode',
  BackupCodes: 'codes',
  // Of the vault: no path leads there without the password, and test/vault.test.ts walks those that do.
  Vault: `id isUnlocked keyVersion secretCount rewrapsLeft grantees ${dated}`,
  Secret: `id keyName description version versions updatedBy ${dated}`,
  SecretVersion: `id version createdBy ${dated}`,
  VaultCreated: 'vault recoveryKit',
  VaultToken: 'vaultToken expiresIn',
  RevealedSecret: 'keyName version value',
  OrganizingSummary: 'organization activityCount workersContacted cardsSigned cardShare reachesPetition reachesMajority months',
  OrganizingMonth: 'month activityCount workersContacted cardsSigned',
  BenevolenceSummary: 'count requested approved paid byStatus byReason',
  BenevolenceStatusCount: 'status count requested approved',
  BenevolenceReasonCount: 'reason count requested approved',
  GrievanceSummary: 'count openCount averageDaysToResolution settledAmount byStatus byStep byEmployer byArticle',
  GrievanceStatusCount: 'status count',
  GrievanceStepCount: 'step count settled',
  GrievanceEmployerCount: 'employer count openCount',
  GrievanceArticleCount: 'contractArticle count settled',
  DeadlinePartyCount: 'party overdue defaulted today nextSevenDays held',
  GrievanceChange: 'action grievance',
  BenevolenceApplicationChange: 'action application',
  Settings: 'connection configDirectory mailConfigured version',
  ConnectionSettings: 'source host port database username serverVersion isReady',
  ConnectionTest: 'status reason message serverVersion hasOwner latencyMs',
  ConnectionSaved: 'status reason message connection',
};

/** The lists, and what they list. */
export const lists = {
  organizations: 'Organization',
  members: 'Member',
  memberNotes: 'MemberNote',
  saltingActivities: 'SaltingActivity',
  benevolenceApplications: 'BenevolenceApplication',
  grievances: 'Grievance',
  agreements: 'Agreement',
  users: 'User',
} as const;

/** Lists of records that are never deleted; they have no lookup. */
export const plainLists = { auditEvents: 'AuditEvent', deadlines: 'GrievanceDeadline' } as const;

/** The lookup by id beside each list, if it has one. */
export const lookups = {
  organizations: 'organization',
  members: 'member',
  memberNotes: 'memberNote',
  saltingActivities: 'saltingActivity',
  benevolenceApplications: 'benevolenceApplication',
  grievances: 'grievance',
  agreements: 'agreement',
  users: 'user',
} as const;

/** An id that nothing has. */
export const absent = '01900000-0000-7000-8000-00000000dead';

type Allowed = 'anyone' | 'signed in' | 'owner' | readonly Role[];

const everyRole: Allowed = roles;
const byAdmins: Allowed = ['admin'];
const withCases: Allowed = ['admin', 'officer', 'staff', 'member'];
const handlingGrievances: Allowed = ['admin', 'officer', 'staff'];
const withVault: Allowed = ['admin', 'officer', 'staff', 'organizer'];
const keepingRecords: readonly Role[] = ['admin', 'officer', 'staff'];
const withSalting: Allowed = ['admin', 'officer', 'organizer'];

/** The callers that may call each operation at all. */
export const operations: Readonly<Record<'Query' | 'Mutation' | 'Subscription', Readonly<Record<string, Allowed>>>> = {
  Query: {
    isConfigured: 'anyone',
    permissions: 'anyone',
    dueDate: 'anyone',
    holidayCalendars: everyRole,
    agreements: everyRole,
    agreement: everyRole,
    agreementFor: everyRole,
    bargainingUnits: everyRole,
    me: 'signed in',
    sessions: 'signed in',
    node: 'signed in',
    nodes: 'signed in',
    users: everyRole,
    user: everyRole,
    roles: everyRole,
    organizations: everyRole,
    organization: everyRole,
    members: everyRole,
    member: everyRole,
    memberNotes: keepingRecords,
    memberNote: keepingRecords,
    saltingActivities: withSalting,
    saltingActivity: withSalting,
    organizingSummary: withSalting,
    benevolenceSummary: withCases,
    grievanceSummary: withCases,
    benevolenceApplications: withCases,
    benevolenceApplication: withCases,
    grievances: withCases,
    grievance: withCases,
    grievanceByNumber: withCases,
    deadlines: withCases,
    deadlineSummary: withCases,
    auditEvents: everyRole,
    vault: withVault,
    secrets: withVault,
    secret: withVault,
    settings: byAdmins,
  },
  Mutation: {
    setupOwner: 'anyone',
    register: 'anyone',
    requestPasswordReset: 'anyone',
    resetPassword: 'anyone',
    verifyEmail: 'anyone',
    requestEmailVerification: 'signed in',
    changePassword: 'signed in',
    changeEmail: 'signed in',
    updateProfile: 'signed in',
    createUser: byAdmins,
    updateUser: byAdmins,
    verifyUser: byAdmins,
    deactivateUser: byAdmins,
    reactivateUser: byAdmins,
    unlockUser: byAdmins,
    endSessions: byAdmins,
    removeSecondFactor: byAdmins,
    deleteUser: byAdmins,
    assignRole: byAdmins,
    unassignRole: byAdmins,
    transferOwnership: 'owner',
    createRole: byAdmins,
    updateRole: byAdmins,
    deleteRole: byAdmins,
    logSaltingActivity: ['admin', 'organizer'],
    applyForBenevolence: ['admin', 'staff', 'member'],
    updateBenevolenceDraft: ['admin', 'staff', 'member'],
    submitBenevolence: ['admin', 'staff', 'member'],
    withdrawBenevolence: ['admin', 'member'],
    reviewBenevolence: ['admin', 'officer'],
    payBenevolence: ['admin', 'officer'],
    createHolidayCalendar: ['admin', 'officer'],
    addHoliday: ['admin', 'officer'],
    removeHoliday: ['admin', 'officer'],
    createAgreement: ['admin', 'officer'],
    updateAgreement: ['admin', 'officer'],
    deleteAgreement: ['admin', 'officer'],
    setAgreementLimits: ['admin', 'officer'],
    setAgreementArticles: ['admin', 'officer'],
    addAgreementEmployer: ['admin', 'officer'],
    endAgreementEmployer: ['admin', 'officer'],
    createBargainingUnit: ['admin', 'officer'],
    updateBargainingUnit: ['admin', 'officer'],
    fileGrievance: handlingGrievances,
    updateGrievance: handlingGrievances,
    investigateGrievance: handlingGrievances,
    recordGrievanceStep: handlingGrievances,
    appealGrievance: handlingGrievances,
    noteGrievanceDate: handlingGrievances,
    extendGrievanceDeadline: handlingGrievances,
    takeGrievanceDefault: handlingGrievances,
    settleGrievance: handlingGrievances,
    withdrawGrievance: handlingGrievances,
    closeGrievance: handlingGrievances,
    createOrganization: keepingRecords,
    updateOrganization: [...keepingRecords, 'organizer'],
    deleteOrganization: keepingRecords,
    createOrganizationContact: keepingRecords,
    updateOrganizationContact: keepingRecords,
    deleteOrganizationContact: keepingRecords,
    createMember: keepingRecords,
    updateMember: keepingRecords,
    deleteMember: keepingRecords,
    startEmployment: keepingRecords,
    updateEmployment: keepingRecords,
    endEmployment: keepingRecords,
    addMemberNote: keepingRecords,
    amendMemberNote: keepingRecords,
    pinMemberNote: keepingRecords,
    deleteMemberNote: keepingRecords,
    updateSaltingActivity: ['admin', 'organizer'],
    deleteSaltingActivity: ['admin', 'organizer'],
    login: 'anyone',
    completeLogin: 'anyone',
    refresh: 'anyone',
    logout: 'signed in',
    logoutAll: 'signed in',
    revokeSession: 'signed in',
    reauthenticate: 'signed in',
    renewSession: 'signed in',
    beginTotp: 'signed in',
    confirmTotp: 'signed in',
    disableTotp: 'signed in',
    regenerateBackupCodes: 'signed in',
    createVault: 'owner',
    unlockVault: withVault,
    lockVault: withVault,
    recoverVault: ['admin'],
    storeSecret: withVault,
    revealSecret: withVault,
    renameSecret: withVault,
    restoreSecretVersion: withVault,
    deleteSecret: withVault,
    grantVaultAccess: withVault,
    revokeVaultAccess: ['admin'],
    rotateVaultKey: ['admin'],
    testConnection: byAdmins,
    saveConnection: byAdmins,
  },
  Subscription: {
    grievanceChanged: withCases,
    benevolenceApplicationChanged: withCases,
  },
};

/** The roles under which a seeded person asks: null for nobody. */
export const rolesOf = (username: Username | 'anonymous'): readonly Role[] | null =>
  username === 'anonymous' ? null : username === 'testuser' ? ['member'] : [username];

/**
 * Returns how an operation answers a caller with these roles, who is not the owner, before any check of its input. Null
 * if it may be called.
 */
export function refusalOf(allowed: Allowed, held: readonly Role[] | null): 'UNAUTHENTICATED' | 'FORBIDDEN' | null {
  if (allowed === 'anyone') return null;
  if (held === null) return 'UNAUTHENTICATED';
  if (allowed === 'owner') return 'FORBIDDEN';
  return allowed === 'signed in' || held.some((role) => allowed.includes(role)) ? null : 'FORBIDDEN';
}

/** The words of a list. */
export const words = (text: string): string[] => text.split(/\s+/).filter(Boolean);
