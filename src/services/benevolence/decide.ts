import { ref, type Ref, type SqlEntityManager } from '@mikro-orm/postgresql';
import { Field, ID, InputType, Int } from 'type-graphql';
import {
  BenevolenceAction,
  BenevolenceApplication,
  BenevolenceReview,
  BenevolenceReviewDecision,
  BenevolenceReviewLevel,
} from '../../entities/benevolence.ts';
import { DateScalar, DecimalScalar } from '../../entities/scalars.ts';
import { User } from '../../entities/user.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { draft, find, refuse, type Acting } from '../record/index.ts';
import { actOn } from './act.ts';

@InputType({ description: 'The decision of the next level on an application.' })
export class ReviewBenevolenceInput {
  @Field(() => ID, { description: 'The id of the application.' })
  id!: string;

  @Field(() => BenevolenceReviewDecision, { description: 'The decision. The president level cannot decide DEFERRED.' })
  decision!: BenevolenceReviewDecision;

  @Field(() => BenevolenceReviewLevel, {
    nullable: true,
    description: 'The level that the caller expects to be next. Fails with CONFLICT if another level is next.',
  })
  level?: BenevolenceReviewLevel | null;

  @Field(() => DecimalScalar, {
    nullable: true,
    description:
      'The approved amount in US dollars, at most the requested amount. Accepted only with the approval ' +
      'of the last level. Defaults to the requested amount.',
  })
  approvedAmount?: string | null;

  @Field(() => String, { nullable: true, description: 'Comments. The applicant cannot see them.' })
  comments?: string | null;

  @Field(() => Int, {
    nullable: true,
    description: 'The version that the caller read. Fails with CONFLICT if the record has changed since.',
  })
  version?: number | null;
}

@InputType({ description: 'The payment of an approved application.' })
export class PayBenevolenceInput {
  @Field(() => ID, { description: 'The id of the application.' })
  id!: string;

  @Field(() => DateScalar, { description: 'The payment date. Must not be in the future or before the application date.' })
  paymentDate!: string;

  @Field(() => String, { description: 'The payment method. At most 100 characters.' })
  paymentMethod!: string;

  @Field(() => Int, {
    nullable: true,
    description: 'The version that the caller read. Fails with CONFLICT if the record has changed since.',
  })
  version?: number | null;
}

/**
 * Decides at the next level.
 * @returns the application's id.
 * @throws BAD_INPUT naming all that is wrong; NOT_FOUND; CONFLICT, also for who does not hold the next level, is the
 * applicant, or has decided in this round.
 */
export function review(acting: Acting, input: ReviewBenevolenceInput): Promise<string> {
  const { id, version, decision, level, approvedAmount, comments } = input;
  const { viewer } = acting;
  return actOn(acting, BenevolenceAction.REVIEW, { id, version: version ?? null }, async (application, act, em) => {
    application.demandReviewer(viewer, level);
    const { values, problems } = draft(em, BenevolenceReview, { comments: comments ?? null });
    const decided = { decision, approvedAmount: approvedAmount ?? null };
    refuse([...problems, ...application.reviewProblems(decided)]);
    const { reviewer, reviewerName } = await reviewerOf(em, viewer);
    application.review({ ...decided, ...values, reviewer, reviewerName, reviewDate: act.today }, viewer.memberId, act);
  });
}

/** Records the payment. @returns the application's id. @throws BAD_INPUT naming all that is wrong; NOT_FOUND; CONFLICT. */
export function pay(acting: Acting, { paymentDate, paymentMethod, ...aim }: PayBenevolenceInput): Promise<string> {
  return actOn(acting, BenevolenceAction.PAY, aim, (application, act, em) => {
    const { values, problems } = draft(em, BenevolenceApplication, { paymentDate, paymentMethod });
    const payment = { paymentDate, paymentMethod: values.paymentMethod ?? '' };
    refuse([...problems, ...application.paymentProblems(payment, act.today)]);
    application.pay(payment.paymentDate, payment.paymentMethod, act);
  });
}

/** Who decides, and the name that stays with the decision whatever the user is called later. */
async function reviewerOf(em: SqlEntityManager, { userId }: Viewer): Promise<{ reviewer: Ref<User>; reviewerName: string }> {
  const user = await find(em, User, userId ?? '');
  return { reviewer: ref(user), reviewerName: user.fullName };
}
