import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { User } from '../../entities/user.ts';

/** Who uses the service. */
export class UserService {
  constructor(private readonly em: SqlEntityManager) {}

  /** Whether somebody owns this instance: whether it was set up. */
  async hasOwner(): Promise<boolean> {
    return (await this.em.count(User, { isOwner: true }, { filters: false })) > 0;
  }
}
