import { RoleName } from '../entities/role.ts';
import { everyRow } from '../entities/rule.ts';
import { Person, User } from '../entities/user.ts';
import { allow, fromTheStart, owner, rule, steppedUp, type Operations } from './rule.ts';

const { ADMIN, OFFICER, STAFF, ORGANIZER, INSTRUCTOR, MEMBER } = RoleName;
const everyone = Object.values(RoleName);

export const operations: Operations = {
  Query: {
    me: fromTheStart,
    users: allow(...everyone),
    user: allow(...everyone),
  },
  Mutation: {
    createUser: steppedUp(allow(ADMIN)),
    updateUser: steppedUp(allow(ADMIN)),
    verifyUser: steppedUp(allow(ADMIN)),
    deactivateUser: steppedUp(allow(ADMIN)),
    reactivateUser: steppedUp(allow(ADMIN)),
    unlockUser: steppedUp(allow(ADMIN)),
    endSessions: steppedUp(allow(ADMIN)),
    removeSecondFactor: steppedUp(allow(ADMIN)),
    deleteUser: steppedUp(allow(ADMIN)),
    assignRole: steppedUp(allow(ADMIN)),
    unassignRole: steppedUp(allow(ADMIN)),
    transferOwnership: steppedUp(owner),
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
