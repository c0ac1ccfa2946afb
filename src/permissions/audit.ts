import { AuditArchive, AuditBacklog, AuditEvent, AuditSeal, Denial, isOfPeople } from '../entities/audit.ts';
import { RoleName } from '../entities/role.ts';
import { everyRow } from '../entities/rule.ts';
import { allow, noRows, rule, type Operations } from './rule.ts';

const { ADMIN, OFFICER } = RoleName;
const everyone = Object.values(RoleName);

export const operations: Operations = {
  Query: { auditEvents: allow(...everyone) },
};

export const rows = [
  rule('AuditEvent', AuditEvent, [
    { to: [ADMIN], ...everyRow, see: 'everything' },
    { to: [OFFICER], which: 'events about members and users', rows: isOfPeople, see: 'everything' },
    {
      to: 'signed in',
      which: 'events of their own actions',
      rows: (row) => `${row}.actor_id = :user`,
      see: 'everything',
    },
  ]),
  ...[AuditArchive, AuditBacklog, AuditSeal, Denial].map(noRows),
];
