import type { ActionContext } from '../../src/entities/case.ts';
import type { CaseEvent } from '../../src/entities/case-event.ts';
import {
  requestedAmountPrefix,
  BenevolenceApplication,
  BenevolenceReviewDecision,
  defaultReviewThresholds,
  type BenevolenceReview,
} from '../../src/entities/benevolence.ts';
import { Grievance, GrievanceStepOutcome, type GrievanceStepRecord } from '../../src/entities/grievance.ts';

/** Returns the state of a grievance by the rules; for a stored one, the stored state. */
export const stateOfGrievance = (grievance: Grievance) => ({
  status: grievance.status,
  currentStep: grievance.currentStep,
  resolution: grievance.resolution,
  resolutionDate: grievance.resolutionDate,
  settlementAmount: grievance.settlementAmount,
  steps: grievance.steps.getItems().map(({ stepNumber, meetingDate, outcome }) => ({ stepNumber, meetingDate, outcome })),
  history: grievance.history.getItems().map(passage),
});

/** Returns the state of an application by the rules; for a stored one, the stored state. */
export const stateOfBenevolence = (application: BenevolenceApplication) => ({
  status: application.status,
  round: application.round,
  requiredLevels: application.requiredLevels,
  approvedAmount: application.approvedAmount,
  paymentDate: application.paymentDate,
  paymentMethod: application.paymentMethod,
  deletedAt: application.deletedAt,
  reviews: application.reviews.getItems().map(({ round, reviewLevel, decision }) => ({ round, reviewLevel, decision })),
  history: application.history.getItems().map(passage),
});

/**
 * Repeats a grievance with the entity's own rules, from its filing through every stored event, and returns the result.
 * @throws if the rules refuse an event, or a step record belongs to no event.
 */
export function replayGrievance(
  row: Grievance,
  steps: readonly GrievanceStepRecord[],
  events: readonly CaseEvent[],
): ReturnType<typeof stateOfGrievance> {
  const [filing, ...later] = events;
  const held = [...steps];
  const again = new Grievance(row, actOf(filing, 'file'));
  for (const event of later) {
    const context = actOf(event);
    if (event.action === 'update') again.update({}, context);
    else if (event.action === 'investigate') again.investigate(context);
    else if (event.action === 'appeal') again.appeal(context);
    else if (event.action === 'settle') again.settle(row.resolution ?? '', row.settlementAmount, context);
    else if (event.action === 'withdraw') again.withdraw(row.resolution ?? '', context);
    else if (event.action === 'close') again.close(row.resolution ?? '', context);
    else if (event.action === 'record_step') again.recordStep(stepFacts(demand(held.shift(), 'a step record'), row, context), context);
    else throw new Error(`No law knows the action ${event.action}.`);
  }
  if (held.length > 0) throw new Error(`${held.length} step records were never recorded by an event.`);
  return stateOfGrievance(again);
}

/** The same for an application: submits, reviews and pays it again as its events say. */
export function replayBenevolence(
  row: BenevolenceApplication,
  reviews: readonly BenevolenceReview[],
  events: readonly CaseEvent[],
): ReturnType<typeof stateOfBenevolence> {
  const [applying, ...later] = events;
  const left = [...reviews];
  const again = new BenevolenceApplication(row, actOf(applying, 'apply'));
  for (const event of later) {
    const context = actOf(event);
    if (event.action === 'update') again.update({}, context);
    else if (event.action === 'submit') {
      // A returned draft may request another amount, but the previous one decided who reviewed.
      again.amountRequested = event.note?.startsWith(requestedAmountPrefix)
        ? event.note.slice(requestedAmountPrefix.length)
        : row.amountRequested;
      again.submit(defaultReviewThresholds, context);
    } else if (event.action === 'pay') again.pay(row.paymentDate ?? '', row.paymentMethod ?? '', context);
    else if (event.action === 'withdraw') again.withdraw(context);
    else if (event.action === 'review') {
      const review = demand(left.shift(), 'a review');
      if (review.reviewer?.id !== event.actor?.id) throw new Error('A review was entered by someone else than its reviewer.');
      if (review.reviewDate > context.today) throw new Error('A review is dated after it was entered.');
      again.review(reviewFacts(review, left.length === 0, row), review.reviewer?.unwrap().member?.id ?? null, context);
    } else throw new Error(`No law knows the action ${event.action}.`);
  }
  if (left.length > 0) throw new Error(`${left.length} reviews were never entered by an event.`);
  return stateOfBenevolence(again);
}

function stepFacts(step: GrievanceStepRecord, row: Grievance, context: ActionContext) {
  if (step.meetingDate > context.today) throw new Error('A meeting is dated after it was recorded.');
  const { meetingDate, outcome } = step;
  const isSettled = outcome === GrievanceStepOutcome.SETTLED;
  return { meetingDate, outcome, ...(isSettled && { resolution: row.resolution, settlementAmount: row.settlementAmount }) };
}

function reviewFacts(review: BenevolenceReview, isLast: boolean, row: BenevolenceApplication) {
  const { decision, reviewerName, reviewer, reviewDate, comments } = review;
  const approvedAmount = isLast && decision === BenevolenceReviewDecision.APPROVED ? row.approvedAmount : null;
  return { decision, reviewerName, reviewer, reviewDate, comments, approvedAmount };
}

function actOf(event: CaseEvent | undefined, action?: string): ActionContext {
  const { actor, at, action: found } = demand(event, 'an event');
  if (action !== undefined && found !== action) throw new Error(`The history begins with ${found}, not with ${action}.`);
  return { actor, at, today: dayInNewYork.format(at) };
}

const passage = ({ action, fromStatus, toStatus, at, actor }: CaseEvent) => ({
  action,
  fromStatus,
  toStatus,
  at,
  actor: actor?.id ?? null,
});

const dayInNewYork = new Intl.DateTimeFormat('en-CA', { timeZone: 'America/New_York' });

function demand<T>(found: T | undefined, what: string): T {
  if (found === undefined) throw new Error(`The history lacks ${what}.`);
  return found;
}
