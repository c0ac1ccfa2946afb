import { IdempotencyKey } from '../entities/idempotency.ts';
import { SystemKey } from '../entities/key.ts';
import { RateLimit } from '../entities/limit.ts';
import { Device, isLive, LoginChallenge, Session } from '../entities/session.ts';
import { anyone, fromTheStart, noRows, rule, signedIn, type Operations } from './rule.ts';

export const operations: Operations = {
  Query: { sessions: signedIn },
  Mutation: {
    login: anyone,
    completeLogin: anyone,
    refresh: anyone,
    logout: fromTheStart,
    logoutAll: signedIn,
    revokeSession: signedIn,
  },
};

export const rows = [
  rule('Session', Session, [
    {
      to: 'signed in',
      which: 'their own active sessions',
      rows: (row) => `${row}.user_id = :user and ${isLive(row, ':now')}`,
      see: 'everything',
    },
  ]),
  noRows(Device),
  noRows(LoginChallenge),
  noRows(RateLimit),
  noRows(SystemKey),
  noRows(IdempotencyKey),
];
