import { Organization, organizationProblems, OrganizationType, type OrganizationFacts } from '../../entities/organization.ts';
import type { ImportScope } from '../record/import.ts';
import { contactColumns, named, oneOf, text, wholeNumber } from '../record/cell.ts';
import { importRecords, type Importable, type ImportOptions, type ImportOutcome } from '../record/import.ts';

/** The columns that a file of organizations may have. */
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
 * Adds the organizations of a CSV file, all or none. One that is there already and is what the file says is passed over;
 * where the file says something else of a name that is there, that is a problem of its line, or with `updates` a change of
 * the organization. Two of a file may have the same name.
 * @throws {ImportError} where nothing of the file can be imported.
 */
export const importOrganizations = (
  scope: ImportScope,
  source: AsyncIterable<Uint8Array>,
  options: ImportOptions,
): Promise<ImportOutcome> => importRecords(scope, source, { kind: organizations, options });
