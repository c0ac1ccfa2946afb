import { signedIn, type Operations } from './rule.ts';

export const operations: Operations = {
  Query: { node: signedIn, nodes: signedIn },
};

/** `node` has no row rules of its own: the rules of each type apply. */
export const rows = [];

/** Maps each type that `node` finds to the query that the caller must be allowed to call. */
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
