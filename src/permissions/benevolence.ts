import { type BenevolenceAction, BenevolenceApplication, BenevolenceReview } from '../entities/benevolence.ts';
import { RoleName } from '../entities/role.ts';
import { everyRow } from '../entities/rule.ts';
import { allow, allowAction, rule, type ActionRules, type Operations } from './rule.ts';

const { ADMIN, OFFICER, STAFF, MEMBER } = RoleName;

/** A caller may apply for their own member record or for any. Reviewing also requires a review level. */
export const actions: ActionRules<BenevolenceAction> = {
  apply: { any: [ADMIN, STAFF], own: [MEMBER] },
  update: { any: [ADMIN, STAFF], own: [MEMBER] },
  submit: { any: [ADMIN, STAFF], own: [MEMBER] },
  withdraw: { any: [ADMIN], own: [MEMBER] },
  review: { any: [ADMIN, OFFICER] },
  pay: { any: [ADMIN, OFFICER] },
};

export const operations: Operations = {
  Query: {
    benevolenceApplications: allow(ADMIN, OFFICER, STAFF, MEMBER),
    benevolenceApplication: allow(ADMIN, OFFICER, STAFF, MEMBER),
  },
  Mutation: {
    applyForBenevolence: allowAction(actions.apply),
    updateBenevolenceDraft: allowAction(actions.update),
    submitBenevolence: allowAction(actions.submit),
    withdrawBenevolence: allowAction(actions.withdraw),
    reviewBenevolence: allowAction(actions.review),
    payBenevolence: allowAction(actions.pay),
  },
  Subscription: {
    benevolenceApplicationChanged: allow(ADMIN, OFFICER, STAFF, MEMBER),
  },
};

export const rows = [
  rule('BenevolenceApplication', BenevolenceApplication, [
    { to: [ADMIN, OFFICER, STAFF], ...everyRow, see: 'everything' },
    { to: [MEMBER], which: 'their own applications', rows: (row) => `${row}.member_id = :member`, see: 'everything' },
  ]),
  rule(
    'BenevolenceReview',
    BenevolenceReview,
    [
      { to: [ADMIN, OFFICER, STAFF], ...everyRow, see: 'everything' },
      {
        to: [MEMBER],
        which: 'reviews of their own applications',
        rows: (row) =>
          `exists (select 1 from benevolence_applications a where a.id = ${row}.application_id and a.member_id = :member)`,
        see: ['decision'],
      },
    ],
    {
      decision: ['id', 'round', 'reviewLevel', 'decision', 'reviewDate', 'createdAt', 'updatedAt'],
      reviewer: ['reviewerName', 'reviewer', 'comments'],
    },
  ),
];
