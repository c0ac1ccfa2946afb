import { ref, type SqlEntityManager } from '@mikro-orm/postgresql';
import { Field, ID, InputType, Int } from 'type-graphql';
import { validate as isUuid } from 'uuid';
import { Member } from '../entities/member.ts';
import { Organization } from '../entities/organization.ts';
import { SaltingActivity, SaltingActivityType, SaltingOutcome, saltingProblems, type SaltingActivityFacts } from '../entities/salting.ts';
import { DateScalar, dayIn } from '../entities/scalars.ts';
import type { Viewer } from '../entities/viewer.ts';
import { notFound } from '../errors.ts';
import { changeEvent, recordChange, type ChangeTools, type Requester } from './audit/event.ts';
import { add, draft, find, refuse, sound, write, type Eyes, type RunSql } from './record/index.ts';

@InputType({ description: 'What an organizer did at an employer that is not union yet.' })
export class LogSaltingActivityInput {
  @Field(() => ID, { nullable: true, description: "The organizer's member record; the caller's own when left out." })
  memberId?: string | null;

  @Field(() => ID, { description: 'The target.' })
  organizationId!: string;

  @Field(() => SaltingActivityType, { description: 'What was done.' })
  activityType!: SaltingActivityType;

  @Field(() => DateScalar, { description: 'The day it was done; not in the future.' })
  activityDate!: string;

  @Field(() => SaltingOutcome, { nullable: true, description: 'How it went; left out while that is open.' })
  outcome?: SaltingOutcome | null;

  @Field(() => String, { nullable: true, description: 'Where; at most 200 characters.' })
  location?: string | null;

  @Field(() => Int, { defaultValue: 0, description: 'How many workers were reached.' })
  workersContacted!: number;

  @Field(() => Int, { defaultValue: 0, description: 'How many of them signed a card then; at most as many as were reached.' })
  cardsSigned!: number;

  @Field(() => String, { nullable: true, description: 'What happened.' })
  description?: string | null;

  @Field(() => String, { nullable: true, description: 'Notes.' })
  notes?: string | null;
}

@InputType({ description: 'What changes of an activity; what is left out stays, null clears.' })
export class UpdateSaltingActivityInput {
  @Field(() => SaltingActivityType, { nullable: true, description: 'What was done.' })
  activityType?: SaltingActivityType | null;

  @Field(() => DateScalar, { nullable: true, description: 'The day it was done; not in the future.' })
  activityDate?: string | null;

  @Field(() => SaltingOutcome, { nullable: true, description: 'How it went; null while that is open.' })
  outcome?: SaltingOutcome | null;

  @Field(() => String, { nullable: true, description: 'Where; at most 200 characters.' })
  location?: string | null;

  @Field(() => Int, { nullable: true, description: 'How many workers were reached.' })
  workersContacted?: number | null;

  @Field(() => Int, { nullable: true, description: 'How many of them signed a card then; at most as many as were reached.' })
  cardsSigned?: number | null;

  @Field(() => String, { nullable: true, description: 'What happened.' })
  description?: string | null;

  @Field(() => String, { nullable: true, description: 'Notes.' })
  notes?: string | null;
}

/** What organizers did, and where. */
export class SaltingService {
  constructor(
    private readonly em: SqlEntityManager,
    private readonly run: RunSql,
    private readonly eyes: Eyes,
    private readonly tools: ChangeTools,
    private readonly viewer: Viewer,
  ) {}

  /**
   * Records an activity.
   * @returns its id.
   * @throws BAD_INPUT naming all that is wrong; NOT_FOUND where the caller sees no such member or organization.
   */
  async log(input: LogSaltingActivityInput, requester: Requester): Promise<string> {
    const memberId = input.memberId ?? this.viewer.memberId;
    const { values, problems } = draft(this.em, SaltingActivity, input);
    problems.push(...saltingProblems(input, this.today));
    if (memberId === null) problems.push({ path: 'memberId', message: 'is required: your account is not linked to a member record' });
    else if (!isUuid(memberId)) problems.push({ path: 'memberId', message: 'must be a UUID' });
    if (!isUuid(input.organizationId)) problems.push({ path: 'organizationId', message: 'must be a UUID' });
    refuse(problems);
    const asked = [
      { entity: Member, id: memberId ?? '' },
      { entity: Organization, id: input.organizationId },
    ] as const;
    if (!(await this.eyes.sees(...asked))) throw notFound();
    const activity = new SaltingActivity({
      ...values,
      member: ref(Member, memberId ?? ''),
      organization: ref(Organization, input.organizationId),
    });
    const change = { action: 'salting.log', targetType: 'SaltingActivity', targetId: activity.id };
    await add(this.em, this.run, [activity, changeEvent(this.tools, this.viewer, requester, change)]);
    return activity.id;
  }

  /**
   * Corrects an activity, or tells how it went.
   * @returns its id.
   * @throws BAD_INPUT naming all that is wrong with it as it would be then; NOT_FOUND.
   */
  async update(id: string, input: UpdateSaltingActivityInput, requester: Requester): Promise<string> {
    const read = draft(this.em, SaltingActivity, input);
    return this.em.transactional(async (transaction) => {
      const activity = await find(transaction, SaltingActivity, id, { isHeld: true });
      const { activityDate, outcome, workersContacted, cardsSigned } = activity;
      const figures = { activityDate, outcome, workersContacted, cardsSigned, ...(sound(read) as Partial<SaltingActivityFacts>) };
      refuse([...read.problems, ...saltingProblems(figures, this.today)]);
      if (Object.keys(read.values).length === 0) return activity.id;
      Object.assign(activity, read.values);
      await this.record(transaction, 'salting.update', activity.id, requester);
      return activity.id;
    });
  }

  /**
   * Deletes an activity: it leaves every list, and every figure.
   * @returns its id.
   * @throws BAD_INPUT for what is no id; NOT_FOUND.
   */
  async delete(id: string, requester: Requester): Promise<string> {
    return this.em.transactional(async (transaction) => {
      const activity = await find(transaction, SaltingActivity, id, { isHeld: true });
      activity.deletedAt = this.tools.now();
      await this.record(transaction, 'salting.delete', activity.id, requester);
      return activity.id;
    });
  }

  private get today(): string {
    return dayIn(this.tools.timeZone, this.tools.now());
  }

  private async record(em: SqlEntityManager, action: string, targetId: string, requester: Requester): Promise<void> {
    recordChange(em, this.tools, this.viewer, requester, { action, targetType: 'SaltingActivity', targetId });
    await write(em);
  }
}
