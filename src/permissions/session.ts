import { Device, Session } from '../entities/session.ts';
import { anyone, evenBeforePasswordChange, noRows, rule, signedIn, type Operations } from './rule.ts';

export const operations: Operations = {
  Query: { sessions: signedIn },
  Mutation: { login: anyone, refresh: anyone, logout: evenBeforePasswordChange },
};

export const rows = [
  rule('Session', Session, [
    {
      to: 'signed in',
      which: 'their own that have not ended',
      rows: (row) => `${row}.user_id = :user and ${row}.ended_at is null and ${row}.expires_at > :now`,
      see: 'everything',
    },
  ]),
  noRows(Device),
];
