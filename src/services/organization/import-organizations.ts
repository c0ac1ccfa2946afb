import {
  Organization,
  organizationProblems,
  OrganizationType,
  type OrganizationFacts,
} from '../../entities/organization.ts';
import type { ImportScope } from '../record/import.ts';
import { contactColumns, named, oneOf, text, wholeNumber } from '../record/cell.ts';
import { importRecords, type Importable, type ImportOptions, type ImportOutcome } from '../record/import.ts';

/** The possible columns of a file of organizations. */
export const organizationColumns = {
  name: named(text, 'Organization', 'Organization name', 'Employer', 'Employer name', 'Company', 'Company name'),
  orgType: named(oneOf(Object.values(OrganizationType)), 'Type', 'Organization type'),
  unitSize: named(wholeNumber, 'Workers', 'Employees', 'Headcount'),
  ...contactColumns,
  website: named(text, 'Web', 'URL', 'Web page', 'Home page'),
  saltingScore: wholeNumber,
  saltingNotes: text,
} as const;

const organizations: Importable<Organization> = {
  entity: Organization,
  type: 'Organization',
  actions: { add: 'organization.import', update: 'organization.update' },
  columns: organizationColumns,
  needed: ['name', 'orgType'],
  key: 'name',
  isKeyUnique: false,
  problems: organizationProblems,
  changeProblems: (_, changes) => organizationProblems(changes),
  make: (facts) => new Organization(facts as OrganizationFacts),
};

/**
 * Adds the organizations of a CSV file, all or none. Skips an existing organization that matches the file. If one with
 * the same name differs, the line is a problem; with `updates`, the organization is changed. A file may repeat a name.
 * @throws {ImportError} if nothing of the file can be imported.
 */
export const importOrganizations = (
  scope: ImportScope,
  source: AsyncIterable<Uint8Array>,
  options: ImportOptions,
): Promise<ImportOutcome> => importRecords(scope, source, { kind: organizations, options });
