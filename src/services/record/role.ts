import { Role, RoleName, systemRoles } from '../../entities/role.ts';
import type { EntityScope } from '../scope.ts';

/** Creates the missing system roles. Concurrent transactions may do so: existing roles stay unchanged. */
export async function makeRoles({ em }: EntityScope): Promise<void> {
  const roles = Object.values(RoleName).map((name) => {
    const [displayName, description] = systemRoles[name];
    return new Role({ name, displayName, description, isSystemRole: true, basedOn: name });
  });
  await em.upsertMany(Role, roles, { onConflictFields: ['name'], onConflictAction: 'ignore' });
}
