import { GrievanceDeadline, GrievanceExtension, GrievanceMilestone } from '../entities/deadline.ts';
import { RoleName } from '../entities/role.ts';
import { everyRow, type RowCondition, type RowRule } from '../entities/rule.ts';
import { ofOwnGrievance } from './grievance.ts';
import { allow, rule, type Operations } from './rule.ts';

const { ADMIN, OFFICER, STAFF, MEMBER } = RoleName;
const handling = [ADMIN, OFFICER, STAFF];

export const operations: Operations = {
  Query: { deadlines: allow(...handling, MEMBER), deadlineSummary: allow(...handling, MEMBER) },
};

const ofEachGrievance = (type: string, entity: RowRule['entity'], ofOwn: RowCondition): RowRule =>
  rule(type, entity, [
    { to: handling, ...everyRow, see: 'everything' },
    { to: [MEMBER], which: 'those of their own grievances', rows: ofOwn, see: 'everything' },
  ]);

/** Deadlines are also a list of their own: the index on the member holds the grievances that are not deleted. */
const ofOwnStanding: RowCondition = (row) =>
  `exists (select 1 from grievances g where g.id = ${row}.grievance_id and g.member_id = :member and g.deleted_at is null)`;

export const rows = [
  ofEachGrievance('GrievanceMilestone', GrievanceMilestone, ofOwnGrievance),
  ofEachGrievance('GrievanceExtension', GrievanceExtension, ofOwnGrievance),
  ofEachGrievance('GrievanceDeadline', GrievanceDeadline, ofOwnStanding),
];
