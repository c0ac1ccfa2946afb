import { RoleName } from '../entities/role.ts';
import type { RowRule } from '../entities/rule.ts';
import { allow, type Operations } from './rule.ts';

const { ADMIN, OFFICER, STAFF, ORGANIZER, MEMBER } = RoleName;

/** Callers that see some of the rows may read figures over those: a member's cover their own cases. */
export const operations: Operations = {
  Query: {
    organizingSummary: allow(ADMIN, OFFICER, ORGANIZER),
    benevolenceSummary: allow(ADMIN, OFFICER, STAFF, MEMBER),
    grievanceSummary: allow(ADMIN, OFFICER, STAFF, MEMBER),
  },
};

/** Figures are over rows of other types, by the rules of those. */
export const rows: readonly RowRule[] = [];
