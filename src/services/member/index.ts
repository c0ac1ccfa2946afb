import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Viewer } from '../../entities/viewer.ts';
import type { ChangeTools, Requester } from '../audit/event.ts';
import type { Acting } from '../record/index.ts';
import { create, type CreateMemberInput } from './create.ts';
import { remove } from './delete.ts';
import { endEmployment, startEmployment, updateEmployment, type EmploymentInput, type EndEmploymentArgs } from './employment.ts';
import { update, type UpdateMemberInput } from './update.ts';

export { CreateMemberInput } from './create.ts';
export { importMembers } from './import.ts';
export { EmploymentInput, EndEmploymentArgs } from './employment.ts';
export { UpdateMemberInput } from './update.ts';

/** The members of the local, and where they work. Each verb answers the member's id. */
export class MemberService {
  private readonly acting: Acting;

  constructor(em: SqlEntityManager, tools: ChangeTools, viewer: Viewer, requester: Requester) {
    this.acting = { em, tools, viewer, requester };
  }

  /** @throws BAD_INPUT */
  create(input: CreateMemberInput): Promise<string> {
    return create(this.acting, input);
  }

  /** @throws BAD_INPUT; NOT_FOUND; CONFLICT for another version. */
  update(id: string, input: UpdateMemberInput): Promise<string> {
    return update(this.acting, id, input);
  }

  /** @throws BAD_INPUT; NOT_FOUND; CONFLICT while the member has open cases, or an account that may sign in. */
  delete(id: string, version: number | null): Promise<string> {
    return remove(this.acting, id, version);
  }

  /** @throws BAD_INPUT; NOT_FOUND. */
  startEmployment(memberId: string, input: EmploymentInput): Promise<string> {
    return startEmployment(this.acting, memberId, input);
  }

  /** @throws BAD_INPUT; NOT_FOUND; CONFLICT for another version. */
  updateEmployment(id: string, input: EmploymentInput): Promise<string> {
    return updateEmployment(this.acting, id, input);
  }

  /** @throws BAD_INPUT; NOT_FOUND; CONFLICT where it has ended. */
  endEmployment(ending: EndEmploymentArgs): Promise<string> {
    return endEmployment(this.acting, ending);
  }
}
