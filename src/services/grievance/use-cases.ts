import { GrievanceAction } from '../../entities/grievance.ts';
import type { Scope } from '../scope.ts';
import { closeGrievance, settleGrievance, withdrawGrievance } from './end-grievance.ts';
import { fileGrievance } from './file-grievance.ts';
import { actOnGrievance } from './grievance-action.ts';
import { recordGrievanceStep } from './record-step.ts';
import { updateGrievance } from './update-grievance.ts';

/** Begins the investigation. @returns the grievance's id. @throws NOT_FOUND; CONFLICT. */
export const investigateGrievance = (scope: Scope, id: string, version: number | null): Promise<string> =>
  actOnGrievance(scope, GrievanceAction.INVESTIGATE, { id, version, path: 'id' }, (grievance, context) => grievance.investigate(context));

/** Takes a denial to the next step. @returns the grievance's id. @throws NOT_FOUND; CONFLICT. */
export const appealGrievance = (scope: Scope, id: string, version: number | null): Promise<string> =>
  actOnGrievance(scope, GrievanceAction.APPEAL, { id, version, path: 'id' }, (grievance, context) => grievance.appeal(context));

/** Claims that an employer violated the agreement. */
export const grievances = {
  file: fileGrievance,
  update: updateGrievance,
  investigate: investigateGrievance,
  recordStep: recordGrievanceStep,
  appeal: appealGrievance,
  settle: settleGrievance,
  withdraw: withdrawGrievance,
  close: closeGrievance,
};
