import {
  Agreement,
  AgreementArticle,
  AgreementEmployer,
  AgreementLimit,
  BargainingUnit,
} from '../entities/agreement.ts';
import { RoleName } from '../entities/role.ts';
import { everyRow, type RowCondition } from '../entities/rule.ts';
import { allow, rule, type Operations } from './rule.ts';

const { ADMIN, OFFICER, STAFF, ORGANIZER, INSTRUCTOR, MEMBER } = RoleName;
const everyone = Object.values(RoleName);
const keeping = allow(ADMIN, OFFICER);

export const operations: Operations = {
  Query: {
    agreements: allow(...everyone),
    agreement: allow(...everyone),
    agreementFor: allow(...everyone),
    bargainingUnits: allow(...everyone),
  },
  Mutation: {
    createAgreement: keeping,
    updateAgreement: keeping,
    deleteAgreement: keeping,
    setAgreementLimits: keeping,
    setAgreementArticles: keeping,
    addAgreementEmployer: keeping,
    endAgreementEmployer: keeping,
    createBargainingUnit: keeping,
    updateBargainingUnit: keeping,
  },
};

/**
 * The ids of the agreements that the member's employers have signed. An employer counts if the member worked there or
 * has a case there.
 */
export const ownAgreements = `select s.agreement_id from agreement_employers s
  where s.organization_id = any (array(
    select e.organization_id from member_employments e where e.member_id = :member
    union all select g.employer_id from grievances g where g.member_id = :member and g.deleted_at is null))`;

const ofOwnAgreements: RowCondition = (row) => `${row}.agreement_id = any (array(${ownAgreements}))`;

const reading = { to: [ADMIN, OFFICER, STAFF, ORGANIZER, INSTRUCTOR], ...everyRow, see: 'everything' } as const;
const which = 'those of their current and former employers, and of employers in their grievances';

export const rows = [
  rule('Agreement', Agreement, [
    reading,
    { to: [MEMBER], which, rows: (row) => `${row}.id = any (array(${ownAgreements}))`, see: 'everything' },
  ]),
  rule('AgreementLimit', AgreementLimit, [reading, { to: [MEMBER], which, rows: ofOwnAgreements, see: 'everything' }]),
  rule('AgreementArticle', AgreementArticle, [
    reading,
    { to: [MEMBER], which, rows: ofOwnAgreements, see: 'everything' },
  ]),
  rule('AgreementEmployer', AgreementEmployer, [
    reading,
    {
      to: [MEMBER],
      which: 'their current and former employers, and employers in their grievances',
      rows: (row) => `${row}.organization_id = any (array(
        select e.organization_id from member_employments e where e.member_id = :member
        union all select g.employer_id from grievances g where g.member_id = :member and g.deleted_at is null))`,
      see: 'everything',
    },
  ]),
  rule('BargainingUnit', BargainingUnit, [
    reading,
    {
      to: [MEMBER],
      which,
      rows: (row) =>
        `${row}.id = any (array(select a.unit_id from agreements a where a.deleted_at is null and a.id in (${ownAgreements})))`,
      see: 'everything',
    },
  ]),
];
