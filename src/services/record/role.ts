import { Role, RoleName, systemRoles } from '../../entities/role.ts';
import type { EntityScope } from '../scope.ts';

/** Makes the system roles that are missing. Several transactions may do so at once: what another has made stays as it is. */
export async function makeRoles({ em }: EntityScope): Promise<void> {
  const roles = Object.values(RoleName).map((name) => {
    const [displayName, description] = systemRoles[name];
    return new Role({ name, displayName, description, isSystemRole: true, basedOn: name });
  });
  await em.upsertMany(Role, roles, { onConflictFields: ['name'], onConflictAction: 'ignore' });
}
