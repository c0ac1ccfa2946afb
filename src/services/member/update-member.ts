import { Field, InputType, Int } from 'type-graphql';
import { Member, MemberClassification, memberProblems, MemberStatus, type MemberFacts } from '../../entities/member.ts';
import { versionOptions } from '../../entities/record.ts';
import type { FieldProblem } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { assertVersion, parseInput, findVisible, assertNoProblems, validValues, flush } from '../record/index.ts';
import { todayOf, type Scope } from '../scope.ts';
import { MemberInput } from './member-input.ts';
import { numberIsTaken } from './unique-number.ts';

@InputType({ description: 'Changes to a member. Omitted fields keep their values. Null clears an optional field.' })
export class UpdateMemberInput extends MemberInput {
  @Field(() => String, {
    nullable: true,
    description:
      'The number on the union card: letters (A–Z) and digits, at most 30. Unique, ignoring case, also ' +
      'among deleted members. Must not be null.',
  })
  memberNumber?: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'The first name. At most 100 characters. For a person with a single name, enter `FNU` (first name unknown). Must not be null.',
  })
  firstName?: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'The last name, or a single name, with any suffix such as Jr. at the end. At most 100 characters. Must not be null.',
  })
  lastName?: string | null;

  @Field(() => MemberStatus, { nullable: true, description: 'The membership status. Must not be null.' })
  status?: MemberStatus | null;

  @Field(() => MemberClassification, { nullable: true, description: 'The trade classification. Must not be null.' })
  classification?: MemberClassification | null;

  @Field(() => Int, versionOptions)
  version?: number | null;
}

/**
 * Changes a member's record.
 * @returns the member's id.
 * @throws BAD_INPUT with every problem, or if the number is taken; NOT_FOUND; CONFLICT if the version is outdated.
 */
export async function updateMember(
  scope: Scope,
  id: string,
  { version, ...input }: UpdateMemberInput,
): Promise<string> {
  const read = parseInput(scope, Member, input);
  return scope.transaction(async (tx) => {
    const member = await findVisible(tx, Member, id, { isHeld: true });
    assertVersion(member, version);
    assertNoProblems([
      ...read.problems,
      ...changeProblems(member, validValues(read) as Partial<MemberFacts>, todayOf(scope)),
    ]);
    if (Object.keys(read.values).length === 0) return member.id;
    Object.assign(member, read.values);
    recordChange(tx, { action: 'member.update', targetType: 'Member', targetId: member.id });
    await flush(tx, numberIsTaken);
    return member.id;
  });
}

/** Returns the problems of a change of a member. Stored values are checked only together with given ones. */
export function changeProblems(
  { dateOfBirth, hireDate }: Member,
  given: Partial<MemberFacts>,
  today: string,
): FieldProblem[] {
  const areDatesGiven = given.dateOfBirth != null || given.hireDate != null;
  return memberProblems({ ...(areDatesGiven && { dateOfBirth, hireDate }), ...given }, today);
}
