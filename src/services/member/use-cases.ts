import { createMember } from './create-member.ts';
import { deleteMember } from './delete-member.ts';
import { endEmployment, startEmployment, updateEmployment } from './employment.ts';
import { updateMember } from './update-member.ts';

/** The members of the local and their employments. Every use case returns the member's id. */
export const members = {
  create: createMember,
  update: updateMember,
  delete: deleteMember,
  startEmployment,
  updateEmployment,
  endEmployment,
};
