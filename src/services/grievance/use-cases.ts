import { GrievanceAction } from '../../entities/grievance.ts';
import { assertValid } from '../../errors.ts';
import type { Scope } from '../scope.ts';
import { extendGrievanceDeadline, noteGrievanceDate, takeGrievanceDefault } from './deadline-actions.ts';
import { closeGrievance, settleGrievance, withdrawGrievance } from './end-grievance.ts';
import { fileGrievance } from './file-grievance.ts';
import { actOnGrievance } from './grievance-action.ts';
import { recordGrievanceStep } from './record-step.ts';
import { updateGrievance } from './update-grievance.ts';

/** Begins the investigation. @returns the grievance's id. @throws NOT_FOUND; CONFLICT. */
export const investigateGrievance = (scope: Scope, id: string, version: number | null): Promise<string> =>
  actOnGrievance(scope, GrievanceAction.INVESTIGATE, { id, version, path: 'id' }, (grievance, context) =>
    grievance.investigate(context),
  );

/** Takes a denial to the next step. @returns the grievance's id. @throws BAD_INPUT; NOT_FOUND; CONFLICT. */
export const appealGrievance = (scope: Scope, id: string, { version, appealDate }: AppealFacts): Promise<string> =>
  actOnGrievance(scope, GrievanceAction.APPEAL, { id, version, path: 'id' }, (grievance, context) => {
    const problems = grievance.appealProblems(appealDate, context.today);
    assertValid(problems);
    grievance.appeal(context, appealDate);
  });

interface AppealFacts {
  readonly version: number | null;
  /** Null for today. */
  readonly appealDate: string | null;
}

/** Claims that an employer violated the agreement. */
export const grievances = {
  file: fileGrievance,
  update: updateGrievance,
  investigate: investigateGrievance,
  recordStep: recordGrievanceStep,
  appeal: appealGrievance,
  noteDate: noteGrievanceDate,
  extend: extendGrievanceDeadline,
  takeDefault: takeGrievanceDefault,
  settle: settleGrievance,
  withdraw: withdrawGrievance,
  close: closeGrievance,
};
