import { BenevolenceAction } from '../../entities/benevolence.ts';
import type { Scope } from '../scope.ts';
import { actOnApplication } from './application-action.ts';
import { payBenevolence, reviewBenevolence } from './decide-application.ts';
import { applyForBenevolence, updateBenevolenceDraft } from './draft-application.ts';

/**
 * Submits a draft, which fixes the review levels that its amount needs. @returns its id. @throws NOT_FOUND; CONFLICT.
 */
export const submitBenevolence = (scope: Scope, id: string, version: number | null): Promise<string> =>
  actOnApplication(scope, BenevolenceAction.SUBMIT, { id, version, path: 'id' }, (application, context) =>
    application.submit(scope.thresholds, context),
  );

/**
 * Withdraws an application: it leaves every list and keeps its history. @returns its id. @throws NOT_FOUND; CONFLICT.
 */
export const withdrawBenevolence = (scope: Scope, id: string, version: number | null): Promise<string> =>
  actOnApplication(scope, BenevolenceAction.WITHDRAW, { id, version, path: 'id' }, (application, context) =>
    application.withdraw(context),
  );

/** Applications to the benevolence fund. */
export const benevolence = {
  apply: applyForBenevolence,
  update: updateBenevolenceDraft,
  submit: submitBenevolence,
  withdraw: withdrawBenevolence,
  review: reviewBenevolence,
  pay: payBenevolence,
};
