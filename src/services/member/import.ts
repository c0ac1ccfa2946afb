import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { Member, MemberClassification, memberProblems, MemberStatus, type MemberFacts } from '../../entities/member.ts';
import type { ChangeTools } from '../audit/event.ts';
import { day, oneOf, text } from '../record/cell.ts';
import { importRecords, type Importable, type ImportOptions, type ImportOutcome } from '../record/import.ts';

const members: Importable<Member> = {
  entity: Member,
  type: 'Member',
  action: 'member.import',
  columns: {
    memberNumber: text,
    firstName: text,
    lastName: text,
    middleName: text,
    status: oneOf(Object.values(MemberStatus)),
    classification: oneOf(Object.values(MemberClassification)),
    address: text,
    city: text,
    state: text,
    zipCode: text,
    phone: text,
    email: text,
    dateOfBirth: day,
    hireDate: day,
    notes: text,
  },
  needed: ['memberNumber', 'firstName', 'lastName', 'classification'],
  key: 'memberNumber',
  isKeyUnique: true,
  problems: memberProblems,
  make: (facts) => new Member(facts as MemberFacts),
};

/**
 * Adds the members of a CSV file, all or none. A member who is there already, by number, and is what the file says, is
 * passed over; where the file says something else, that is a problem of its line.
 * @throws {ImportError} where nothing of the file can be imported.
 */
export const importMembers = (
  em: SqlEntityManager,
  tools: ChangeTools,
  source: AsyncIterable<Uint8Array>,
  options: ImportOptions,
): Promise<ImportOutcome> => importRecords(em, tools, source, members, options);
