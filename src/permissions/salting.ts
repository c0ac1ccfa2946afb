import { RoleName } from '../entities/role.ts';
import { everyRow } from '../entities/rule.ts';
import { SaltingActivity } from '../entities/salting.ts';
import { allow, rule, type Operations } from './rule.ts';

const { ADMIN, OFFICER, ORGANIZER } = RoleName;
const organizing = [ADMIN, OFFICER, ORGANIZER];

export const operations: Operations = {
  Query: { saltingActivities: allow(...organizing), saltingActivity: allow(...organizing) },
  Mutation: {
    logSaltingActivity: allow(ADMIN, ORGANIZER),
    updateSaltingActivity: allow(ADMIN, ORGANIZER),
    deleteSaltingActivity: allow(ADMIN, ORGANIZER),
  },
};

export const rows = [rule('SaltingActivity', SaltingActivity, [{ to: organizing, ...everyRow, see: 'everything' }])];
