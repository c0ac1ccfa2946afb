import type { LimitTools } from '../limit.ts';
import type { TokenMailTools } from '../mail/index.ts';

/** What every use case of a user's own record works with. */
export type UserTools = LimitTools & TokenMailTools;

/** Where a request came from. */
export interface Origin {
  readonly ipAddress: string | null;
  readonly requestId: string;
}
