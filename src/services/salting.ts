import { ref, type SqlEntityManager } from '@mikro-orm/postgresql';
import { Field, ID, InputType, Int } from 'type-graphql';
import { validate as isUuid } from 'uuid';
import { Member } from '../entities/member.ts';
import { Organization } from '../entities/organization.ts';
import { SaltingActivity, SaltingActivityType, SaltingOutcome, saltingProblems } from '../entities/salting.ts';
import { DateScalar, dayIn } from '../entities/scalars.ts';
import type { Viewer } from '../entities/viewer.ts';
import { badInput, notFound } from '../errors.ts';
import { changeEvent, type ChangeTools, type Requester } from './audit.ts';
import { add, type Eyes, type RunSql } from './record.ts';

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
    const problems = saltingProblems(input, dayIn(this.tools.timeZone, this.tools.now()));
    if (memberId === null) problems.push({ path: 'memberId', message: 'is required: your account is not linked to a member record' });
    else if (!isUuid(memberId)) problems.push({ path: 'memberId', message: 'is not an id' });
    if (!isUuid(input.organizationId)) problems.push({ path: 'organizationId', message: 'is not an id' });
    if (problems.length > 0 || memberId === null)
      throw badInput(...problems.map(({ path, message }) => ({ path: `input.${path}`, message })));
    const asked = [
      { entity: Member, id: memberId },
      { entity: Organization, id: input.organizationId },
    ] as const;
    if (!(await this.eyes.sees(...asked))) throw notFound();
    const activity = new SaltingActivity({
      ...input,
      member: ref(Member, memberId),
      organization: ref(Organization, input.organizationId),
    });
    const change = { action: 'salting.log', targetType: 'SaltingActivity', targetId: activity.id };
    await add(this.em, this.run, activity, changeEvent(this.em, this.tools, this.viewer, requester, change));
    return activity.id;
  }
}
