import { assents } from './agreement.ts';
import { benevolence } from './benevolence.ts';
import type { ScaledKind } from './dossier.ts';
import { grievances } from './grievance.ts';
import { members } from './member.ts';
import { memberNotes } from './note.ts';
import { registrants } from './referral.ts';
import { organizations } from './organization.ts';
import { activities } from './salting.ts';

/** The kinds that each phase multiplies, in an order in which they can be written. */
export const kinds: Readonly<Record<0 | 1 | 2, readonly ScaledKind[]>> = {
  0: [],
  1: [organizations, assents, members],
  2: [memberNotes, activities, benevolence, grievances, registrants],
};
