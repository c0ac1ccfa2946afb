import { ref } from '@mikro-orm/postgresql';
import { Field, ID, InputType, Int } from 'type-graphql';
import { AgreementArticle } from '../../entities/agreement.ts';
import { filingProblems, Grievance, GrievanceAction, type GrievanceChanges } from '../../entities/grievance.ts';
import { versionOptions } from '../../entities/record.ts';
import { DateScalar } from '../../entities/scalars.ts';
import { parseInput, assertNoProblems } from '../record/index.ts';
import { runOn, type Scope } from '../scope.ts';
import { actOnGrievance } from './grievance-action.ts';
import { idProblems } from './file-grievance.ts';
import { assertArticle } from './governing-agreement.ts';
import { representative } from './representative.ts';

@InputType({ description: 'Changes to a grievance. Omitted fields keep their values. Null clears an optional field.' })
export class UpdateGrievanceInput {
  @Field(() => DateScalar, {
    nullable: true,
    description: 'The date of the incident. Must not be after the filing date.',
  })
  incidentDate?: string | null;

  @Field(() => DateScalar, {
    nullable: true,
    description:
      'The date on which the grievant knew or should have known of the incident. Must not be before the incident or after the filing date.',
  })
  knownDate?: string | null;

  @Field(() => ID, { nullable: true, description: 'The id of the article of the agreement that was violated.' })
  articleId?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The article of the agreement that was violated, as free text. At most 100 characters.',
  })
  contractArticle?: string | null;

  @Field(() => String, { nullable: true, description: 'The description of the violation. Must not be null.' })
  violationDescription?: string | null;

  @Field(() => String, { nullable: true, description: 'The remedy that the union seeks.' })
  remedySought?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The name of the union representative as free text. At most 200 characters.',
  })
  assignedRep?: string | null;

  @Field(() => ID, {
    nullable: true,
    description:
      'The id of the user who represents the grievant. A new one must be an active user with the admin, officer, or staff role.',
  })
  assignedUserId?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The internal notes of the union. The grievant cannot see them.',
  })
  notes?: string | null;

  @Field(() => Int, versionOptions)
  version?: number | null;
}

/**
 * Corrects or completes a grievance that has not ended.
 * @returns its id.
 * @throws BAD_INPUT with every problem; NOT_FOUND, also for the user; CONFLICT.
 */
export function updateGrievance(scope: Scope, id: string, input: UpdateGrievanceInput): Promise<string> {
  const { version, assignedUserId, articleId, ...told } = input;
  return actOnGrievance(
    scope,
    GrievanceAction.UPDATE,
    { id, version: version ?? null, path: 'id' },
    async (grievance, context, tx) => {
      const { values, problems } = parseInput(scope, Grievance, told);
      const changes = values as GrievanceChanges;
      const dates = filingProblems({ ...grievance.filing, ...changes }, context.today);
      assertNoProblems([...problems, ...dates, ...idProblems({ assignedUserId, articleId })]);
      if (articleId != null) await assertArticle({ run: runOn(tx.em) }, articleId, grievance.agreement?.id ?? null);
      if (articleId !== undefined)
        changes.article = articleId === null ? null : ref(AgreementArticle, articleId.toLowerCase());
      if (assignedUserId === null) changes.assignedUser = null;
      // The current representative may have lost the role since.
      else if (assignedUserId !== undefined && assignedUserId.toLowerCase() !== grievance.assignedUser?.id)
        changes.assignedUser = await representative(tx, assignedUserId, context.at);
      grievance.update(changes, context);
    },
  );
}
