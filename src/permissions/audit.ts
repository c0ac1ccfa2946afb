import { AuditEvent, Denial } from '../entities/audit.ts';
import { noRows } from './rule.ts';

export const rows = [noRows(AuditEvent), noRows(Denial)];
