import { Collection, type Ref } from '@mikro-orm/core';
import {
  Check,
  Entity,
  Enum,
  Index,
  ManyToOne,
  OneToMany,
  Property,
  Trigger,
  Unique,
} from '@mikro-orm/decorators/legacy';
import { Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { FieldProblem } from '../errors.ts';
import { DayUnit, dueDay, HolidayCalendar, type WorkingDays } from './calendar.ts';
import { appendOnly } from './deadline.ts';
import { Listed } from './listing.ts';
import { Member } from './member.ts';
import { Dated, Identified } from './record.ts';
import { DateScalar, DateTimeScalar } from './scalars.ts';
import { Person, User } from './user.ts';

export enum ResignRule {
  EVERY_DAYS = 'every_days',
  MONTHLY_WINDOW = 'monthly_window',
}

registerEnumType(ResignRule, {
  name: 'ResignRule',
  description: 'How often a registrant must re-sign a referral book.',
  valuesConfig: {
    EVERY_DAYS: { description: 'Within a number of days after the last signature.' },
    MONTHLY_WINDOW: { description: 'Once in a window of days of each month.' },
  },
});

export enum ListView {
  FULL = 'full',
  POSITION = 'position',
}

registerEnumType(ListView, {
  name: 'ListView',
  description: 'What a registrant sees of the out-of-work list.',
  valuesConfig: {
    FULL: { description: 'Every registration on the list.' },
    POSITION: { description: 'Only their own registration, with its position.' },
  },
});

export enum RegistrationAction {
  REGISTER = 'register',
  RESIGN = 'resign',
  END = 'end',
}

registerEnumType(RegistrationAction, {
  name: 'RegistrationAction',
  description: 'What happened to a registration.',
  valuesConfig: {
    REGISTER: { description: 'The registrant signed the book.' },
    RESIGN: { description: 'The registrant re-signed and kept the place.' },
    END: { description: 'The registration ended.' },
  },
});

export enum RegistrationEndReason {
  OWN_REQUEST = 'own_request',
  RESIGN_MISSED = 'resign_missed',
}

registerEnumType(RegistrationEndReason, {
  name: 'RegistrationEndReason',
  description: 'Why a registration ended.',
  valuesConfig: {
    OWN_REQUEST: { description: 'The registrant left the book.' },
    RESIGN_MISSED: { description: 'The registrant did not re-sign in time.' },
  },
});

export interface ResignRules {
  resignRule: ResignRule;
  resignDays?: number | null;
  windowFrom?: number | null;
  windowTo?: number | null;
}

/** The range of the days to re-sign, and of the days of a window. Every month has 28 days. */
const [mostResignDays, lastWindowDay] = [365, 28];

/** Returns the problems of a book's rule for re-signing; the table's check constraint has the same rule. */
export function resignRuleProblems({ resignRule, resignDays, windowFrom, windowTo }: ResignRules): FieldProblem[] {
  const isWindow = resignRule === ResignRule.MONTHLY_WINDOW;
  return [
    ...rangeProblems('resignDays', resignDays, isWindow ? null : mostResignDays),
    ...rangeProblems('windowFrom', windowFrom, isWindow ? lastWindowDay : null),
    ...rangeProblems('windowTo', windowTo, isWindow ? lastWindowDay : null),
    ...(isWindow && windowFrom != null && windowTo != null && windowTo < windowFrom
      ? [{ path: 'windowTo', message: 'must not be before windowFrom' }]
      : []),
  ];
}

/** @param most the maximum. Null if the rule has no such number. */
function rangeProblems(path: string, value: number | null | undefined, most: number | null): FieldProblem[] {
  if (most === null) return value == null ? [] : [{ path, message: 'must be omitted with this rule' }];
  return value != null && value >= 1 && value <= most ? [] : [{ path, message: `must be from 1 to ${most}` }];
}

/** The last day to re-sign after a signature. A day off moves it to the next working day. */
export function resignBy(book: ResignRules, calendar: WorkingDays, signedOn: string): string {
  if (book.resignRule === ResignRule.EVERY_DAYS) return rolled(calendar, signedOn, book.resignDays ?? 1);
  const month = signedOn.slice(0, 7);
  const opens = `${month}-${twoDigits(book.windowFrom ?? 1)}`;
  return windowEnd(book, calendar, opens > signedOn ? month : nextMonth(month));
}

/** Whether a signature on a day counts. A monthly window lasts until its last day, or the next working day. */
export function isSigningDay(book: ResignRules, calendar: WorkingDays, day: string): boolean {
  if (book.resignRule === ResignRule.EVERY_DAYS) return true;
  const month = day.slice(0, 7);
  return [previousMonth(month), month].some(
    (each) => day >= `${each}-${twoDigits(book.windowFrom ?? 1)}` && day <= windowEnd(book, calendar, each),
  );
}

const windowEnd = ({ windowTo }: ResignRules, calendar: WorkingDays, month: string): string =>
  rolled(calendar, `${month}-${twoDigits(windowTo ?? 1)}`, 0);

const rolled = (calendar: WorkingDays, from: string, days: number): string =>
  dueDay(calendar, from, { days, unit: DayUnit.CALENDAR, firstDayCounts: false, rollsForward: true }) ?? '9999-12-31';

const twoDigits = (number: number): string => String(number).padStart(2, '0');
const monthAfter = (month: string, months: number): string =>
  new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5)) - 1 + months)).toISOString().slice(0, 7);
const nextMonth = (month: string): string => monthAfter(month, 1);
const previousMonth = (month: string): string => monthAfter(month, -1);

export interface RegistrantFacts {
  member?: Ref<Member> | null;
  firstName?: string | null;
  lastName?: string | null;
  homeLocal?: string | null;
  phone?: string | null;
}

/** Returns the problems of a registrant's names. The check constraint of the table has the same rule. */
export function registrantProblems(given: {
  memberId?: string | null;
  firstName?: string | null;
  lastName?: string | null;
}): FieldProblem[] {
  const names = (['firstName', 'lastName'] as const).filter(
    (path) => (given.memberId == null) !== (given[path] != null),
  );
  const message = given.memberId == null ? 'must be given without memberId' : 'must be omitted with memberId';
  return names.map((path) => ({ path, message }));
}

/** A person who can register on referral books. A hall also serves people who are not its members. */
@ObjectType({
  description: 'A person who can register on referral books: a member, a traveler of another local, or a non-member.',
  simpleResolvers: true,
})
@Entity({ tableName: 'registrants' })
@Listed({ filter: ['member', 'homeLocal'], order: ['createdAt'], by: ['createdAt', 'DESC'], texts: ['homeLocal'] })
@Unique({ properties: ['member'] })
@Check({
  name: 'registrants_member_or_names',
  expression: '(member_id is null) = (first_name is not null) and (member_id is null) = (last_name is not null)',
})
export class Registrant extends Dated {
  @Field(() => Member, { nullable: true, description: 'The member. Null for travelers and non-members.' })
  @ManyToOne({ entity: () => Member, ref: true, nullable: true, deleteRule: 'restrict' })
  member: Ref<Member> | null;

  @Field(() => String, { nullable: true, description: 'The first name. Null for a member.' })
  @Property({ type: 'string', length: 100, nullable: true })
  firstName: string | null;

  @Field(() => String, { nullable: true, description: 'The last name. Null for a member.' })
  @Property({ type: 'string', length: 100, nullable: true })
  lastName: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The name or number of the home local. Null for a member of this local or of none.',
  })
  @Property({ type: 'string', length: 50, nullable: true })
  homeLocal: string | null;

  @Field(() => String, { nullable: true, description: 'The telephone number. Null if not set.' })
  @Property({ type: 'string', length: 30, nullable: true })
  phone: string | null;

  constructor(facts: RegistrantFacts) {
    super();
    this.member = facts.member ?? null;
    this.firstName = facts.firstName ?? null;
    this.lastName = facts.lastName ?? null;
    this.homeLocal = facts.homeLocal ?? null;
    this.phone = facts.phone ?? null;
  }
}

export interface ReferralBookFacts extends ResignRules {
  name: string;
  code: string;
  calendar: Ref<HolidayCalendar>;
  listToRegistrants: ListView;
}

/** A referral book: one out-of-work list and its rules. */
@ObjectType({ description: 'A referral book: an out-of-work list and its rules.', simpleResolvers: true })
@Entity({ tableName: 'referral_books' })
@Unique({
  name: 'referral_books_code_unique',
  expression: 'create unique index "referral_books_code_unique" on "referral_books" (lower("code"))',
})
@Check({
  name: 'referral_books_resign_rule_numbers',
  expression: `case resign_rule
    when 'every_days' then coalesce(resign_days between 1 and ${mostResignDays}, false)
      and window_from is null and window_to is null
    else resign_days is null and coalesce(window_from between 1 and window_to and window_to <= ${lastWindowDay}, false) end`,
})
export class ReferralBook extends Dated {
  @Field(() => String, { description: 'The name.' })
  @Property({ type: 'string', length: 100 })
  name: string;

  @Field(() => String, { description: 'The short code. Unique, ignoring case.' })
  @Property({ type: 'string', length: 20, collation: 'C' })
  code: string;

  @Field(() => HolidayCalendar, { nullable: true, description: 'The calendar of the working days.' })
  @ManyToOne({ entity: () => HolidayCalendar, ref: true, deleteRule: 'restrict', index: true })
  calendar: Ref<HolidayCalendar>;

  @Field(() => ResignRule, { description: 'How often a registrant must re-sign.' })
  @Enum({ items: () => ResignRule })
  resignRule: ResignRule;

  @Field(() => Int, {
    nullable: true,
    description: 'The days within which to re-sign after a signature. Null with a monthly window.',
  })
  @Property({ type: 'integer', nullable: true })
  resignDays: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'The day of the month on which the window opens. Null without a monthly window.',
  })
  @Property({ type: 'integer', nullable: true })
  windowFrom: number | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'The last day of the window in the month; if it is a day off, the next working day. Null without a monthly window.',
  })
  @Property({ type: 'integer', nullable: true })
  windowTo: number | null;

  @Field(() => ListView, { description: 'What registrants see of the list.' })
  @Enum({ items: () => ListView })
  listToRegistrants: ListView;

  /** The place that was given last. Changes only while the row is locked. */
  @Property({ type: 'integer' })
  lastPlace = 0;

  constructor(facts: ReferralBookFacts) {
    super();
    this.name = facts.name;
    this.code = facts.code;
    this.calendar = facts.calendar;
    this.resignRule = facts.resignRule;
    this.resignDays = facts.resignDays ?? null;
    this.windowFrom = facts.windowFrom ?? null;
    this.windowTo = facts.windowTo ?? null;
    this.listToRegistrants = facts.listToRegistrants;
  }
}

export interface RegistrationFacts {
  registrant: Ref<Registrant>;
  book: Ref<ReferralBook>;
  groupNumber: number;
  registeredAt: Date;
  place: number;
  resignBy: string;
}

/** The highest number of a group on a book. */
export const lastGroup = 4;

/** A registration: one stay of a registrant on a book. The order within the group is given once. */
@ObjectType({
  description: 'A registration on a referral book. Its place is given once, at the bottom of its group.',
  simpleResolvers: true,
})
@Entity({ tableName: 'registrations' })
@Listed({
  filter: ['book', 'registrant', 'endedAt'],
  order: ['registeredAt'],
  by: ['registeredAt', 'DESC'],
})
@Unique({ properties: ['book', 'place'] })
@Unique({
  name: 'registrations_one_open',
  expression:
    'create unique index "registrations_one_open" on "registrations" ("registrant_id", "book_id") where ended_at is null',
})
@Index({
  name: 'registrations_list',
  expression: `create index "registrations_list" on "registrations" ("book_id", "group_number", "rank_at", "place")
    where ended_at is null`,
})
@Check({ name: 'registrations_group', expression: `group_number between 1 and ${lastGroup}` })
@Check({ name: 'registrations_ended_with_reason', expression: '(ended_at is null) = (end_reason is null)' })
export class Registration extends Dated {
  @Field(() => Registrant, { nullable: true, description: 'The registrant. Null when hidden from the caller.' })
  @ManyToOne({ entity: () => Registrant, ref: true, deleteRule: 'restrict' })
  registrant: Ref<Registrant>;

  @Field(() => ReferralBook, { nullable: true, description: 'The book.' })
  @ManyToOne({ entity: () => ReferralBook, ref: true, deleteRule: 'restrict' })
  book: Ref<ReferralBook>;

  @Field(() => Int, { description: `The group, from 1 to ${lastGroup}. Group 1 is first on the list.` })
  @Property({ type: 'integer' })
  groupNumber: number;

  @Field(() => DateTimeScalar, { description: 'When the registrant signed the book.' })
  @Property({ type: 'datetime', length: 3 })
  registeredAt: Date;

  @Field(() => DateTimeScalar, { description: 'The time that orders the registration within its group.' })
  @Property({ type: 'datetime', length: 3 })
  rankAt: Date;

  @Field(() => Int, { description: 'The place on the book. It orders registrations with the same `rankAt`.' })
  @Property({ type: 'integer' })
  place: number;

  @Field(() => DateScalar, {
    description: 'The last day to re-sign, in the local time zone. After it the registration is not on the list.',
  })
  @Property({ type: 'date' })
  resignBy: string;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When the registration ended. Null if the end is not recorded.',
  })
  @Property({ type: 'datetime', length: 3, nullable: true })
  endedAt: Date | null = null;

  @Field(() => RegistrationEndReason, {
    nullable: true,
    description: 'Why the registration ended. Null if the end is not recorded.',
  })
  @Enum({ items: () => RegistrationEndReason, nullable: true })
  endReason: RegistrationEndReason | null = null;

  @Field(() => [RegistrationEvent], { description: 'What happened to the registration, oldest first.' })
  @OneToMany({ entity: () => RegistrationEvent, mappedBy: 'registration', orderBy: { number: 'asc' } })
  events = new Collection<RegistrationEvent>(this);

  constructor(facts: RegistrationFacts) {
    super();
    this.registrant = facts.registrant;
    this.book = facts.book;
    this.groupNumber = facts.groupNumber;
    this.registeredAt = facts.registeredAt;
    this.rankAt = facts.registeredAt;
    this.place = facts.place;
    this.resignBy = facts.resignBy;
  }
}

export interface RegistrationEventFacts {
  registration: Ref<Registration>;
  number: number;
  action: RegistrationAction;
  at: Date;
  resignBy?: string | null;
  endReason?: RegistrationEndReason | null;
  note?: string | null;
  actor: Ref<User> | null;
}

/** An event of a registration. The list at any past instant is computed from the events. */
@ObjectType({ description: 'An event of a registration.', simpleResolvers: true })
@Entity({ tableName: 'registration_events' })
@Unique({ properties: ['registration', 'number'] })
@Check({
  name: 'registration_events_facts',
  expression: `(action = 'end') = (end_reason is not null) and (action = 'end') = (resign_by is null)`,
})
@Trigger(appendOnly('registration_events'))
export class RegistrationEvent extends Identified {
  @ManyToOne({ entity: () => Registration, ref: true, deleteRule: 'restrict' })
  registration: Ref<Registration>;

  @Field(() => Int, { description: 'The number of the event, from 1.' })
  @Property({ type: 'integer' })
  number: number;

  @Field(() => RegistrationAction, { description: 'What happened.' })
  @Enum({ items: () => RegistrationAction })
  action: RegistrationAction;

  @Field(() => DateTimeScalar, { description: 'When it happened.' })
  @Property({ type: 'datetime', length: 3 })
  at: Date;

  @Field(() => DateScalar, {
    nullable: true,
    description: 'The last day to re-sign after the signature. Null for an end.',
  })
  @Property({ type: 'date', nullable: true })
  resignBy: string | null;

  @Field(() => RegistrationEndReason, {
    nullable: true,
    description: 'Why the registration ended. Null unless it did.',
  })
  @Enum({ items: () => RegistrationEndReason, nullable: true })
  endReason: RegistrationEndReason | null;

  @Field(() => String, { nullable: true, description: 'The ground of the group. Null if not given.' })
  @Property({ type: 'string', length: 500, nullable: true })
  note: string | null;

  @Field(() => Person, { nullable: true, description: 'The user who entered it. Null when hidden from the caller.' })
  @ManyToOne({ entity: () => User, ref: true, nullable: true, deleteRule: 'restrict', index: true })
  actor: Ref<User> | null;

  constructor(facts: RegistrationEventFacts) {
    super();
    this.registration = facts.registration;
    this.number = facts.number;
    this.action = facts.action;
    this.at = facts.at;
    this.resignBy = facts.resignBy ?? null;
    this.endReason = facts.endReason ?? null;
    this.note = facts.note ?? null;
    this.actor = facts.actor;
  }
}

/** A line of the out-of-work list. */
@ObjectType({ description: 'A line of an out-of-work list.', simpleResolvers: true })
export class OutOfWorkEntry {
  @Field(() => Int, { description: 'The position on the list, from 1.' })
  position!: number;

  @Field(() => ID, { description: 'The id of the registration.' })
  registrationId!: string;

  @Field(() => Int, { description: 'The group.' })
  groupNumber!: number;

  @Field(() => String, { description: 'The full name of the registrant.' })
  fullName!: string;

  @Field(() => String, { nullable: true, description: 'The home local. Null for a member of this local or of none.' })
  homeLocal!: string | null;

  @Field(() => DateTimeScalar, { description: 'When the registrant signed the book.' })
  registeredAt!: Date;

  @Field(() => DateScalar, { description: 'The last day to re-sign.' })
  resignBy!: string;

  @Field(() => Boolean, { description: "Whether the line is the caller's own." })
  isOwn!: boolean;
}

/** The out-of-work list of a book at an instant. */
@ObjectType({ description: 'The out-of-work list of a book at an instant, in order.', simpleResolvers: true })
export class OutOfWorkList {
  @Field(() => DateTimeScalar, { description: 'The instant of the list.' })
  at!: Date;

  @Field(() => Int, { description: 'The number of registrations on the list, with those the caller cannot see.' })
  totalCount!: number;

  @Field(() => [OutOfWorkEntry], { description: 'The lines of the page, as far as the caller can see them.' })
  entries!: OutOfWorkEntry[];
}
