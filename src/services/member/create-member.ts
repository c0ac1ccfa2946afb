import { Field, InputType } from 'type-graphql';
import { Member, MemberClassification, memberProblems, MemberStatus, oneName, type MemberFacts } from '../../entities/member.ts';
import { DateScalar } from '../../entities/scalars.ts';
import { recordChange } from '../audit/event.ts';
import { parseInput, assertNoProblems, validValues, flush } from '../record/index.ts';
import { todayOf, type Scope } from '../scope.ts';
import { numberIsTaken } from './unique-number.ts';

@InputType({ description: 'A member to be recorded.' })
export class CreateMemberInput {
  @Field(() => String, {
    description: 'The number on the union card: letters and digits, at most 30; unique without regard to case, also among the deleted.',
  })
  memberNumber!: string;

  @Field(() => String, { description: `First name; at most 100 characters; ${oneName}.` })
  firstName!: string;

  @Field(() => String, { description: 'Last name, with a suffix such as Jr. at its end; at most 100 characters.' })
  lastName!: string;

  @Field(() => String, { nullable: true, description: 'Middle name or initial; at most 100 characters.' })
  middleName?: string | null;

  @Field(() => MemberStatus, { nullable: true, description: 'Standing; active when left out.' })
  status?: MemberStatus | null;

  @Field(() => MemberClassification, { description: 'Trade classification.' })
  classification!: MemberClassification;

  @Field(() => String, { nullable: true, description: 'Street address; at most 200 characters.' })
  address?: string | null;

  @Field(() => String, { nullable: true, description: 'City; at most 100 characters.' })
  city?: string | null;

  @Field(() => String, { nullable: true, description: 'State; at most 50 characters.' })
  state?: string | null;

  @Field(() => String, { nullable: true, description: 'ZIP code; at most 20 characters.' })
  zipCode?: string | null;

  @Field(() => String, { nullable: true, description: 'Telephone number, kept as it is entered; at most 50 characters.' })
  phone?: string | null;

  @Field(() => String, { nullable: true, description: 'E-mail address.' })
  email?: string | null;

  @Field(() => DateScalar, { nullable: true, description: 'Date of birth; not in the future.' })
  dateOfBirth?: string | null;

  @Field(() => DateScalar, {
    nullable: true,
    description: 'When the member joined the trade or the local: not in the future, and after the date of birth.',
  })
  hireDate?: string | null;

  @Field(() => String, { nullable: true, description: 'Notes.' })
  notes?: string | null;
}

/**
 * Records a member.
 * @returns the member's id.
 * @throws BAD_INPUT naming all that is wrong, or that the number is taken.
 */
export async function createMember(scope: Scope, input: CreateMemberInput): Promise<string> {
  const read = parseInput(scope, Member, { ...input, status: input.status ?? undefined });
  assertNoProblems([...read.problems, ...memberProblems(validValues(read) as Partial<MemberFacts>, todayOf(scope))]);
  const member = new Member(read.values as MemberFacts);
  scope.em.persist(member);
  recordChange(scope, { action: 'member.create', targetType: 'Member', targetId: member.id });
  await flush(scope, numberIsTaken);
  return member.id;
}
