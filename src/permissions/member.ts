import { Member, MemberEmployment } from '../entities/member.ts';
import { RoleName } from '../entities/role.ts';
import { everyRow } from '../entities/rule.ts';
import { allow, rule, type Operations } from './rule.ts';

const { ADMIN, OFFICER, STAFF, ORGANIZER, INSTRUCTOR, MEMBER } = RoleName;
const everyone = Object.values(RoleName);
const keeping = [ADMIN, OFFICER, STAFF];

export const operations: Operations = {
  Query: { members: allow(...everyone), member: allow(...everyone) },
  Mutation: {
    createMember: allow(...keeping),
    updateMember: allow(...keeping),
    deleteMember: allow(...keeping),
    startEmployment: allow(...keeping),
    updateEmployment: allow(...keeping),
    endEmployment: allow(...keeping),
  },
};

export const rows = [
  rule(
    'Member',
    Member,
    [
      { to: [ADMIN, OFFICER, STAFF], ...everyRow, see: 'everything' },
      { to: [ORGANIZER], ...everyRow, see: ['identity', 'employer', 'organizing'] },
      { to: [INSTRUCTOR], ...everyRow, see: ['identity'] },
      {
        to: [MEMBER],
        which: 'their own record',
        rows: (row) => `${row}.id = :member`,
        see: ['identity', 'employer', 'record', 'cases'],
      },
    ],
    {
      identity: [
        'id',
        'memberNumber',
        'firstName',
        'lastName',
        'middleName',
        'fullName',
        'status',
        'version',
        'createdAt',
        'updatedAt',
      ],
      employer: ['employments'],
      record: [
        'classification',
        'address',
        'city',
        'state',
        'zipCode',
        'phone',
        'email',
        'dateOfBirth',
        'hireDate',
        'notes',
        'deletedAt',
      ],
      cases: ['grievances', 'benevolenceApplications'],
      organizing: ['saltingActivities'],
      office: ['memberNotes'],
    },
  ),
  rule(
    'MemberEmployment',
    MemberEmployment,
    [
      { to: [ADMIN, OFFICER, STAFF], ...everyRow, see: 'everything' },
      { to: [ORGANIZER], which: 'current employments', rows: (row) => `${row}.end_date is null`, see: ['employer'] },
      { to: [MEMBER], which: 'their own employments', rows: (row) => `${row}.member_id = :member`, see: 'everything' },
    ],
    {
      employer: ['id', 'organization', 'isCurrent', 'version', 'createdAt', 'updatedAt'],
      record: ['startDate', 'endDate', 'jobTitle', 'hourlyRate'],
    },
  ),
];
