import {
  Organization,
  OrganizationContact,
  OrganizationType,
  type OrganizationAction,
} from '../entities/organization.ts';
import { RoleName } from '../entities/role.ts';
import { everyRow, type RowCondition } from '../entities/rule.ts';
import { allow, allowAction, rule, type ActionRules, type Operations } from './rule.ts';

const { ADMIN, OFFICER, STAFF, ORGANIZER, INSTRUCTOR, MEMBER } = RoleName;
const everyone = Object.values(RoleName);

/** The roles for each action on an organization. The salting fields have an action of their own. */
export const actions: ActionRules<OrganizationAction> = {
  create: { any: [ADMIN, OFFICER, STAFF] },
  update: { any: [ADMIN, OFFICER, STAFF] },
  salt: { any: [ADMIN, ORGANIZER] },
  delete: { any: [ADMIN, OFFICER, STAFF] },
};

export const operations: Operations = {
  Query: { organizations: allow(...everyone), organization: allow(...everyone) },
  Mutation: {
    createOrganization: allowAction(actions.create),
    updateOrganization: allow(...actions.update.any, ...actions.salt.any),
    deleteOrganization: allowAction(actions.delete),
    createOrganizationContact: allowAction(actions.update),
    updateOrganizationContact: allowAction(actions.update),
    deleteOrganizationContact: allowAction(actions.update),
  },
};

/**
 * The local itself, and the organizations where the member worked or has a case. The ids are found first, so that the
 * query looks at no other row.
 */
const ownOrganizations: RowCondition = (row) => `${row}.id = any (array(
  select o.id from organizations o where o.org_type = '${OrganizationType.UNION}' and o.deleted_at is null
  union all select e.organization_id from member_employments e where e.member_id = :member
  union all select g.employer_id from grievances g where g.member_id = :member and g.deleted_at is null))`;

export const rows = [
  rule(
    'Organization',
    Organization,
    [
      { to: [ADMIN, OFFICER, ORGANIZER], ...everyRow, see: 'everything' },
      { to: [STAFF, INSTRUCTOR], ...everyRow, see: ['name', 'record', 'cases'] },
      {
        to: [MEMBER],
        which: 'the local, their current and former employers, and employers in their grievances',
        rows: ownOrganizations,
        see: ['name', 'cases'],
      },
    ],
    {
      name: ['id', 'name', 'city', 'version', 'createdAt', 'updatedAt'],
      record: [
        'orgType',
        'unitSize',
        'address',
        'state',
        'zipCode',
        'phone',
        'email',
        'website',
        'contacts',
        'deletedAt',
      ],
      salting: ['saltingScore', 'saltingNotes', 'saltingActivities'],
      cases: ['grievances'],
    },
  ),
  rule('OrganizationContact', OrganizationContact, [
    { to: [ADMIN, OFFICER, STAFF, ORGANIZER, INSTRUCTOR], ...everyRow, see: 'everything' },
  ]),
];
