import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Viewer } from '../../entities/viewer.ts';
import type { ChangeTools, Requester } from '../audit/event.ts';
import type { Acting } from '../record/index.ts';
import { addContact, removeContact, updateContact, type OrganizationContactInput } from './contact.ts';
import { create, type CreateOrganizationInput } from './create.ts';
import { remove } from './delete.ts';
import { update, type UpdateOrganizationInput } from './update.ts';

export { OrganizationContactInput } from './contact.ts';
export { importOrganizations } from './import.ts';
export { CreateOrganizationInput } from './create.ts';
export { UpdateOrganizationInput } from './update.ts';

/** The organizations that the local deals with, and the people to talk to there. Each verb answers the organization's id. */
export class OrganizationService {
  private readonly acting: Acting;

  constructor(em: SqlEntityManager, tools: ChangeTools, viewer: Viewer, requester: Requester) {
    this.acting = { em, tools, viewer, requester };
  }

  /** @throws BAD_INPUT */
  create(input: CreateOrganizationInput): Promise<string> {
    return create(this.acting, input);
  }

  /** @throws BAD_INPUT; NOT_FOUND; CONFLICT for another version. */
  update(id: string, input: UpdateOrganizationInput): Promise<string> {
    return update(this.acting, id, input);
  }

  /** @throws BAD_INPUT; NOT_FOUND; CONFLICT while it has open cases. */
  delete(id: string, version: number | null): Promise<string> {
    return remove(this.acting, id, version);
  }

  /** @throws BAD_INPUT; NOT_FOUND. */
  addContact(organizationId: string, input: OrganizationContactInput): Promise<string> {
    return addContact(this.acting, organizationId, input);
  }

  /** @throws BAD_INPUT; NOT_FOUND; CONFLICT for another version. */
  updateContact(id: string, input: OrganizationContactInput): Promise<string> {
    return updateContact(this.acting, id, input);
  }

  /** @throws BAD_INPUT; NOT_FOUND; CONFLICT for another version. */
  deleteContact(id: string, version: number | null): Promise<string> {
    return removeContact(this.acting, id, version);
  }
}
