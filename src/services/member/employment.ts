import { ref, type SqlEntityManager } from '@mikro-orm/postgresql';
import { ArgsType, Field, ID, InputType, Int } from 'type-graphql';
import { validate as isUuid } from 'uuid';
import { Member, MemberEmployment, employmentProblems, type EmploymentFacts } from '../../entities/member.ts';
import { versionOptions } from '../../entities/record.ts';
import { Organization } from '../../entities/organization.ts';
import { DateScalar, dayIn, DecimalScalar } from '../../entities/scalars.ts';
import { badInput, conflict, type FieldProblem } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { demandVersion, draft, find, missing, refuse, sound, versionProblems, write, type Acting, type Draft } from '../record/index.ts';

@InputType({ description: 'A time with an employer, or what changes of one: then what is left out stays, and null clears.' })
export class EmploymentInput {
  @Field(() => ID, { nullable: true, description: 'The employer; a new employment needs one.' })
  organizationId?: string | null;

  @Field(() => DateScalar, { nullable: true, description: 'First day, not in the future; a new employment needs one.' })
  startDate?: string | null;

  @Field(() => DateScalar, { nullable: true, description: 'Last day: not before the first, and not in the future; null while it lasts.' })
  endDate?: string | null;

  @Field(() => String, { nullable: true, description: 'Job title; at most 100 characters.' })
  jobTitle?: string | null;

  @Field(() => DecimalScalar, { nullable: true, description: 'Hourly rate in US dollars; more than zero.' })
  hourlyRate?: string | null;

  @Field(() => Int, versionOptions)
  version?: number | null;
}

@ArgsType()
export class EndEmploymentArgs {
  @Field(() => ID, { description: 'The id of the employment.' })
  id!: string;

  @Field(() => DateScalar, { description: 'Its last day: not before the first, and not in the future.' })
  endDate!: string;

  @Field(() => Int, versionOptions)
  version?: number | null;
}

/**
 * Records that a member began to work for an employer.
 * @returns the member's id.
 * @throws BAD_INPUT naming all that is wrong; NOT_FOUND where the caller sees no such member or employer.
 */
export async function startEmployment(acting: Acting, memberId: string, input: EmploymentInput): Promise<string> {
  const { em, tools, viewer, requester } = acting;
  const { version, ...told } = input;
  const read = draft(em, MemberEmployment, told);
  const facts = sound(read) as Partial<EmploymentFacts>;
  refuse([
    ...read.problems,
    ...employerProblems(input),
    ...missing(input, 'organizationId', 'startDate'),
    ...versionProblems(version),
    ...employmentProblems(facts, todayOf(acting)),
  ]);
  return em.transactional(async (transaction) => {
    const member = await find(transaction, Member, memberId, { path: 'memberId', isPinned: true });
    const organization = await find(transaction, Organization, input.organizationId ?? '', { isPinned: true });
    const employment = new MemberEmployment({
      ...(facts as EmploymentFacts),
      member: ref(member),
      organization: ref(organization),
    });
    transaction.persist(employment);
    recordChange(transaction, tools, viewer, requester, {
      action: 'member.start_employment',
      targetType: 'MemberEmployment',
      targetId: employment.id,
    });
    await write(transaction);
    return member.id;
  });
}

/**
 * Corrects an employment.
 * @returns the member's id.
 * @throws BAD_INPUT naming all that is wrong; NOT_FOUND where the caller sees no such employment or employer;
 * CONFLICT for another version.
 */
export async function updateEmployment(acting: Acting, id: string, { version, ...input }: EmploymentInput): Promise<string> {
  const { em, tools, viewer, requester } = acting;
  const read = draft(em, MemberEmployment, input);
  return em.transactional(async (transaction) => {
    const { employment, member } = await held(transaction, id);
    demandVersion(employment, version);
    refuse([...read.problems, ...employerProblems(input), ...lawsBroken(employment, read, todayOf(acting))]);
    const { organizationId } = input;
    if (organizationId != null && organizationId.toLowerCase() !== employment.organization.id)
      employment.organization = ref(await find(transaction, Organization, organizationId, { isPinned: true }));
    Object.assign(employment, read.values);
    if (Object.values(input).every((given) => given === undefined)) return member.id;
    recordChange(transaction, tools, viewer, requester, {
      action: 'member.update_employment',
      targetType: 'MemberEmployment',
      targetId: employment.id,
    });
    await write(transaction);
    return member.id;
  });
}

/**
 * Records that an employment ended.
 * @returns the member's id.
 * @throws BAD_INPUT for a day before the first, or in the future; NOT_FOUND; CONFLICT where it has ended, or
 * for another version.
 */
export async function endEmployment(acting: Acting, { id, endDate, version }: EndEmploymentArgs): Promise<string> {
  const { em, tools, viewer, requester } = acting;
  const verdict = await em.transactional(async (transaction) => {
    const { employment, member } = await held(transaction, id);
    demandVersion(employment, version);
    if (!employment.isCurrent) return conflict('The employment has already ended. Use updateEmployment to correct it.', 'ENDED', []);
    const problems = employmentProblems({ startDate: employment.startDate, endDate }, todayOf(acting));
    if (problems.length > 0) return badInput(...problems.filter(({ path }) => path === 'endDate'));
    employment.endDate = endDate;
    recordChange(transaction, tools, viewer, requester, {
      action: 'member.end_employment',
      targetType: 'MemberEmployment',
      targetId: employment.id,
    });
    await write(transaction);
    return member.id;
  });
  if (typeof verdict !== 'string') throw verdict;
  return verdict;
}

const todayOf = ({ tools }: Acting): string => dayIn(tools.timeZone, tools.now());

function employerProblems({ organizationId }: EmploymentInput): FieldProblem[] {
  if (organizationId === undefined) return [];
  if (organizationId === null) return [{ path: 'organizationId', message: 'must not be null' }];
  return isUuid(organizationId) ? [] : [{ path: 'organizationId', message: 'must be a UUID' }];
}

/** What was recorded earlier is not judged again, but for what is given to go with it. */
function lawsBroken({ startDate, endDate }: MemberEmployment, read: Draft<EmploymentInput>, today: string): FieldProblem[] {
  const given = sound(read) as Partial<EmploymentFacts>;
  const areDaysGiven = given.startDate !== undefined || given.endDate != null;
  return employmentProblems({ ...(areDaysGiven && { startDate, endDate }), ...given }, today);
}

/** The employment held, of a member who was not deleted. */
async function held(em: SqlEntityManager, id: string): Promise<{ employment: MemberEmployment; member: Member }> {
  const employment = await find(em, MemberEmployment, id, { isHeld: true });
  return { employment, member: await find(em, Member, employment.member.id) };
}
