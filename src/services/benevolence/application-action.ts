import { BenevolenceApplication, type BenevolenceAction } from '../../entities/benevolence.ts';
import { caseAction } from '../case/case-action.ts';

/** Acts on an application: see {@link caseAction}. */
export const actOnApplication = caseAction<BenevolenceAction, BenevolenceApplication>({
  entity: BenevolenceApplication,
  name: 'BenevolenceApplication',
  domain: 'benevolence',
  parts: ['reviews'],
});
