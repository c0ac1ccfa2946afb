import { openGrievanceStatuses, Grievance } from '../../entities/grievance.ts';
import { Organization } from '../../entities/organization.ts';
import { conflict } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { assertVersion, findVisible, flush } from '../record/index.ts';
import type { Scope } from '../scope.ts';

/**
 * Deletes an organization: it leaves every list and lookup, and what is recorded about it keeps showing it. Its contacts
 * stay as they are, out of sight with it; salting activities are records, and stand in no way.
 * @returns its id.
 * @throws BAD_INPUT for what is no id; NOT_FOUND; CONFLICT while a grievance against it has not ended.
 */
export async function deleteOrganization(scope: Scope, id: string, version?: number | null): Promise<string> {
  const isDeleted = await scope.transaction(async (tx) => {
    // a grievance against it locks the row too, so one of the two waits for the other
    const organization = await findVisible(tx, Organization, id, { isHeld: true });
    assertVersion(organization, version);
    const open = await tx.em.count(Grievance, { employer: organization.id, status: { $in: openGrievanceStatuses } });
    if (open > 0) return false;
    organization.deletedAt = scope.now();
    recordChange(tx, {
      action: 'organization.delete',
      targetType: 'Organization',
      targetId: organization.id,
    });
    await flush(tx);
    return true;
  });
  if (!isDeleted) throw conflict('The organization has open grievances. Close them first.', 'OPEN_CASES', []);
  return id;
}
