import { GrievanceDeadline, GrievanceExtension, GrievanceMilestone } from '../entities/deadline.ts';
import { RoleName } from '../entities/role.ts';
import { everyRow, type RowRule } from '../entities/rule.ts';
import { ofOwnGrievance } from './grievance.ts';
import { allow, rule, type Operations } from './rule.ts';

const { ADMIN, OFFICER, STAFF, MEMBER } = RoleName;
const handling = [ADMIN, OFFICER, STAFF];

export const operations: Operations = {
  Query: { deadlines: allow(...handling, MEMBER), deadlineSummary: allow(...handling, MEMBER) },
};

const ofEachGrievance = (type: string, entity: RowRule['entity']): RowRule =>
  rule(type, entity, [
    { to: handling, ...everyRow, see: 'everything' },
    { to: [MEMBER], which: 'those of their own grievances', rows: ofOwnGrievance, see: 'everything' },
  ]);

export const rows = [
  ofEachGrievance('GrievanceMilestone', GrievanceMilestone),
  ofEachGrievance('GrievanceExtension', GrievanceExtension),
  ofEachGrievance('GrievanceDeadline', GrievanceDeadline),
];
