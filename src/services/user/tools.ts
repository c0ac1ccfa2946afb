import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { SessionEnd } from '../../entities/session.ts';
import type { LimitTools } from '../limit.ts';
import type { TokenMailTools } from '../mail/index.ts';

/** What every use case of a user's record works with. */
export interface UserTools extends LimitTools, TokenMailTools {
  readonly rules: LimitTools['rules'] & {
    /** Seconds in which who was given an account can set its first password. */
    readonly invitationTtl: number;
  };
  /** Ends all of a user's sessions, in the caller's transaction. */
  readonly endSessions: (em: SqlEntityManager, whose: { readonly userId: string }, reason: SessionEnd, at: Date) => Promise<unknown>;
  /** Takes a user's own key away, and the access to the vault, in the caller's transaction. @returns whether there was access. */
  readonly voidPair: (em: SqlEntityManager, userId: string) => Promise<boolean>;
}

/** Where a request came from. */
export interface Origin {
  readonly ipAddress: string | null;
  readonly requestId: string;
}
