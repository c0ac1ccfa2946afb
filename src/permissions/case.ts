import { CaseEvent } from '../entities/case-event.ts';
import { RoleName } from '../entities/role.ts';
import { everyRow } from '../entities/rule.ts';
import { rule } from './rule.ts';

const { ADMIN, OFFICER, STAFF, MEMBER } = RoleName;

export const rows = [
  rule(
    'CaseEvent',
    CaseEvent,
    [
      { to: [ADMIN, OFFICER, STAFF], ...everyRow, see: 'everything' },
      // The actor of a grievance event is shown as a Person, whose rule lets a member see the representative and nobody
      // else.
      {
        to: [MEMBER],
        which: 'events of their own grievances',
        rows: (row) => `exists (select 1 from grievances g where g.id = ${row}.grievance_id and g.member_id = :member)`,
        see: ['event', 'actor'],
      },
      {
        to: [MEMBER],
        which: 'events of their own applications',
        rows: (row) =>
          `exists (select 1 from benevolence_applications a where a.id = ${row}.application_id and a.member_id = :member)`,
        see: ['event'],
      },
    ],
    {
      event: ['id', 'type', 'statusBefore', 'statusAfter', 'action', 'fromStatus', 'toStatus', 'at'],
      actor: ['actor'],
      note: ['note'],
    },
  ),
];
