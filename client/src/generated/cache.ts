/** For Graphcache: the types that have no id, and are a part of what they stand in. */
export const keys: Record<string, () => null> = {
  AgreementConnection: () => null,
  AgreementEdge: () => null,
  AuditEventConnection: () => null,
  AuditEventEdge: () => null,
  BackupCodes: () => null,
  BenevolenceApplicationChange: () => null,
  BenevolenceApplicationConnection: () => null,
  BenevolenceApplicationEdge: () => null,
  BenevolenceReasonCount: () => null,
  BenevolenceStatusCount: () => null,
  BenevolenceSummary: () => null,
  ConnectionSaved: () => null,
  ConnectionSettings: () => null,
  ConnectionTest: () => null,
  GrievanceArticleCount: () => null,
  GrievanceChange: () => null,
  GrievanceConnection: () => null,
  GrievanceEdge: () => null,
  GrievanceEmployerCount: () => null,
  GrievanceStatusCount: () => null,
  GrievanceStepCount: () => null,
  GrievanceSummary: () => null,
  MemberConnection: () => null,
  MemberEdge: () => null,
  MemberNoteConnection: () => null,
  MemberNoteEdge: () => null,
  OrganizationConnection: () => null,
  OrganizationEdge: () => null,
  OrganizingMonth: () => null,
  OrganizingSummary: () => null,
  PageInfo: () => null,
  Permission: () => null,
  RevealedSecret: () => null,
  SaltingActivityConnection: () => null,
  SaltingActivityEdge: () => null,
  SecondFactorRequired: () => null,
  Settings: () => null,
  SignedIn: () => null,
  TotpEnrollment: () => null,
  UserConnection: () => null,
  UserEdge: () => null,
  VaultCreated: () => null,
  VaultToken: () => null,
};

/** For the InMemoryCache of Apollo Client: which types an interface or a union may be. */
export const possibleTypes: Record<string, string[]> = {
  LoginResult: ['SecondFactorRequired', 'SignedIn'],
  Node: ['Agreement', 'AuditEvent', 'BenevolenceApplication', 'Grievance', 'Member', 'MemberNote', 'Organization', 'Role', 'SaltingActivity', 'Session', 'User'],
};

/** The fields of each type that are paged. */
export const connections: Record<string, string[]> = {
  Member: ['benevolenceApplications', 'grievances', 'memberNotes', 'saltingActivities'],
  Organization: ['grievances', 'saltingActivities'],
  Query: ['agreements', 'auditEvents', 'benevolenceApplications', 'grievances', 'memberNotes', 'members', 'organizations', 'saltingActivities', 'users'],
};
