import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Viewer } from '../../entities/viewer.ts';
import { assignRole, type AssignRoleInput } from './assign.ts';
import { createUser, type CreateUserInput } from './create.ts';
import { deactivateUser } from './deactivate.ts';
import { deleteUser } from './delete.ts';
import { changeEmail } from './email.ts';
import { removeSecondFactor } from './factor.ts';
import { updateProfile, type UpdateProfileInput } from './profile.ts';
import { reactivateUser } from './reactivate.ts';
import { endUserSessions } from './sessions.ts';
import type { Origin, UserTools } from './tools.ts';
import { transferOwnership } from './transfer.ts';
import { unassignRole } from './unassign.ts';
import { unlockUser } from './unlock.ts';
import { updateUser, type UpdateUserInput } from './update.ts';
import { verifyUser } from './verify.ts';

export { AssignRoleInput } from './assign.ts';
export { BreachedPasswords } from './breach.ts';
export { CreateUserInput } from './create.ts';
export { removeSecondFactorOf } from './factor.ts';
export { UpdateProfileInput } from './profile.ts';
export { disableSeededUsers, findSeededUsers, refuseSeededUsers, SeededError } from './seeded.ts';
export { UpdateUserInput } from './update.ts';
export type { UserTools } from './tools.ts';

/** Who uses the service, and as what. What changes a user answers the user's id. */
export class UserService {
  constructor(
    private readonly em: SqlEntityManager,
    private readonly tools: UserTools,
  ) {}

  /** @throws BAD_INPUT */
  updateProfile(viewer: Viewer, input: UpdateProfileInput, origin: Origin): Promise<string> {
    return updateProfile(this.em, this.tools, viewer, input, origin);
  }

  /** @throws BAD_INPUT; RATE_LIMITED. */
  changeEmail(viewer: Viewer, email: string, origin: Origin): Promise<string> {
    return changeEmail(this.em, this.tools, viewer, email, origin);
  }

  /** @throws BAD_INPUT; NOT_FOUND. */
  create(viewer: Viewer, input: CreateUserInput, origin: Origin): Promise<string> {
    return createUser(this.em, this.tools, viewer, input, origin);
  }

  /** @throws BAD_INPUT; NOT_FOUND; FORBIDDEN for the own member record; CONFLICT for the owner's address. */
  update(viewer: Viewer, id: string, input: UpdateUserInput, origin: Origin): Promise<string> {
    return updateUser(this.em, this.tools, viewer, id, input, origin);
  }

  /** @throws NOT_FOUND; CONFLICT where the address is another account's. */
  verify(viewer: Viewer, id: string, origin: Origin): Promise<string> {
    return verifyUser(this.em, this.tools, viewer, id, origin);
  }

  /** @throws NOT_FOUND; FORBIDDEN for oneself; CONFLICT for the owner and the last admin. */
  deactivate(viewer: Viewer, id: string, origin: Origin): Promise<string> {
    return deactivateUser(this.em, this.tools, viewer, id, origin);
  }

  /** @throws NOT_FOUND; CONFLICT while the user's member is deleted. */
  reactivate(viewer: Viewer, id: string, origin: Origin): Promise<string> {
    return reactivateUser(this.em, this.tools, viewer, id, origin);
  }

  /** @throws NOT_FOUND */
  unlock(viewer: Viewer, id: string, origin: Origin): Promise<string> {
    return unlockUser(this.em, this.tools, viewer, id, origin);
  }

  /** @throws BAD_INPUT; NOT_FOUND; FORBIDDEN for oneself. */
  endSessions(viewer: Viewer, userId: string, origin: Origin): Promise<string> {
    return endUserSessions(this.em, this.tools, viewer, userId, origin);
  }

  /** @throws BAD_INPUT; NOT_FOUND; FORBIDDEN for oneself; CONFLICT for the owner, and where there is none. */
  removeSecondFactor(viewer: Viewer, userId: string, origin: Origin): Promise<string> {
    return removeSecondFactor(this.em, this.tools, viewer, userId, origin);
  }

  /** @throws NOT_FOUND; FORBIDDEN for oneself; CONFLICT for the owner, the last admin, and who has open cases. */
  delete(viewer: Viewer, id: string, origin: Origin): Promise<string> {
    return deleteUser(this.em, this.tools, viewer, id, origin);
  }

  /** @throws BAD_INPUT; NOT_FOUND; FORBIDDEN for oneself; CONFLICT for the owner and the last admin. */
  assignRole(viewer: Viewer, input: AssignRoleInput, origin: Origin): Promise<string> {
    return assignRole(this.em, this.tools, viewer, input, origin);
  }

  /** @throws BAD_INPUT; NOT_FOUND; FORBIDDEN for oneself; CONFLICT for the owner and the last admin. */
  unassignRole(viewer: Viewer, held: { readonly userId: string; readonly roleId: string }, origin: Origin): Promise<string> {
    return unassignRole(this.em, this.tools, viewer, held, origin);
  }

  /** @throws BAD_INPUT; NOT_FOUND; FORBIDDEN; CONFLICT for who cannot be the owner. */
  transferOwnership(viewer: Viewer, userId: string, origin: Origin): Promise<string> {
    return transferOwnership(this.em, this.tools, viewer, userId, origin);
  }
}
