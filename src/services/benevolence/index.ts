import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { BenevolenceAction } from '../../entities/benevolence.ts';
import type { Viewer } from '../../entities/viewer.ts';
import type { Requester } from '../audit/event.ts';
import type { Acting } from '../record/index.ts';
import { actOn, type BenevolenceTools } from './act.ts';
import { apply, update, type ApplyForBenevolenceInput, type UpdateBenevolenceDraftInput } from './apply.ts';
import { pay, review, type PayBenevolenceInput, type ReviewBenevolenceInput } from './decide.ts';

export type { BenevolenceTools } from './act.ts';
export { ApplyForBenevolenceInput, UpdateBenevolenceDraftInput } from './apply.ts';
export { PayBenevolenceInput, ReviewBenevolenceInput } from './decide.ts';

/**
 * Help from the benevolence fund. Each use case answers the id of its application. All but applying throw NOT_FOUND for
 * what the caller may not see, and CONFLICT where the state does not allow it or the version is another.
 */
export class BenevolenceService {
  private readonly acting: Acting<BenevolenceTools>;

  constructor(em: SqlEntityManager, tools: BenevolenceTools, viewer: Viewer, requester: Requester) {
    this.acting = { em, tools, viewer, requester };
  }

  /** Begins a draft. @throws BAD_INPUT; NOT_FOUND. */
  apply(input: ApplyForBenevolenceInput): Promise<string> {
    return apply(this.acting, input);
  }

  /** Changes a draft. @throws BAD_INPUT; NOT_FOUND; CONFLICT. */
  update(id: string, input: UpdateBenevolenceDraftInput): Promise<string> {
    return update(this.acting, id, input);
  }

  /** Hands a draft in, which fixes the levels that its amount needs. @throws NOT_FOUND; CONFLICT. */
  submit(id: string, version: number | null): Promise<string> {
    const { thresholds } = this.acting.tools;
    return actOn(this.acting, BenevolenceAction.SUBMIT, { id, version, path: 'id' }, (application, act) =>
      application.submit(thresholds, act),
    );
  }

  /** Takes it back: it leaves every list, and keeps its history. @throws NOT_FOUND; CONFLICT. */
  withdraw(id: string, version: number | null): Promise<string> {
    return actOn(this.acting, BenevolenceAction.WITHDRAW, { id, version, path: 'id' }, (application, act) => application.withdraw(act));
  }

  /** Decides at the next level. @throws BAD_INPUT; NOT_FOUND; CONFLICT. */
  review(input: ReviewBenevolenceInput): Promise<string> {
    return review(this.acting, input);
  }

  /** Records the payment of what was approved. @throws BAD_INPUT; NOT_FOUND; CONFLICT. */
  pay(input: PayBenevolenceInput): Promise<string> {
    return pay(this.acting, input);
  }
}
