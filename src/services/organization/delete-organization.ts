import { openGrievanceStatuses, Grievance } from '../../entities/grievance.ts';
import { Organization } from '../../entities/organization.ts';
import { conflict } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { assertVersion, findVisible, flush } from '../record/index.ts';
import type { Scope } from '../scope.ts';

/**
 * Deletes an organization: it leaves every list and lookup, but records about it still show it. Its contacts stay
 * unchanged and are hidden with it. Salting activities do not prevent the deletion.
 * @returns its id.
 * @throws BAD_INPUT if the id is malformed; NOT_FOUND; CONFLICT while a grievance against it has not ended.
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
