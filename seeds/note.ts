import { MemberNoteCategory, MemberNoteVisibility } from '../src/entities/note.ts';
import { userId } from './account.ts';
import { daysAgo, instantOn, plusDays } from './calendar.ts';
import type { Dossier, ScaledKind } from './dossier.ts';
import { idOf } from './id.ts';
import { memberId, memberIndex } from './member.ts';

const { CONTACT, DUES, GRIEVANCE, REFERRAL, GENERAL } = MemberNoteCategory;

/** A note that every block contains. */
interface Note {
  /** The place of the member in the block. */
  readonly member: number;
  readonly daysAgo: number;
  readonly author: string;
  readonly category: MemberNoteCategory;
  readonly isForOfficers?: true;
  readonly isPinned?: true;
  readonly text: string;
  /** The corrected text three days later, with its author. */
  readonly amended?: readonly [author: string, text: string];
}

const notes: readonly Note[] = [
  { member: 3, daysAgo: 410, author: 'staff', category: CONTACT, text: 'Called twice about the new address. Left a message.' },
  { member: 8, daysAgo: 388, author: 'staff', category: DUES, text: 'Paid three months in cash at the counter. Receipt given.' },
  {
    member: 8,
    daysAgo: 352,
    author: 'officer',
    category: DUES,
    text: 'Asked for a payment plan.',
    amended: ['officer', 'Asked for a payment plan: two months now, the rest by the end of the quarter.'],
  },
  { member: 12, daysAgo: 301, author: 'staff', category: REFERRAL, text: 'Prefers jobs within an hour of home because of child care.' },
  {
    member: 12,
    daysAgo: 277,
    author: 'president',
    category: GRIEVANCE,
    isForOfficers: true,
    text: 'Told us about the foreperson in confidence. Do not name the source to the employer.',
  },
  { member: 17, daysAgo: 240, author: 'staff', category: GENERAL, isPinned: true, text: 'Needs an interpreter for Polish at meetings.' },
  { member: 21, daysAgo: 198, author: 'admin', category: CONTACT, text: 'E-mail bounces. Reach by telephone only.' },
  {
    member: 21,
    daysAgo: 176,
    author: 'staff',
    category: REFERRAL,
    isForOfficers: true,
    text: 'Left a job after an argument. Wants to explain it to an officer.',
    amended: ['staff', 'Left a job after an argument. Explained it to the business manager, who took no action.'],
  },
  { member: 26, daysAgo: 150, author: 'staff', category: GRIEVANCE, text: 'Brought copies of two pay stubs. They are in the case folder.' },
  {
    member: 30,
    daysAgo: 121,
    author: 'manager',
    category: GENERAL,
    isForOfficers: true,
    text: 'Considering a run for the executive board. Not public yet.',
  },
  { member: 34, daysAgo: 96, author: 'staff', category: DUES, text: 'Employer deducted dues twice in February. Refund requested.' },
  {
    member: 38,
    daysAgo: 73,
    author: 'officer',
    category: CONTACT,
    isForOfficers: true,
    isPinned: true,
    text: 'Speaks for the night shift. Ask before any leaflet goes out.',
  },
  {
    member: 41,
    daysAgo: 52,
    author: 'staff',
    category: REFERRAL,
    text: 'Welding certificate expires soon.',
    amended: ['admin', 'Welding certificate renewed. A copy is on file.'],
  },
  {
    member: 45,
    daysAgo: 31,
    author: 'vp',
    category: GRIEVANCE,
    isForOfficers: true,
    text: 'Threatened to go to the press. Spoke with them on Friday.',
  },
  { member: 49, daysAgo: 12, author: 'staff', category: GENERAL, text: 'Retires in June. Invite to the pin ceremony.' },
];

/** Notes of the office about members. */
export const memberNotes: ScaledKind = {
  table: 'member_notes',
  parts: ['member_note_revisions'],
  perBlock: notes.length,
  dossiers: noteDossiers,
};

function* noteDossiers(scale: number): Generator<Dossier> {
  for (let block = 0; block < scale; block += 1) for (const [slot, note] of notes.entries()) yield dossierOf(block, slot, note);
}

function dossierOf(block: number, slot: number, note: Note): Dossier {
  const day = daysAgo(note.daysAgo);
  const index = block * notes.length + slot;
  const texts = [{ author: note.author, text: note.text, at: instantOn(day, slot) }];
  if (note.amended) texts.push({ author: note.amended[0], text: note.amended[1], at: instantOn(plusDays(day, 3), slot) });
  const [first, last] = [texts[0], texts.at(-1)] as [(typeof texts)[number], (typeof texts)[number]];
  const id = idOf('member_notes', index, first.at);
  const row = {
    id,
    created_at: first.at,
    updated_at: last.at,
    deleted_at: null,
    member_id: memberId(memberIndex(block, note.member)),
    author_id: userId(note.author),
    text: last.text,
    visibility: note.isForOfficers ? MemberNoteVisibility.OFFICERS : MemberNoteVisibility.OFFICE,
    category: note.category,
    is_pinned: note.isPinned ?? false,
    version: texts.length,
  };
  const revisions = texts.map(({ author, text, at }, place) => ({
    id: idOf('member_note_revisions', `${index}/${place + 1}`, at),
    created_at: at,
    updated_at: at,
    note_id: id,
    number: place + 1,
    text,
    author_id: userId(author),
  }));
  return { member_notes: [row], member_note_revisions: revisions };
}
