import { beforeAll, expect, it } from '@jest/globals';
import { aLocal, type Local } from './support/local.ts';

// The embedded database has one connection and so no races: these run on a server.
const parallel = 32;
const rounds = 4;

const registerOn = 'mutation ($input: RegisterOnBookInput!) { made: registerOnBook(input: $input) { id place } }';
const resignIt = 'mutation ($id: ID!) { resignRegistration(id: $id) { id } }';
const leaveIt = 'mutation ($id: ID!) { leaveBook(id: $id) { id } }';

let local: Local;
let calendarId: string;
let count = 0;

beforeAll(async () => {
  local = await aLocal({ engine: 'postgresql', comparesExecutions: false });
  const [row] = await local.sql('select id from holiday_calendars order by name limit 1');
  calendarId = row?.['id'] as string;
});

async function aBook(): Promise<string> {
  const input = { name: 'Wire', code: `R${(count += 1)}`, calendarId, resignRule: 'EVERY_DAYS', resignDays: 30 };
  const create = 'mutation ($input: CreateReferralBookInput!) { made: createReferralBook(input: $input) { id } }';
  return (await local.officer.see<{ made: { id: string } }>(create, { input })).made.id;
}

async function aTraveler(): Promise<string> {
  const input = { firstName: 'Toni', lastName: `Traveler ${(count += 1)}` };
  const add = 'mutation ($input: AddRegistrantInput!) { made: addRegistrant(input: $input) { id } }';
  return (await local.officer.see<{ made: { id: string } }>(add, { input })).made.id;
}

const register = (bookId: string, registrantId: string) =>
  local.officer.ask<{ made: { id: string; place: number } }>(registerOn, { input: { bookId, registrantId, groupNumber: 1 } });

it('registrations at once have as many places, in one order', async () => {
  for (let round = 0; round < rounds; round += 1) {
    const bookId = await aBook();
    const registrants = await Promise.all(Array.from({ length: parallel }, aTraveler));
    const answers = await Promise.all(registrants.map((each) => register(bookId, each)));
    const places = answers.map(({ data }) => data.made.place);
    expect(places.sort((one, other) => one - other)).toEqual(registrants.map((_, place) => place + 1));
    const query = 'query ($bookId: ID!) { list: outOfWorkList(bookId: $bookId) { entries { registrationId } } }';
    const { list } = await local.staff.see<{ list: { entries: { registrationId: string }[] } }>(query, { bookId });
    const stored = await local.sql('select id from registrations where book_id = $1 order by place', [bookId]);
    expect(list.entries.map(({ registrationId }) => registrationId)).toEqual(stored.map(({ id }) => id));
  }
});

it('one registrant who registers many times at once is on the book once', async () => {
  for (let round = 0; round < rounds; round += 1) {
    const [bookId, registrantId] = [await aBook(), await aTraveler()];
    const answers = await Promise.all(Array.from({ length: parallel }, () => register(bookId, registrantId)));
    expect(answers.flatMap(({ codes }) => codes)).toEqual(Array(parallel - 1).fill('CONFLICT'));
    expect(await local.sql('select last_place from referral_books where id = $1', [bookId])).toEqual([{ last_place: 1 }]);
  }
});

it('re-signing and leaving at once is an order of events with one end', async () => {
  for (let round = 0; round < rounds; round += 1) {
    const { data } = await register(await aBook(), await aTraveler());
    const { id } = data.made;
    const acts = Array.from({ length: parallel }, (_, place) => (place % 2 === 0 ? resignIt : leaveIt));
    const answers = await Promise.all(acts.map((act) => local.officer.ask(act, { id })));
    const events = await local.sql('select number, action from registration_events where registration_id = $1 order by number', [id]);
    const done = answers.filter(({ codes }) => codes.length === 0).length;
    expect(events.map(({ number }) => number)).toEqual(Array.from({ length: done + 1 }, (_, place) => place + 1));
    expect(events.filter(({ action }) => action === 'end')).toEqual([events.at(-1)]);
  }
});
