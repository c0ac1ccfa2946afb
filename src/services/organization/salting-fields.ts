import { OrganizationAction, saltingFields, type OrganizationFacts } from '../../entities/organization.ts';
import type { Viewer } from '../../entities/viewer.ts';
import type { FieldProblem } from '../../errors.ts';

const salting: readonly string[] = saltingFields;

/** Returns the problems of given fields that this viewer may not change, whatever their values. */
export function saltingFieldProblems(viewer: Viewer, given: Partial<OrganizationFacts>): FieldProblem[] {
  const actionOn = (path: string): OrganizationAction =>
    salting.includes(path) ? OrganizationAction.SALT : OrganizationAction.UPDATE;
  return Object.keys(given)
    .filter((path) => !viewer.may('Organization', actionOn(path), false))
    .map((path) => ({ path, message: 'cannot be changed with your roles' }));
}
