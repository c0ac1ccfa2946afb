import { RoleName } from '../entities/role.ts';
import { everyRow } from '../entities/rule.ts';
import { Person, User } from '../entities/user.ts';
import { allow, fromTheStart, owner, rule, withStepUp, type Operations } from './rule.ts';

const { ADMIN, OFFICER, STAFF, ORGANIZER, INSTRUCTOR, MEMBER } = RoleName;
const everyone = Object.values(RoleName);

export const operations: Operations = {
  Query: {
    me: fromTheStart,
    users: allow(...everyone),
    user: allow(...everyone),
  },
  Mutation: {
    createUser: withStepUp(allow(ADMIN)),
    updateUser: withStepUp(allow(ADMIN)),
    verifyUser: withStepUp(allow(ADMIN)),
    deactivateUser: withStepUp(allow(ADMIN)),
    reactivateUser: withStepUp(allow(ADMIN)),
    unlockUser: withStepUp(allow(ADMIN)),
    endSessions: withStepUp(allow(ADMIN)),
    removeSecondFactor: withStepUp(allow(ADMIN)),
    deleteUser: withStepUp(allow(ADMIN)),
    assignRole: withStepUp(allow(ADMIN)),
    unassignRole: withStepUp(allow(ADMIN)),
    transferOwnership: withStepUp(owner),
  },
};

const own = (row: string) => `${row}.id = :user`;

export const rows = [
  rule(
    'User',
    User,
    [
      { to: [ADMIN], ...everyRow, see: 'everything' },
      { to: [OFFICER], ...everyRow, see: ['account'] },
      { to: 'signed in', which: 'their own account', rows: own, see: ['account', 'security'] },
    ],
    {
      account: [
        'id',
        'username',
        'email',
        'firstName',
        'lastName',
        'fullName',
        'isActive',
        'isVerified',
        'isOwner',
        'lastLoginAt',
        'roles',
        'member',
        'createdAt',
        'updatedAt',
        'deletedAt',
      ],
      security: ['passwordMustChange', 'hasTotp', 'mustEnrollSecondFactor'],
      locks: ['lockedUntil', 'failedLoginAttempts'],
    },
  ),
  {
    ...rule('Person', User, [
      { to: [ADMIN, OFFICER, STAFF, ORGANIZER, INSTRUCTOR], ...everyRow, see: 'everything' },
      {
        to: [MEMBER],
        which: 'themselves and their grievance representatives',
        rows: (row) =>
          `${row}.id = :user or exists (select 1 from grievances g where g.assigned_user_id = ${row}.id and g.member_id = :member and g.deleted_at is null)`,
        see: 'everything',
      },
    ]),
    view: Person,
  },
];
