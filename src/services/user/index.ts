import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { User } from '../../entities/user.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { changeEmail } from './email.ts';
import { updateProfile, type UpdateProfileInput } from './profile.ts';
import type { Origin, UserTools } from './tools.ts';

export { BreachedPasswords } from './breach.ts';
export { UpdateProfileInput } from './profile.ts';
export type { UserTools } from './tools.ts';

/** Who uses the service. */
export class UserService {
  constructor(
    private readonly em: SqlEntityManager,
    private readonly tools: UserTools,
  ) {}

  /** Whether somebody owns this instance: whether it was set up. */
  async hasOwner(): Promise<boolean> {
    return (await this.em.count(User, { isOwner: true }, { filters: false })) > 0;
  }

  /** @returns the user's id. @throws BAD_INPUT */
  updateProfile(viewer: Viewer, input: UpdateProfileInput, origin: Origin): Promise<string> {
    return updateProfile(this.em, this.tools, viewer, input, origin);
  }

  /** @returns the user's id. @throws BAD_INPUT; RATE_LIMITED. */
  changeEmail(viewer: Viewer, email: string, origin: Origin): Promise<string> {
    return changeEmail(this.em, this.tools, viewer, email, origin);
  }
}
