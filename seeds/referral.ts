import type { ResignRules } from '../src/entities/referral.ts';
import { ListView, RegistrationAction, RegistrationEndReason, resignBy, ResignRule } from '../src/entities/referral.ts';
import { usualWorkweek } from '../src/entities/calendar.ts';
import { userId } from './account.ts';
import { daysAgo, instantOn, workday } from './calendar.ts';
import type { Dossier, Kind, ScaledKind } from './dossier.ts';
import { calendarId, holidayDays } from './holiday.ts';
import { idOf, takenOverAt } from './id.ts';
import { memberId, memberIndex } from './member.ts';
import { phoneFrom } from './place.ts';
import { Dice } from './random.ts';
import type { ReferralBookRow, RegistrationEventRow } from './row.ts';

const at = takenOverAt(0);
const calendar = { workweek: usualWorkweek, holidays: holidayDays };

interface Book extends ResignRules {
  readonly name: string;
  readonly code: string;
  readonly view: ListView;
}

const every30 = { resignRule: ResignRule.EVERY_DAYS, resignDays: 30 };

const books: readonly Book[] = [
  { name: 'Wire Ridgemont', code: 'WR', ...every30, view: ListView.FULL },
  { name: 'Wire Port Haldane', code: 'WP', ...every30, view: ListView.FULL },
  { name: 'Wire Garrison', code: 'WG', resignRule: ResignRule.MONTHLY_WINDOW, windowFrom: 10, windowTo: 16, view: ListView.FULL },
  { name: 'Tradeshow', code: 'TS', ...every30, view: ListView.POSITION },
];

const bookId = ({ code }: Book): string => idOf('referral_books', code, at);

/** Registrants of a block: forty members, then twenty travelers. */
const [membersPerBlock, perBlock] = [40, 60];
/** The first 36 register on a second book. */
const twice = 36;
/** Registrants whose latest registration is open: 34 of them. */
const isOpen = (slot: number): boolean => slot < 34;

export const bookKind: Kind = { table: 'referral_books', parts: [] };

/** The four books. */
export const bookDossiers = (): readonly Dossier[] => books.map((book) => ({ referral_books: [bookRow(book)] }));

const bookRow = (book: Book): ReferralBookRow => ({
  id: bookId(book),
  created_at: at,
  updated_at: at,
  name: book.name,
  code: book.code,
  calendar_id: calendarId,
  resign_rule: book.resignRule,
  resign_days: book.resignDays ?? null,
  window_from: book.windowFrom ?? null,
  window_to: book.windowTo ?? null,
  list_to_registrants: book.view,
  last_place: 0,
});

/** Registrants with their registrations and what happened to them. */
export const registrants: ScaledKind = {
  table: 'registrants',
  parts: ['registrations', 'registration_events'],
  perBlock,
  dossiers: registrantDossiers,
};

function* registrantDossiers(scale: number): Generator<Dossier> {
  const dice = new Dice('registrants');
  for (let block = 0; block < scale; block += 1) {
    dice.startBlock(block);
    for (let slot = 0; slot < perBlock; slot += 1) yield dossierOf(dice, block, slot);
  }
}

function dossierOf(dice: Dice, block: number, slot: number): Dossier {
  const index = block * perBlock + slot;
  const addedAt = instantOn(daysAgo(150 - (slot % 30)), index % 240);
  const id = idOf('registrants', index, addedAt);
  const isMember = slot < membersPerBlock;
  const person = {
    first_name: isMember ? null : dice.faker.person.firstName(),
    last_name: isMember ? null : dice.faker.person.lastName(),
    home_local: isMember ? null : `Local ${dice.pick(['6', '46', '177', '340', '569'])}`,
    phone: isMember ? null : phoneFrom(dice),
  };
  const own =
    slot < twice ? [registrationOf(index, slot, id, 0), registrationOf(index, slot, id, 1)] : [registrationOf(index, slot, id, 1)];
  return {
    registrants: [
      { id, created_at: addedAt, updated_at: addedAt, member_id: isMember ? memberId(memberIndex(block, slot)) : null, ...person },
    ],
    registrations: own.map(({ row }) => row),
    registration_events: own.flatMap(({ events }) => events),
  };
}

/** The earlier registration of a registrant has ended; the latest is open for some. */
function registrationOf(index: number, slot: number, registrant: string, nth: number) {
  const book = books[(slot + nth) % books.length] as Book;
  const isEnded = nth === 0 || !isOpen(slot);
  const signedOn = isEnded ? workday(daysAgo(110 - nth * 20 - (slot % 7))) : workday(daysAgo(14 - (slot % 14)));
  const signedAt = instantOn(signedOn, index % 240);
  const id = idOf('registrations', `${index}/${nth}`, signedAt);
  const due = resignBy(book, calendar, signedOn);
  const reason = slot % 3 === 0 ? RegistrationEndReason.OWN_REQUEST : RegistrationEndReason.RESIGN_MISSED;
  const endedAt = isEnded ? instantOn(reason === RegistrationEndReason.OWN_REQUEST ? due : daysAgo(40), index % 240) : null;
  const signed = { action: RegistrationAction.REGISTER, at: signedAt, resign_by: due, end_reason: null };
  const ended = endedAt ? [{ action: RegistrationAction.END, at: endedAt, resign_by: null, end_reason: reason }] : [];
  return {
    row: {
      id,
      created_at: signedAt,
      updated_at: endedAt ?? signedAt,
      registrant_id: registrant,
      book_id: bookId(book),
      group_number: slot < membersPerBlock ? 1 : 2,
      registered_at: signedAt,
      rank_at: signedAt,
      place: index * 2 + nth + 1,
      resign_by: due,
      ended_at: endedAt,
      end_reason: endedAt ? reason : null,
    },
    events: [signed, ...ended].map((event, place): RegistrationEventRow => ({
      id: idOf('registration_events', `${index}/${nth}/${place + 1}`, event.at),
      registration_id: id,
      number: place + 1,
      ...event,
      note: null,
      actor_id: userId('officer'),
    })),
  };
}
