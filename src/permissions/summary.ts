import { RoleName } from '../entities/role.ts';
import type { RowRule } from '../entities/rule.ts';
import { allow, type Operations } from './rule.ts';

const { ADMIN, OFFICER, STAFF, ORGANIZER, MEMBER } = RoleName;

/**
 * Callers who see only some of the rows may read summaries of those: the summaries of a member cover their own cases.
 */
export const operations: Operations = {
  Query: {
    organizingSummary: allow(ADMIN, OFFICER, ORGANIZER),
    benevolenceSummary: allow(ADMIN, OFFICER, STAFF, MEMBER),
    grievanceSummary: allow(ADMIN, OFFICER, STAFF, MEMBER),
  },
};

/** Summaries have no rows of their own: the row rules of the summarized types apply. */
export const rows: readonly RowRule[] = [];
