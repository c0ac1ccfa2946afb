import { ref, type Ref } from '@mikro-orm/postgresql';
import { Field, ID, InputType, Int } from 'type-graphql';
import {
  BenevolenceAction,
  BenevolenceApplication,
  BenevolenceReview,
  BenevolenceReviewDecision,
  BenevolenceReviewLevel,
} from '../../entities/benevolence.ts';
import { versionOptions } from '../../entities/record.ts';
import { DateScalar, DecimalScalar } from '../../entities/scalars.ts';
import { User } from '../../entities/user.ts';
import { parseInput, findVisible, assertNoProblems } from '../record/index.ts';
import type { Scope } from '../scope.ts';
import { actOnApplication } from './application-action.ts';

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

  @Field(() => Int, versionOptions)
  version?: number | null;
}

@InputType({ description: 'The payment of an approved application.' })
export class PayBenevolenceInput {
  @Field(() => ID, { description: 'The id of the application.' })
  id!: string;

  @Field(() => DateScalar, {
    description: 'The payment date. Must not be in the future or before the application date.',
  })
  paymentDate!: string;

  @Field(() => String, { description: 'The payment method. At most 100 characters.' })
  paymentMethod!: string;

  @Field(() => Int, versionOptions)
  version?: number | null;
}

/**
 * Decides at the next level.
 * @returns the application's id.
 * @throws BAD_INPUT with every problem; NOT_FOUND; CONFLICT, also if the caller does not hold the next level, is the
 * applicant, or has decided in this round.
 */
export function reviewBenevolence(scope: Scope, input: ReviewBenevolenceInput): Promise<string> {
  const { id, version, decision, level, approvedAmount, comments } = input;
  return actOnApplication(
    scope,
    BenevolenceAction.REVIEW,
    { id, version: version ?? null },
    async (application, context, tx) => {
      application.demandReviewer(scope.viewer, level);
      const { values, problems } = parseInput(scope, BenevolenceReview, { comments: comments ?? null });
      const decided = { decision, approvedAmount: approvedAmount ?? null };
      assertNoProblems([...problems, ...application.reviewProblems(decided)]);
      const { reviewer, reviewerName } = await reviewerOf(tx);
      application.review(
        { ...decided, ...values, reviewer, reviewerName, reviewDate: context.today },
        scope.viewer.memberId,
        context,
      );
    },
  );
}

/**
 * Records the payment.
 * @returns the application's id.
 * @throws BAD_INPUT with every problem; NOT_FOUND; CONFLICT.
 */
export function payBenevolence(
  scope: Scope,
  { paymentDate, paymentMethod, ...aim }: PayBenevolenceInput,
): Promise<string> {
  return actOnApplication(scope, BenevolenceAction.PAY, aim, (application, context) => {
    const { values, problems } = parseInput(scope, BenevolenceApplication, { paymentDate, paymentMethod });
    const payment = { paymentDate, paymentMethod: values.paymentMethod ?? '' };
    assertNoProblems([...problems, ...application.paymentProblems(payment, context.today)]);
    application.pay(payment.paymentDate, payment.paymentMethod, context);
  });
}

/** Returns the reviewer, and the name that stays with the decision even if the user is renamed. */
async function reviewerOf(scope: Scope): Promise<{ reviewer: Ref<User>; reviewerName: string }> {
  const user = await findVisible(scope, User, scope.viewer.userId ?? '');
  return { reviewer: ref(user), reviewerName: user.fullName };
}
