import { Grievance, type GrievanceAction } from '../../entities/grievance.ts';
import { actingOn } from '../case/act.ts';

/** Acts on a grievance: see {@link actingOn}. */
export const actOn = actingOn<GrievanceAction, Grievance>({ entity: Grievance, name: 'Grievance', domain: 'grievance', parts: 'steps' });
