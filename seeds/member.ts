import { MemberClassification, MemberStatus } from '../src/entities/member.ts';
import { accountOf, linkedMembers } from './account.ts';
import { anchorDate, daysAgo, daysBetween, instantOn, plusDays, workday, yearOf } from './calendar.ts';
import type { Dossier, ScaledKind } from './dossier.ts';
import { employerIndex, organizationId } from './organization.ts';
import { addressFrom, phoneFrom } from './place.ts';
import { idOf, takenOverAt } from './id.ts';
import { Dice } from './random.ts';
import type { MemberEmploymentRow, MemberRow } from './row.ts';

const membersPerBlock = 50;

const { ACTIVE, INACTIVE, SUSPENDED, RETIRED, DECEASED } = MemberStatus;
const { JOURNEYMAN, FOREMAN, RETIREE, HONORARY } = MemberClassification;
const apprentices = [
  MemberClassification.APPRENTICE_1,
  MemberClassification.APPRENTICE_2,
  MemberClassification.APPRENTICE_3,
  MemberClassification.APPRENTICE_4,
  MemberClassification.APPRENTICE_5,
];

/** A member's status and trade, by the place in the block. 43 are active, and three of these are out of work. */
interface Shape {
  readonly status: MemberStatus;
  readonly classification: MemberClassification;
  readonly isWorking: boolean;
}

const shapes: readonly Shape[] = [
  ...[...apprentices, ...apprentices].map((classification) => ({ status: ACTIVE, classification, isWorking: true })),
  ...repeat(25, { status: ACTIVE, classification: JOURNEYMAN, isWorking: true }),
  ...repeat(3, { status: ACTIVE, classification: JOURNEYMAN, isWorking: false }),
  ...repeat(5, { status: ACTIVE, classification: FOREMAN, isWorking: true }),
  ...repeat(2, { status: INACTIVE, classification: JOURNEYMAN, isWorking: false }),
  { status: SUSPENDED, classification: JOURNEYMAN, isWorking: false },
  ...repeat(2, { status: RETIRED, classification: RETIREE, isWorking: false }),
  { status: RETIRED, classification: HONORARY, isWorking: false },
  { status: DECEASED, classification: RETIREE, isWorking: false },
];

function repeat<T>(times: number, value: T): T[] {
  return Array.from({ length: times }, () => value);
}

/** Returns when a member was recorded: with the imported register, or after being hired if that was later. */
function recordedAt(index: number): Date {
  const year = yearOfApprenticeship(shapeAt(index % membersPerBlock).classification);
  return year === 0 || year > 3 ? takenOverAt(index) : instantOn(daysAgo(year * 365 - latestHire), index % 240);
}

/** The day of a year of apprenticeship by which all of its apprentices have been hired. */
const latestHire = 310;

/** Returns the year from 1 to 5, or 0 if the member is not an apprentice. */
const yearOfApprenticeship = (classification: MemberClassification): number => apprentices.indexOf(classification) + 1;

/** Returns the id of a member by the place among all members. */
export const memberId = (index: number): string => idOf('members', index, recordedAt(index));

/** Returns the place of a member among all members. */
export const memberIndex = (block: number, slot: number): number => block * membersPerBlock + slot;

/** Returns the id of the present or last employer of a member. */
export const employerIdOf = (block: number, slot: number): string => organizationId(employerIndex(block, slot * 5));

/**
 * Card numbers in the formats of three generations of record keeping. The place among all members makes each of them
 * unique.
 */
const numberForms: readonly ((index: number) => string)[] = [
  (index) => `${100_000 + index}`,
  (index) => `A${40_000 + index}`,
  (index) => `J${String(index + 1).padStart(5, '0')}R`,
  (index) => `LU9047${String(index + 1).padStart(6, '0')}`,
  (index) => `${String(index + 1).padStart(8, '0')}`,
];

/** The working life of a member, in days. {@link employmentsAt} adds the time before the present or last employer. */
interface Career {
  readonly birth: string;
  readonly hired: string;
  /** The first day with the present or last employer. */
  readonly lastStart: string;
  /** The last day of work. Null for a member who works now. */
  readonly ended: string | null;
}

function careerOf(slot: number, dice: Dice): Career {
  const { status, classification, isWorking } = shapeAt(slot);
  const year = yearOfApprenticeship(classification);
  if (year > 0) {
    const hired = workday(daysAgo(year * 365 - dice.between(20, latestHire - 10)));
    const days = daysBetween(hired, anchorDate);
    return {
      birth: bornBefore(hired, dice, 19, 27),
      hired,
      lastStart: plusDays(hired, dice.between(0, Math.floor(days / 2))),
      ended: null,
    };
  }
  if (status === RETIRED || status === DECEASED) {
    const hired = workday(daysAgo(dice.between(14_500, 17_500)));
    const ended = daysAgo(dice.between(1_500, 3_500));
    return { birth: bornBefore(hired, dice, 19, 25), hired, lastStart: plusDays(ended, -dice.between(1_500, 4_500)), ended };
  }
  const hired = workday(daysAgo(dice.between(classification === FOREMAN ? 6_500 : 4_200, classification === FOREMAN ? 10_500 : 9_000)));
  const lastStart = workday(daysAgo(dice.between(1_200, 3_000)));
  return { birth: bornBefore(hired, dice, 19, 32), hired, lastStart, ended: isWorking ? null : daysAgo(dice.between(60, 240)) };
}

function bornBefore(hired: string, dice: Dice, youngest: number, oldest: number): string {
  return plusDays(hired, -dice.between(youngest * 366, oldest * 365));
}

function shapeAt(slot: number): Shape {
  const shape = shapes[slot];
  if (!shape) throw new RangeError(`A block has ${membersPerBlock} members, so slot ${slot} does not exist.`);
  return shape;
}

/** Members, each with the one to three employments of a working life. */
export const members: ScaledKind = {
  table: 'members',
  parts: ['member_employments'],
  perBlock: membersPerBlock,
  dossiers: memberDossiers,
};

function* memberDossiers(scale: number): Generator<Dossier> {
  const all = [new Dice('careers'), new Dice('members'), new Dice('member_employments')] as const;
  const [careerDice, dice, employmentDice] = all;
  for (let block = 0; block < scale; block += 1) {
    for (const each of all) each.startBlock(block);
    for (let slot = 0; slot < membersPerBlock; slot += 1) {
      const career = careerOf(slot, careerDice);
      yield { members: [memberAt(block, slot, career, dice)], member_employments: employmentsAt(block, slot, career, employmentDice) };
    }
  }
}

function memberAt(block: number, slot: number, career: Career, dice: Dice): MemberRow {
  const index = memberIndex(block, slot);
  const at = recordedAt(index);
  const { person } = dice.faker;
  const drawn = { firstName: person.firstName(), lastName: person.lastName() };
  const { firstName, lastName } = (block === 0 && linkedAccountAt(slot)) || drawn;
  const { status, classification } = shapeAt(slot);
  const place = addressFrom(dice, true);
  const numberForm = numberForms[index % numberForms.length];
  return {
    id: memberId(index),
    created_at: at,
    updated_at: at,
    deleted_at: null,
    member_number: numberForm ? numberForm(index) : `${index}`,
    first_name: firstName,
    last_name: lastName,
    middle_name: dice.chance(40) ? person.firstName() : dice.chance(30) ? `${dice.faker.string.alpha({ casing: 'upper' })}.` : null,
    status,
    classification,
    ...place,
    phone: dice.chance(94) ? phoneFrom(dice) : null,
    email: dice.chance(88) ? `${firstName}.${lastName}`.toLowerCase().replace(/[^a-z.]/g, '') + `${index + 1}@example.net` : null,
    date_of_birth: career.birth,
    hire_date: career.hired,
    notes: notesFor(status, career, dice),
  };
}

function linkedAccountAt(slot: number): { firstName: string; lastName: string } | undefined {
  const username = Object.entries(linkedMembers).find(([, place]) => place === slot)?.[0];
  return username === undefined ? undefined : accountOf(username);
}

function notesFor(status: MemberStatus, { ended }: Career, dice: Dice): string | null {
  if (status === SUSPENDED) return 'Dues unpaid for two quarters; a payment plan was offered.';
  if (status === RETIRED && ended) return `Retired in ${yearOf(ended)}; attends the retirees’ breakfast.`;
  if (status === DECEASED) return 'Death benefit paid to the family.';
  if (status === INACTIVE) return 'On withdrawal card, working outside the trade.';
  return dice.chance(12)
    ? dice.pick(['Volunteers at the food bank.', 'Prefers letters to e-mail.', 'Certified welder.', 'Speaks Spanish.'])
    : null;
}

const rates: Readonly<Record<MemberClassification, readonly [from: number, to: number]>> = {
  apprentice_1: [1_800, 2_050],
  apprentice_2: [2_100, 2_400],
  apprentice_3: [2_450, 2_800],
  apprentice_4: [2_850, 3_200],
  apprentice_5: [3_250, 3_600],
  journeyman: [3_950, 4_600],
  foreman: [4_650, 5_300],
  retiree: [2_600, 3_400],
  honorary: [2_900, 3_500],
};

const jobs: readonly string[] = [
  'Journeyman Wireman',
  'Journeyman Lineman',
  'Service Technician',
  'Maintenance Electrician',
  'Controls Technician',
];

/** Returns one to three employments in order. The last one may continue today. */
function employmentsAt(block: number, slot: number, career: Career, dice: Dice): MemberEmploymentRow[] {
  const room = daysBetween(career.hired, career.lastStart);
  const earlier = room < 200 ? 0 : dice.between(0, room < 900 ? 1 : 2);
  const employments: MemberEmploymentRow[] = [];
  for (let nth = 0; nth < earlier; nth += 1) {
    const start = plusDays(career.hired, Math.floor((room / earlier) * nth));
    const end = plusDays(career.hired, Math.floor((room / earlier) * (nth + 1)) - dice.between(3, 60));
    employments.push(employmentAt(block, slot, nth, start, end, dice, organizationId(employerIndex(block, slot * 5 + nth + 1))));
  }
  employments.push(employmentAt(block, slot, earlier, career.lastStart, career.ended, dice, employerIdOf(block, slot)));
  return employments;
}

function employmentAt(
  block: number,
  slot: number,
  nth: number,
  start: string,
  end: string | null,
  dice: Dice,
  employer: string,
): MemberEmploymentRow {
  const index = memberIndex(block, slot);
  const { classification } = shapeAt(slot);
  const [from, to] = rates[classification];
  const earnedOnce = end === null ? 100 : dice.between(72, 96);
  const at = later(recordedAt(index), instantOn(start, 0));
  return {
    id: idOf('member_employments', `${index}.${nth}`, at),
    created_at: at,
    updated_at: end === null ? at : later(at, instantOn(end, 0)),
    member_id: memberId(index),
    organization_id: employer,
    start_date: start,
    end_date: end,
    job_title: titleOf(classification, dice),
    hourly_rate: money(Math.round((dice.between(from, to) * earnedOnce) / 100)),
  };
}

function titleOf(classification: MemberClassification, dice: Dice): string {
  if (yearOfApprenticeship(classification) > 0) return 'Apprentice Wireman';
  return classification === FOREMAN ? dice.pick(['Foreman', 'General Foreman']) : dice.pick(jobs);
}

const later = (a: Date, b: Date): Date => (a > b ? a : b);

/** Formats cents as an amount with two decimals. */
export const money = (cents: number): string => `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
