import { BenevolenceApplication, openBenevolenceStatuses } from '../../entities/benevolence.ts';
import { Grievance, openGrievanceStatuses } from '../../entities/grievance.ts';
import { Member } from '../../entities/member.ts';
import { User } from '../../entities/user.ts';
import { conflict, type Refusal } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { assertVersion, findVisible, flush } from '../record/index.ts';
import type { Scope } from '../scope.ts';

/**
 * Deletes a member: they leave every list and lookup, but records about them still show them. Their number is not
 * reused.
 * @returns the member's id.
 * @throws BAD_INPUT if the id is malformed; NOT_FOUND; CONFLICT while the member has an open case, or an account that
 * may sign in.
 */
export async function deleteMember(scope: Scope, id: string, version?: number | null): Promise<string> {
  const obstacle = await scope.transaction(async (tx) => {
    // a filing or an application for the member locks the row too, so one of the two waits for the other
    const member = await findVisible(tx, Member, id, { isHeld: true });
    assertVersion(member, version);
    const found = await obstacleTo(tx, member);
    if (found !== null) return found;
    member.deletedAt = scope.now();
    recordChange(tx, { action: 'member.delete', targetType: 'Member', targetId: member.id });
    await flush(tx);
    return null;
  });
  if (obstacle !== null) throw obstacle;
  return id;
}

async function obstacleTo(scope: Scope, member: Member): Promise<Refusal | null> {
  const { id } = member;
  const grievances = await scope.em.count(Grievance, { member: id, status: { $in: openGrievanceStatuses } });
  const applications = await scope.em.count(BenevolenceApplication, {
    member: id,
    status: { $in: openBenevolenceStatuses },
  });
  if (grievances + applications > 0) return conflict('The member has open cases. Close them first.', 'OPEN_CASES', []);
  // accounts count even if the caller cannot see them
  const accounts = await scope.em.count(User, { member: id, isActive: true, deletedAt: null }, { filters: false });
  return accounts > 0 ? conflict('The member has an active account. Deactivate it first.', 'HAS_ACCOUNT', []) : null;
}
