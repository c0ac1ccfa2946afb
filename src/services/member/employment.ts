import { ref } from '@mikro-orm/postgresql';
import { ArgsType, Field, ID, InputType, Int } from 'type-graphql';
import { validate as isUuid } from 'uuid';
import { Member, MemberEmployment, employmentProblems, type EmploymentFacts } from '../../entities/member.ts';
import { versionOptions } from '../../entities/record.ts';
import { Organization } from '../../entities/organization.ts';
import { DateScalar, DecimalScalar } from '../../entities/scalars.ts';
import { badInput, conflict, type FieldProblem } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import {
  assertVersion,
  parseInput,
  findVisible,
  missingProblems,
  assertNoProblems,
  validValues,
  versionProblems,
  flush,
  type ParsedInput,
} from '../record/index.ts';
import { todayOf, type Scope } from '../scope.ts';

@InputType({
  description:
    'A new employment or changes to an employment. For changes, omitted fields keep their values, and null clears an optional field.',
})
export class EmploymentInput {
  @Field(() => ID, {
    nullable: true,
    description: 'The organization id of the employer. Required for a new employment. Must not be null.',
  })
  organizationId?: string | null;

  @Field(() => DateScalar, {
    nullable: true,
    description:
      'The first day of the employment. Must not be in the future. Required for a new employment. Must not be null.',
  })
  startDate?: string | null;

  @Field(() => DateScalar, {
    nullable: true,
    description:
      'The last day of the employment. Must not be in the future or before the first day. Null while the employment continues.',
  })
  endDate?: string | null;

  @Field(() => String, { nullable: true, description: 'The job title. At most 100 characters.' })
  jobTitle?: string | null;

  @Field(() => DecimalScalar, { nullable: true, description: 'The hourly rate in US dollars. Must be more than zero.' })
  hourlyRate?: string | null;

  @Field(() => Int, versionOptions)
  version?: number | null;
}

@ArgsType()
export class EndEmploymentArgs {
  @Field(() => ID, { description: 'The id of the employment.' })
  id!: string;

  @Field(() => DateScalar, {
    description: 'The last day of the employment. Must not be in the future or before the first day.',
  })
  endDate!: string;

  @Field(() => Int, versionOptions)
  version?: number | null;
}

/**
 * Records that a member began to work for an employer.
 * @returns the member's id.
 * @throws BAD_INPUT with every problem; NOT_FOUND if the member or employer is missing or hidden from the caller.
 */
export async function startEmployment(scope: Scope, memberId: string, input: EmploymentInput): Promise<string> {
  const { version, ...told } = input;
  const read = parseInput(scope, MemberEmployment, told);
  const facts = validValues(read) as Partial<EmploymentFacts>;
  assertNoProblems([
    ...read.problems,
    ...employerProblems(input),
    ...missingProblems(input, 'organizationId', 'startDate'),
    ...versionProblems(version),
    ...employmentProblems(facts, todayOf(scope)),
  ]);
  return scope.transaction(async (tx) => {
    const member = await findVisible(tx, Member, memberId, { path: 'memberId', isPinned: true });
    const organization = await findVisible(tx, Organization, input.organizationId ?? '', { isPinned: true });
    const employment = new MemberEmployment({
      ...(facts as EmploymentFacts),
      member: ref(member),
      organization: ref(organization),
    });
    tx.em.persist(employment);
    recordChange(tx, {
      action: 'member.start_employment',
      targetType: 'MemberEmployment',
      targetId: employment.id,
    });
    await flush(tx);
    return member.id;
  });
}

/**
 * Corrects an employment.
 * @returns the member's id.
 * @throws BAD_INPUT with every problem; NOT_FOUND if the employment or employer is missing or hidden from the caller;
 * CONFLICT if the version is outdated.
 */
export async function updateEmployment(
  scope: Scope,
  id: string,
  { version, ...input }: EmploymentInput,
): Promise<string> {
  const read = parseInput(scope, MemberEmployment, input);
  return scope.transaction(async (tx) => {
    const { employment, member } = await held(tx, id);
    assertVersion(employment, version);
    assertNoProblems([...read.problems, ...employerProblems(input), ...lawsBroken(employment, read, todayOf(scope))]);
    const { organizationId } = input;
    if (organizationId != null && organizationId.toLowerCase() !== employment.organization.id)
      employment.organization = ref(await findVisible(tx, Organization, organizationId, { isPinned: true }));
    Object.assign(employment, read.values);
    if (Object.values(input).every((given) => given === undefined)) return member.id;
    recordChange(tx, {
      action: 'member.update_employment',
      targetType: 'MemberEmployment',
      targetId: employment.id,
    });
    await flush(tx);
    return member.id;
  });
}

/**
 * Records that an employment ended.
 * @returns the member's id.
 * @throws BAD_INPUT if the day is before the first day or in the future; NOT_FOUND; CONFLICT if the employment has
 * ended, or the version is outdated.
 */
export async function endEmployment(scope: Scope, { id, endDate, version }: EndEmploymentArgs): Promise<string> {
  const verdict = await scope.transaction(async (tx) => {
    const { employment, member } = await held(tx, id);
    assertVersion(employment, version);
    if (!employment.isCurrent)
      return conflict('The employment has already ended. Use updateEmployment to correct it.', 'ENDED', []);
    const problems = employmentProblems({ startDate: employment.startDate, endDate }, todayOf(scope));
    if (problems.length > 0) return badInput(...problems.filter(({ path }) => path === 'endDate'));
    employment.endDate = endDate;
    recordChange(tx, {
      action: 'member.end_employment',
      targetType: 'MemberEmployment',
      targetId: employment.id,
    });
    await flush(tx);
    return member.id;
  });
  if (typeof verdict !== 'string') throw verdict;
  return verdict;
}

function employerProblems({ organizationId }: EmploymentInput): FieldProblem[] {
  if (organizationId === undefined) return [];
  if (organizationId === null) return [{ path: 'organizationId', message: 'must not be null' }];
  return isUuid(organizationId) ? [] : [{ path: 'organizationId', message: 'must be a UUID' }];
}

/** Returns the problems of a change. Stored values are checked only together with given ones. */
function lawsBroken(
  { startDate, endDate }: MemberEmployment,
  read: ParsedInput<EmploymentInput>,
  today: string,
): FieldProblem[] {
  const given = validValues(read) as Partial<EmploymentFacts>;
  const areDaysGiven = given.startDate !== undefined || given.endDate != null;
  return employmentProblems({ ...(areDaysGiven && { startDate, endDate }), ...given }, today);
}

/** Locks and returns the employment of a member who is not deleted. */
async function held(scope: Scope, id: string): Promise<{ employment: MemberEmployment; member: Member }> {
  const employment = await findVisible(scope, MemberEmployment, id, { isHeld: true });
  return { employment, member: await findVisible(scope, Member, employment.member.id) };
}
