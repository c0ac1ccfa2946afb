import { Role, RoleName, UserRole } from '../entities/role.ts';
import { everyRow } from '../entities/rule.ts';
import { allow, anyone, rule, withStepUp, type Operations } from './rule.ts';

const { ADMIN, OFFICER } = RoleName;
const everyone = Object.values(RoleName);

export const operations: Operations = {
  Query: { roles: allow(...everyone), permissions: anyone },
  Mutation: {
    createRole: withStepUp(allow(ADMIN)),
    updateRole: withStepUp(allow(ADMIN)),
    deleteRole: withStepUp(allow(ADMIN)),
  },
};

export const rows = [
  rule('Role', Role, [
    { to: [ADMIN, OFFICER], ...everyRow, see: 'everything' },
    {
      to: 'signed in',
      which: 'the roles that they hold',
      rows: (row) => `exists (select 1 from user_roles held where held.role_id = ${row}.id and held.user_id = :user)`,
      see: 'everything',
    },
  ]),
  rule('RoleAssignment', UserRole, [
    { to: [ADMIN, OFFICER], ...everyRow, see: 'everything' },
    { to: 'signed in', which: 'their own assignments', rows: (row) => `${row}.user_id = :user`, see: 'everything' },
  ]),
];
