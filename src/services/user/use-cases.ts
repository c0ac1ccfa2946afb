import { assignRole } from './assign-role.ts';
import { createUser } from './create-user.ts';
import { deactivateUser } from './deactivate-user.ts';
import { deleteUser } from './delete-user.ts';
import { endUserSessions } from './end-user-sessions.ts';
import { reactivateUser } from './reactivate-user.ts';
import { removeSecondFactor } from './remove-second-factor.ts';
import { transferOwnership } from './transfer-ownership.ts';
import { unassignRole } from './unassign-role.ts';
import { unlockUser } from './unlock-user.ts';
import { updateUser } from './update-user.ts';
import { verifyUser } from './verify-user.ts';

/** Accounts and their roles. Every change of a user returns the user's id. */
export const users = {
  create: createUser,
  update: updateUser,
  verify: verifyUser,
  deactivate: deactivateUser,
  reactivate: reactivateUser,
  unlock: unlockUser,
  endSessions: endUserSessions,
  removeSecondFactor,
  delete: deleteUser,
  assignRole,
  unassignRole,
  transferOwnership,
};
