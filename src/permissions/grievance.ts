import { Grievance, GrievanceCounter, GrievanceStepRecord, type GrievanceAction } from '../entities/grievance.ts';
import { RoleName } from '../entities/role.ts';
import { everyRow, type RowCondition } from '../entities/rule.ts';
import { allow, allowAction, noRows, rule, type ActionRules, type Operations } from './rule.ts';

const { ADMIN, OFFICER, STAFF, MEMBER } = RoleName;
const handling = [ADMIN, OFFICER, STAFF];

export const actions: ActionRules<GrievanceAction> = {
  file: { any: handling },
  update: { any: handling },
  investigate: { any: handling },
  record_step: { any: handling },
  appeal: { any: handling },
  note_date: { any: handling },
  extend: { any: handling },
  take_default: { any: handling },
  settle: { any: handling },
  withdraw: { any: handling },
  close: { any: handling },
};

export const operations: Operations = {
  Query: {
    grievances: allow(...handling, MEMBER),
    grievance: allow(...handling, MEMBER),
    grievanceByNumber: allow(...handling, MEMBER),
  },
  Mutation: {
    fileGrievance: allowAction(actions.file),
    updateGrievance: allowAction(actions.update),
    investigateGrievance: allowAction(actions.investigate),
    recordGrievanceStep: allowAction(actions.record_step),
    appealGrievance: allowAction(actions.appeal),
    noteGrievanceDate: allowAction(actions.note_date),
    extendGrievanceDeadline: allowAction(actions.extend),
    takeGrievanceDefault: allowAction(actions.take_default),
    settleGrievance: allowAction(actions.settle),
    withdrawGrievance: allowAction(actions.withdraw),
    closeGrievance: allowAction(actions.close),
  },
  Subscription: {
    grievanceChanged: allow(...handling, MEMBER),
  },
};

/** The rows that belong to a grievance of the member. */
export const ofOwnGrievance: RowCondition = (row) =>
  `exists (select 1 from grievances g where g.id = ${row}.grievance_id and g.member_id = :member)`;

export const rows = [
  rule(
    'Grievance',
    Grievance,
    [
      { to: handling, ...everyRow, see: 'everything' },
      { to: [MEMBER], which: 'their own grievances', rows: (row) => `${row}.member_id = :member`, see: ['case'] },
    ],
    {
      case: [
        'id',
        'grievanceNumber',
        'member',
        'employer',
        'filedDate',
        'incidentDate',
        'knownDate',
        'agreement',
        'article',
        'stepCount',
        'isTimely',
        'milestones',
        'extensions',
        'deadlines',
        'nextDeadline',
        'contractArticle',
        'violationDescription',
        'remedySought',
        'currentStep',
        'status',
        'assignedRep',
        'assignedUser',
        'resolution',
        'resolutionDate',
        'settlementAmount',
        'version',
        'steps',
        'history',
        'availableActions',
        'createdAt',
        'updatedAt',
        'deletedAt',
      ],
      notes: ['notes'],
    },
  ),
  rule(
    'GrievanceStepRecord',
    GrievanceStepRecord,
    [
      { to: handling, ...everyRow, see: 'everything' },
      {
        to: [MEMBER],
        which: 'meetings of their own grievances',
        rows: ofOwnGrievance,
        see: ['meeting'],
      },
    ],
    {
      meeting: [
        'id',
        'stepNumber',
        'meetingDate',
        'unionAttendees',
        'employerAttendees',
        'outcome',
        'createdAt',
        'updatedAt',
      ],
      notes: ['notes'],
    },
  ),
  noRows(GrievanceCounter),
];
