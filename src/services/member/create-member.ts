import { Field, InputType } from 'type-graphql';
import { Member, MemberClassification, memberProblems, MemberStatus, type MemberFacts } from '../../entities/member.ts';
import { recordChange } from '../audit/event.ts';
import { parseInput, assertNoProblems, validValues, flush } from '../record/index.ts';
import { todayOf, type Scope } from '../scope.ts';
import { MemberInput } from './member-input.ts';
import { numberIsTaken } from './unique-number.ts';

@InputType({ description: 'A member to create.' })
export class CreateMemberInput extends MemberInput {
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

  @Field(() => MemberStatus, { nullable: true, description: 'The membership status. Defaults to ACTIVE.' })
  status?: MemberStatus | null;

  @Field(() => MemberClassification, { description: 'The trade classification.' })
  classification!: MemberClassification;
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
