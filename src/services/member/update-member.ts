import { Field, InputType, Int } from 'type-graphql';
import { Member, MemberClassification, memberProblems, MemberStatus, oneName, type MemberFacts } from '../../entities/member.ts';
import { versionOptions } from '../../entities/record.ts';
import { DateScalar } from '../../entities/scalars.ts';
import type { FieldProblem } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { assertVersion, parseInput, findVisible, assertNoProblems, validValues, flush } from '../record/index.ts';
import { todayOf, type Scope } from '../scope.ts';
import { numberIsTaken } from './unique-number.ts';

@InputType({ description: 'What changes of a member; what is left out stays, null clears.' })
export class UpdateMemberInput {
  @Field(() => String, {
    nullable: true,
    description: 'The number on the union card: letters and digits, at most 30; unique without regard to case, also among the deleted.',
  })
  memberNumber?: string | null;

  @Field(() => String, { nullable: true, description: `First name; at most 100 characters; ${oneName}.` })
  firstName?: string | null;

  @Field(() => String, { nullable: true, description: 'Last name, with a suffix such as Jr. at its end; at most 100 characters.' })
  lastName?: string | null;

  @Field(() => String, { nullable: true, description: 'Middle name or initial; at most 100 characters.' })
  middleName?: string | null;

  @Field(() => MemberStatus, { nullable: true, description: 'Standing.' })
  status?: MemberStatus | null;

  @Field(() => MemberClassification, { nullable: true, description: 'Trade classification.' })
  classification?: MemberClassification | null;

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

  @Field(() => Int, versionOptions)
  version?: number | null;
}

/**
 * Changes what is recorded of a member.
 * @returns the member's id.
 * @throws BAD_INPUT naming all that is wrong, or that the number is taken; NOT_FOUND; CONFLICT for another version.
 */
export async function updateMember(scope: Scope, id: string, { version, ...input }: UpdateMemberInput): Promise<string> {
  const read = parseInput(scope, Member, input);
  return scope.transaction(async (tx) => {
    const member = await findVisible(tx, Member, id, { isHeld: true });
    assertVersion(member, version);
    assertNoProblems([...read.problems, ...changeProblems(member, validValues(read) as Partial<MemberFacts>, todayOf(scope))]);
    if (Object.keys(read.values).length === 0) return member.id;
    Object.assign(member, read.values);
    recordChange(tx, { action: 'member.update', targetType: 'Member', targetId: member.id });
    await flush(tx, numberIsTaken);
    return member.id;
  });
}

/** What is wrong with changes of a member. What was recorded earlier is not judged again, but for what is given to go with it. */
export function changeProblems({ dateOfBirth, hireDate }: Member, given: Partial<MemberFacts>, today: string): FieldProblem[] {
  const areDatesGiven = given.dateOfBirth != null || given.hireDate != null;
  return memberProblems({ ...(areDatesGiven && { dateOfBirth, hireDate }), ...given }, today);
}
