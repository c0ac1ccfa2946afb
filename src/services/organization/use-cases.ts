import { addContact, deleteContact, updateContact } from './contact.ts';
import { createOrganization } from './create-organization.ts';
import { deleteOrganization } from './delete-organization.ts';
import { updateOrganization } from './update-organization.ts';

/** Employers and other organizations with their contacts. Every use case returns the organization's id. */
export const organizations = {
  create: createOrganization,
  update: updateOrganization,
  delete: deleteOrganization,
  addContact,
  updateContact,
  deleteContact,
};
