import { BenevolenceApplication, type BenevolenceAction, type ReviewThresholds } from '../../entities/benevolence.ts';
import type { ChangeTools } from '../audit/event.ts';
import { actingOn } from '../case/act.ts';

export interface BenevolenceTools extends ChangeTools {
  /** From which amount on each level must decide, as the operator wants it. */
  readonly thresholds: ReviewThresholds;
}

/** Acts on an application: see {@link actingOn}. */
export const actOn = actingOn<BenevolenceAction, BenevolenceApplication>({
  entity: BenevolenceApplication,
  name: 'BenevolenceApplication',
  domain: 'benevolence',
  parts: 'reviews',
});
