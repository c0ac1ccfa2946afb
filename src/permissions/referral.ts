import { ReferralBook, Registrant, Registration, RegistrationEvent } from '../entities/referral.ts';
import { RoleName } from '../entities/role.ts';
import { everyRow } from '../entities/rule.ts';
import { allow, rule, type Operations } from './rule.ts';

const { ADMIN, OFFICER, STAFF, MEMBER } = RoleName;
const reading = allow(ADMIN, OFFICER, STAFF, MEMBER);
/** The roles that run the hiring hall. */
const dispatching = [ADMIN, OFFICER] as const;

export const operations: Operations = {
  Query: {
    referralBooks: reading,
    outOfWorkList: reading,
    registrations: reading,
    registrants: allow(ADMIN, OFFICER, STAFF),
  },
  Mutation: {
    createReferralBook: allow(ADMIN, OFFICER),
    addRegistrant: allow(...dispatching),
    registerOnBook: allow(...dispatching),
    resignRegistration: allow(...dispatching, MEMBER),
    leaveBook: allow(...dispatching, MEMBER),
  },
};

const office = { to: [ADMIN, OFFICER, STAFF], ...everyRow, see: 'everything' } as const;
const ownRegistrants = 'select p.id from registrants p where p.member_id = :member';

export const rows = [
  rule('ReferralBook', ReferralBook, [office, { to: [MEMBER], ...everyRow, see: 'everything' }]),
  rule('Registrant', Registrant, [
    office,
    { to: [MEMBER], which: 'their own record', rows: (row) => `${row}.member_id = :member`, see: 'everything' },
  ]),
  rule('Registration', Registration, [
    office,
    {
      to: [MEMBER],
      which: 'their own registrations',
      rows: (row) => `${row}.registrant_id = any (array(${ownRegistrants}))`,
      see: 'everything',
    },
  ]),
  rule('RegistrationEvent', RegistrationEvent, [
    office,
    {
      to: [MEMBER],
      which: 'events of their own registrations',
      rows: (row) => `exists (select 1 from registrations r where r.id = ${row}.registration_id
        and r.registrant_id = any (array(${ownRegistrants})))`,
      see: 'everything',
    },
  ]),
];
