import { Field, InputType } from 'type-graphql';
import { Member, MemberClassification, memberProblems, MemberStatus, type MemberFacts } from '../../entities/member.ts';
import { DateScalar } from '../../entities/scalars.ts';
import { recordChange } from '../audit/event.ts';
import { parseInput, assertNoProblems, validValues, flush } from '../record/index.ts';
import { todayOf, type Scope } from '../scope.ts';
import { numberIsTaken } from './unique-number.ts';

@InputType({ description: 'A member to create.' })
export class CreateMemberInput {
  @Field(() => String, {
    description:
      'The number on the union card: letters (A–Z) and digits, at most 30. Unique, ignoring case, also among deleted members.',
  })
  memberNumber!: string;

  @Field(() => String, {
    description:
      'The first name. At most 100 characters. For a person with a single name, enter `FNU` (first name unknown).',
  })
  firstName!: string;

  @Field(() => String, {
    description: 'The last name, or a single name, with any suffix such as Jr. at the end. At most 100 characters.',
  })
  lastName!: string;

  @Field(() => String, { nullable: true, description: 'The middle name or initial. At most 100 characters.' })
  middleName?: string | null;

  @Field(() => MemberStatus, { nullable: true, description: 'The membership status. Defaults to ACTIVE.' })
  status?: MemberStatus | null;

  @Field(() => MemberClassification, { description: 'The trade classification.' })
  classification!: MemberClassification;

  @Field(() => String, { nullable: true, description: 'The street address. At most 200 characters.' })
  address?: string | null;

  @Field(() => String, { nullable: true, description: 'The city. At most 100 characters.' })
  city?: string | null;

  @Field(() => String, { nullable: true, description: 'The state. At most 50 characters.' })
  state?: string | null;

  @Field(() => String, { nullable: true, description: 'The ZIP code. At most 20 characters.' })
  zipCode?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The telephone number, stored as entered. At most 50 characters.',
  })
  phone?: string | null;

  @Field(() => String, { nullable: true, description: 'The e-mail address.' })
  email?: string | null;

  @Field(() => DateScalar, { nullable: true, description: 'The date of birth. Must not be in the future.' })
  dateOfBirth?: string | null;

  @Field(() => DateScalar, {
    nullable: true,
    description:
      'The date on which the member joined the trade or the local. Must be after the date of birth and not in the future.',
  })
  hireDate?: string | null;

  @Field(() => String, { nullable: true, description: 'Additional notes.' })
  notes?: string | null;
}

/**
 * Records a member.
 * @returns the member's id.
 * @throws BAD_INPUT with every problem, or if the number is taken.
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
