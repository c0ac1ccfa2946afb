import { Grievance, type GrievanceAction } from '../../entities/grievance.ts';
import { caseAction } from '../case/case-action.ts';
import { countDeadlines } from '../case/count-deadlines.ts';

/** Acts on a grievance: see {@link caseAction}. */
export const actOnGrievance = caseAction<GrievanceAction, Grievance>({
  entity: Grievance,
  name: 'Grievance',
  domain: 'grievance',
  parts: ['steps', 'milestones', 'extensions', 'deadlines'],
  settle: countDeadlines,
});
