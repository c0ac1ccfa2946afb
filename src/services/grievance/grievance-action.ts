import { Grievance, type GrievanceAction } from '../../entities/grievance.ts';
import { caseAction } from '../case/case-action.ts';

/** Acts on a grievance: see {@link caseAction}. */
export const actOnGrievance = caseAction<GrievanceAction, Grievance>({
  entity: Grievance,
  name: 'Grievance',
  domain: 'grievance',
  parts: 'steps',
});
