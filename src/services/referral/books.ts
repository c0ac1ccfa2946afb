import { ref } from '@mikro-orm/postgresql';
import { Field, ID, InputType, Int } from 'type-graphql';
import { validate as isUuid } from 'uuid';
import { HolidayCalendar } from '../../entities/calendar.ts';
import { Member } from '../../entities/member.ts';
import {
  ListView,
  ReferralBook,
  Registrant,
  registrantProblems,
  ResignRule,
  resignRuleProblems,
} from '../../entities/referral.ts';
import { recordChange } from '../audit/event.ts';
import { assertNoProblems, findVisible, flush, parseInput } from '../record/index.ts';
import type { Scope } from '../scope.ts';

@InputType({ description: 'A referral book to create.' })
export class CreateReferralBookInput {
  @Field(() => String, { description: 'The name, 1 to 100 characters.' })
  name!: string;

  @Field(() => String, { description: 'The short code, 1 to 20 characters. Unique, ignoring case.' })
  code!: string;

  @Field(() => ID, { description: 'The id of the calendar of the working days.' })
  calendarId!: string;

  @Field(() => ResignRule, { description: 'How often a registrant must re-sign.' })
  resignRule!: ResignRule;

  @Field(() => Int, {
    nullable: true,
    description: 'The days within which to re-sign, 1 to 365. Required with EVERY_DAYS, otherwise omitted.',
  })
  resignDays?: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'The day on which the window opens, 1 to 28. Required with MONTHLY_WINDOW, otherwise omitted.',
  })
  windowFrom?: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'The last day of the window, `windowFrom` to 28. Required with MONTHLY_WINDOW, otherwise omitted.',
  })
  windowTo?: number | null;

  @Field(() => ListView, { defaultValue: ListView.FULL, description: 'What registrants see of the list.' })
  listToRegistrants!: ListView;
}

@InputType({
  description: 'A person who can register on referral books. Give either `memberId` or both names.',
})
export class AddRegistrantInput {
  @Field(() => ID, { nullable: true, description: 'The id of the member. Each member can be added once.' })
  memberId?: string | null;

  @Field(() => String, { nullable: true, description: 'The first name of a person who is not a member.' })
  firstName?: string | null;

  @Field(() => String, { nullable: true, description: 'The last name of a person who is not a member.' })
  lastName?: string | null;

  @Field(() => String, { nullable: true, description: 'The name or number of the home local, up to 50 characters.' })
  homeLocal?: string | null;

  @Field(() => String, { nullable: true, description: 'The telephone number, up to 30 characters.' })
  phone?: string | null;
}

/**
 * Creates a referral book.
 * @returns its id.
 * @throws BAD_INPUT with every problem, or if the code is taken; NOT_FOUND if the calendar does not exist.
 */
export async function createBook(scope: Scope, { calendarId, ...input }: CreateReferralBookInput): Promise<string> {
  const { values, problems } = parseInput(scope, ReferralBook, input);
  problems.push(...resignRuleProblems(input));
  if (!isUuid(calendarId)) problems.push({ path: 'calendarId', message: 'must be a UUID' });
  assertNoProblems(problems);
  return scope.transaction(async (tx) => {
    const calendar = await findVisible(tx, HolidayCalendar, calendarId);
    const book = new ReferralBook({ ...values, calendar: ref(calendar) });
    tx.em.persist(book);
    recordChange(tx, { action: 'referral.create_book', targetType: 'ReferralBook', targetId: book.id });
    await flush(tx, { referral_books_code_unique: 'input.code' });
    return book.id;
  });
}

/**
 * Adds a registrant.
 * @returns its id.
 * @throws BAD_INPUT with every problem, or if the member is a registrant already; NOT_FOUND if the member is missing.
 */
export async function addRegistrant(scope: Scope, { memberId, ...input }: AddRegistrantInput): Promise<string> {
  const { values, problems } = parseInput(scope, Registrant, input);
  problems.push(...registrantProblems({ ...values, memberId: memberId ?? null }));
  if (memberId != null && !isUuid(memberId)) problems.push({ path: 'memberId', message: 'must be a UUID' });
  assertNoProblems(problems);
  return scope.transaction(async (tx) => {
    const member = memberId == null ? null : ref(await findVisible(tx, Member, memberId));
    const registrant = new Registrant({ ...values, member });
    tx.em.persist(registrant);
    recordChange(tx, { action: 'referral.add_registrant', targetType: 'Registrant', targetId: registrant.id });
    await flush(tx, { registrants_member_id_unique: 'input.memberId' });
    return registrant.id;
  });
}
