import { Field, ID, InputType, Int } from 'type-graphql';
import { filingProblems, Grievance, GrievanceAction, type GrievanceChanges } from '../../entities/grievance.ts';
import { DateScalar } from '../../entities/scalars.ts';
import { parseInput, assertNoProblems } from '../record/index.ts';
import type { Scope } from '../scope.ts';
import { actOnGrievance } from './grievance-action.ts';
import { idProblems } from './file-grievance.ts';
import { representative } from './representative.ts';

@InputType({ description: 'What changes of a grievance; what is left out stays, and null clears.' })
export class UpdateGrievanceInput {
  @Field(() => DateScalar, { nullable: true, description: 'The day of the incident, not after the filing.' })
  incidentDate?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The article of the agreement that was broken; at most 100 characters.',
  })
  contractArticle?: string | null;

  @Field(() => String, { nullable: true, description: 'What happened; cannot be cleared.' })
  violationDescription?: string | null;

  @Field(() => String, { nullable: true, description: 'What would set it right.' })
  remedySought?: string | null;

  @Field(() => String, { nullable: true, description: 'The name of the representative; at most 200 characters.' })
  assignedRep?: string | null;

  @Field(() => ID, {
    nullable: true,
    description: 'The user who represents the grievant: an active one who works on grievances.',
  })
  assignedUserId?: string | null;

  @Field(() => String, { nullable: true, description: "The union's own notes, which the grievant does not see." })
  notes?: string | null;

  @Field(() => Int, { nullable: true, description: 'The version that was looked at; another one is a CONFLICT.' })
  version?: number | null;
}

/**
 * Corrects or completes a grievance that has not ended.
 * @returns its id.
 * @throws BAD_INPUT naming all that is wrong; NOT_FOUND, also for the user; CONFLICT.
 */
export function updateGrievance(scope: Scope, id: string, input: UpdateGrievanceInput): Promise<string> {
  const { version, assignedUserId, ...told } = input;
  return actOnGrievance(scope, GrievanceAction.UPDATE, { id, version: version ?? null, path: 'id' }, async (grievance, context, tx) => {
    const { values, problems } = parseInput(scope, Grievance, told);
    const dates = filingProblems(grievance.filedDate, told.incidentDate, context.today);
    assertNoProblems([...problems, ...dates, ...idProblems({ assignedUserId })]);
    const changes = values as GrievanceChanges;
    if (assignedUserId === null) changes.assignedUser = null;
    // Whoever stays may have left the office since.
    else if (assignedUserId !== undefined && assignedUserId.toLowerCase() !== grievance.assignedUser?.id)
      changes.assignedUser = await representative(tx, assignedUserId, context.at);
    grievance.update(changes, context);
  });
}
