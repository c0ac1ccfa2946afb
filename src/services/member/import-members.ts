import {
  Member,
  MemberClassification,
  memberProblems,
  MemberStatus,
  oneName,
  type MemberFacts,
} from '../../entities/member.ts';
import type { ImportScope } from '../record/import.ts';
import { contactColumns, day, named, oneOf, text } from '../record/cell.ts';
import {
  importRecords,
  type RecordFields,
  type Importable,
  type ImportOptions,
  type ImportOutcome,
} from '../record/import.ts';
import { changeProblems } from './update-member.ts';

const missing = `is missing: ${oneName}`;

/** The possible columns of a file of members. */
export const memberColumns = {
  memberNumber: named(text, 'Member ID', 'Membership number', 'Membership ID', 'Card number', 'Book number'),
  firstName: { ...named(text, 'First', 'Given name'), missing },
  lastName: { ...named(text, 'Last', 'Surname', 'Family name'), missing },
  middleName: named(text, 'Middle', 'Middle initial', 'MI'),
  suffix: named(text, 'Name suffix'),
  status: named(oneOf(Object.values(MemberStatus)), 'Member status', 'Standing'),
  classification: named(oneOf(Object.values(MemberClassification)), 'Class', 'Trade classification'),
  ...contactColumns,
  dateOfBirth: named(day, 'DOB', 'Birth date', 'Birthday'),
  hireDate: named(day, 'Hired', 'Date hired', 'Date of hire', 'Date joined', 'Join date', 'Initiation date'),
  notes: named(text, 'Note', 'Comments', 'Remarks'),
} as const;

const members: Importable<Member> = {
  entity: Member,
  type: 'Member',
  actions: { add: 'member.import', update: 'member.update' },
  columns: memberColumns,
  combine: withSuffix,
  needed: ['memberNumber', 'firstName', 'lastName', 'classification'],
  key: 'memberNumber',
  isKeyUnique: true,
  problems: memberProblems,
  changeProblems,
  make: (facts) => new Member(facts as MemberFacts),
};

/** Appends a suffix to the last name, where it does not affect the order. The last name may already end with it. */
function withSuffix({ suffix, ...given }: RecordFields): RecordFields {
  const { lastName } = given;
  if (typeof lastName !== 'string' || typeof suffix !== 'string') return given;
  const plain = (text: string): string => text.toLowerCase().replace(/[.,]/g, '');
  return plain(lastName).endsWith(` ${plain(suffix)}`) ? given : { ...given, lastName: `${lastName} ${suffix}` };
}

/**
 * Adds the members of a CSV file, all or none. Skips a member, found by number, whose record matches the file. If the
 * record differs, its line is a problem; with `updates`, the member is changed.
 * @throws {ImportError} if nothing of the file can be imported.
 */
export const importMembers = (
  scope: ImportScope,
  source: AsyncIterable<Uint8Array>,
  options: ImportOptions,
): Promise<ImportOutcome> => importRecords(scope, source, { kind: members, options });
