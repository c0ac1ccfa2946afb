import { MemberNote, MemberNoteRevision, MemberNoteVisibility } from '../entities/note.ts';
import { RoleName } from '../entities/role.ts';
import { everyRow } from '../entities/rule.ts';
import { allow, rule, type Operations } from './rule.ts';

const { ADMIN, OFFICER, STAFF } = RoleName;
const office = allow(ADMIN, OFFICER, STAFF);

export const operations: Operations = {
  Query: { memberNotes: office, memberNote: office },
  Mutation: { addMemberNote: office, amendMemberNote: office, pinMemberNote: office, deleteMemberNote: office },
};

/** The notes that the whole office may read, and those that the viewer wrote. */
const forStaff = (row: string): string =>
  `(${row}.visibility = '${MemberNoteVisibility.OFFICE}' or ${row}.author_id = :user)`;

const all = { to: [ADMIN, OFFICER], ...everyRow, see: 'everything' } as const;

export const rows = [
  rule('MemberNote', MemberNote, [
    all,
    { to: [STAFF], which: 'notes for the office and notes of their own', rows: forStaff, see: 'everything' },
  ]),
  rule('MemberNoteRevision', MemberNoteRevision, [
    all,
    {
      to: [STAFF],
      which: 'revisions of notes for the office and of their own notes',
      rows: (row) => `exists (select 1 from member_notes n where n.id = ${row}.note_id and ${forStaff('n')})`,
      see: 'everything',
    },
  ]),
];
