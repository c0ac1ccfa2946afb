import { ref } from '@mikro-orm/postgresql';
import { Field, ID, InputType, Int } from 'type-graphql';
import { validate as isUuid } from 'uuid';
import { Member } from '../entities/member.ts';
import { Organization } from '../entities/organization.ts';
import {
  SaltingActivity,
  SaltingActivityType,
  SaltingOutcome,
  saltingProblems,
  type SaltingActivityFacts,
} from '../entities/salting.ts';
import { DateScalar } from '../entities/scalars.ts';
import { notFound } from '../errors.ts';
import { changeEvent, recordChange } from './audit/event.ts';
import { assertNoProblems, findVisible, flush, insertRows, parseInput, validValues } from './record/index.ts';
import { todayOf, type Scope } from './scope.ts';

@InputType({ description: 'A salting activity to record.' })
export class LogSaltingActivityInput {
  @Field(() => ID, {
    nullable: true,
    description: 'The member id of the organizer. Defaults to the member record of the caller.',
  })
  memberId?: string | null;

  @Field(() => ID, { description: 'The organization id of the target employer.' })
  organizationId!: string;

  @Field(() => SaltingActivityType, { description: 'The type of the activity.' })
  activityType!: SaltingActivityType;

  @Field(() => DateScalar, { description: 'The date of the activity. Must not be in the future.' })
  activityDate!: string;

  @Field(() => SaltingOutcome, { nullable: true, description: 'The outcome. Omit it while it is pending.' })
  outcome?: SaltingOutcome | null;

  @Field(() => String, { nullable: true, description: 'The place of the activity. At most 200 characters.' })
  location?: string | null;

  @Field(() => Int, { defaultValue: 0, description: 'The number of workers contacted.' })
  workersContacted!: number;

  @Field(() => Int, {
    defaultValue: 0,
    description: 'The number of contacted workers who signed an authorization card. At most `workersContacted`.',
  })
  cardsSigned!: number;

  @Field(() => String, { nullable: true, description: 'A description of the activity.' })
  description?: string | null;

  @Field(() => String, { nullable: true, description: 'Additional notes.' })
  notes?: string | null;
}

@InputType({
  description: 'Changes to a salting activity. Omitted fields keep their values. Null clears an optional field.',
})
export class UpdateSaltingActivityInput {
  @Field(() => SaltingActivityType, { nullable: true, description: 'The type of the activity. Must not be null.' })
  activityType?: SaltingActivityType | null;

  @Field(() => DateScalar, {
    nullable: true,
    description: 'The date of the activity. Must not be in the future. Must not be null.',
  })
  activityDate?: string | null;

  @Field(() => SaltingOutcome, { nullable: true, description: 'The outcome. Null means pending.' })
  outcome?: SaltingOutcome | null;

  @Field(() => String, { nullable: true, description: 'The place of the activity. At most 200 characters.' })
  location?: string | null;

  @Field(() => Int, { nullable: true, description: 'The number of workers contacted. Must not be null.' })
  workersContacted?: number | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'The number of contacted workers who signed an authorization card. At most `workersContacted`. Must not be null.',
  })
  cardsSigned?: number | null;

  @Field(() => String, { nullable: true, description: 'A description of the activity.' })
  description?: string | null;

  @Field(() => String, { nullable: true, description: 'Additional notes.' })
  notes?: string | null;
}

/**
 * Records an activity.
 * @returns its id.
 * @throws BAD_INPUT with every problem; NOT_FOUND if the member or organization is missing or hidden from the caller.
 */
export async function logActivity(scope: Scope, input: LogSaltingActivityInput): Promise<string> {
  const memberId = input.memberId ?? scope.viewer.memberId;
  const { values, problems } = parseInput(scope, SaltingActivity, input);
  problems.push(...saltingProblems(input, todayOf(scope)));
  if (memberId === null)
    problems.push({ path: 'memberId', message: 'is required: your account is not linked to a member record' });
  else if (!isUuid(memberId)) problems.push({ path: 'memberId', message: 'must be a UUID' });
  if (!isUuid(input.organizationId)) problems.push({ path: 'organizationId', message: 'must be a UUID' });
  assertNoProblems(problems);
  const references = [
    { entity: Member, id: memberId ?? '' },
    { entity: Organization, id: input.organizationId },
  ] as const;
  if (!(await scope.visibility.sees(...references))) throw notFound();
  const activity = new SaltingActivity({
    ...values,
    member: ref(Member, memberId ?? ''),
    organization: ref(Organization, input.organizationId),
  });
  const change = { action: 'salting.log', targetType: 'SaltingActivity', targetId: activity.id };
  await insertRows(scope, [activity, changeEvent(scope, change)]);
  return activity.id;
}

/**
 * Corrects an activity, or records its outcome.
 * @returns its id.
 * @throws BAD_INPUT with every problem of the changed activity; NOT_FOUND.
 */
export async function updateActivity(scope: Scope, id: string, input: UpdateSaltingActivityInput): Promise<string> {
  const read = parseInput(scope, SaltingActivity, input);
  return scope.transaction(async (tx) => {
    const activity = await findVisible(tx, SaltingActivity, id, { isHeld: true });
    const { activityDate, outcome, workersContacted, cardsSigned } = activity;
    const figures = {
      activityDate,
      outcome,
      workersContacted,
      cardsSigned,
      ...(validValues(read) as Partial<SaltingActivityFacts>),
    };
    assertNoProblems([...read.problems, ...saltingProblems(figures, todayOf(scope))]);
    if (Object.keys(read.values).length === 0) return activity.id;
    Object.assign(activity, read.values);
    recordChange(tx, { action: 'salting.update', targetType: 'SaltingActivity', targetId: activity.id });
    await flush(tx);
    return activity.id;
  });
}

/**
 * Deletes an activity: it leaves every list and every summary.
 * @returns its id.
 * @throws BAD_INPUT if the id is malformed; NOT_FOUND.
 */
export async function deleteActivity(scope: Scope, id: string): Promise<string> {
  return scope.transaction(async (tx) => {
    const activity = await findVisible(tx, SaltingActivity, id, { isHeld: true });
    activity.deletedAt = scope.now();
    recordChange(tx, { action: 'salting.delete', targetType: 'SaltingActivity', targetId: activity.id });
    await flush(tx);
    return activity.id;
  });
}

export const salting = { log: logActivity, update: updateActivity, delete: deleteActivity };
