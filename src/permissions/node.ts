import { signedIn, type Operations } from './rule.ts';

export const operations: Operations = {
  Query: { node: signedIn, nodes: signedIn },
};

/** The rows that `node` finds are those of their own queries. */
export const rows = [];

/** For each type that `node` finds, the query that a caller must be allowed to ask to get one. */
export const queries: Readonly<Record<string, string>> = {
  Agreement: 'agreement',
  AuditEvent: 'auditEvents',
  BenevolenceApplication: 'benevolenceApplication',
  Grievance: 'grievance',
  Member: 'member',
  MemberNote: 'memberNote',
  Organization: 'organization',
  Role: 'roles',
  SaltingActivity: 'saltingActivity',
  Session: 'sessions',
  User: 'me',
};
