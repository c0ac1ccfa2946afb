import { Field, ID, InputType, Int, registerEnumType } from 'type-graphql';
import { GrievanceDeadline, GrievanceExtension, heldOpen, MilestoneKind } from '../../entities/deadline.ts';
import { GrievanceAction, type Grievance, type NotedKind } from '../../entities/grievance.ts';
import { Agreement } from '../../entities/agreement.ts';
import { versionOptions } from '../../entities/record.ts';
import { DateScalar } from '../../entities/scalars.ts';
import { notFound, type FieldProblem } from '../../errors.ts';
import { assertNoProblems, findVisible, parseInput } from '../record/index.ts';
import type { Scope } from '../scope.ts';
import { actOnGrievance } from './grievance-action.ts';

/** The events that can be noted. */
export const NotedMilestone = { MET: MilestoneKind.MET, ANSWERED: MilestoneKind.ANSWERED } as const;

registerEnumType(NotedMilestone, {
  name: 'NotedMilestone',
  description: 'An event of the current step whose date can be noted.',
  valuesConfig: {
    MET: { description: 'The union and the employer met.' },
    ANSWERED: { description: 'The employer denied the grievance. At arbitration, the arbitrator issued the award.' },
  },
});

@InputType({ description: 'The date of a meeting or an answer at the current step.' })
export class NoteGrievanceDateInput {
  @Field(() => ID, { description: 'The id of the grievance.' })
  grievanceId!: string;

  @Field(() => NotedMilestone, { description: 'What happened. A date that was noted before is corrected.' })
  kind!: NotedKind;

  @Field(() => DateScalar, {
    description:
      'The date. Must not be in the future or before the grievance reached the step. An answer must not be before the meeting.',
  })
  date!: string;

  @Field(() => Int, versionOptions)
  version?: number | null;
}

@InputType({ description: 'An agreement of the union and the employer to move a deadline.' })
export class ExtendGrievanceDeadlineInput {
  @Field(() => ID, { description: 'The id of the deadline. It must be pending at the current step.' })
  deadlineId!: string;

  @Field(() => DateScalar, {
    nullable: true,
    description: 'The new due date. Must be after the date that it replaces. Null holds the deadline open.',
  })
  dueDate?: string | null;

  @Field(() => DateScalar, {
    description: 'The date of the agreement. Must not be in the future or after the new due date.',
  })
  agreedDate!: string;

  @Field(() => String, { description: 'The person who agreed for the other side, 1 to 200 characters.' })
  agreedWith!: string;

  @Field(() => String, {
    nullable: true,
    description:
      'Where the written agreement is kept. At most 200 characters. Required if the agreement demands extensions in writing.',
  })
  reference?: string | null;

  @Field(() => String, { nullable: true, description: 'The reason. At most 2,000 characters.' })
  reason?: string | null;

  @Field(() => Int, versionOptions)
  version?: number | null;
}

@InputType({ description: 'A deadline that the employer missed.' })
export class TakeGrievanceDefaultInput {
  @Field(() => ID, { description: 'The id of the deadline.' })
  deadlineId!: string;

  @Field(() => Int, versionOptions)
  version?: number | null;
}

/** Adds or corrects the date of a meeting or an answer. @returns the grievance's id. @throws BAD_INPUT; NOT_FOUND; CONFLICT. */
export function noteGrievanceDate(
  scope: Scope,
  { grievanceId, kind, date, version }: NoteGrievanceDateInput,
): Promise<string> {
  const aim = { id: grievanceId, version: version ?? null, path: 'input.grievanceId' };
  return actOnGrievance(scope, GrievanceAction.NOTE_DATE, aim, (grievance, context) => {
    assertNoProblems(grievance.dateProblems(kind, date, context.today));
    grievance.noteDate(kind, date, context);
  });
}

/**
 * Moves a deadline or holds it open. @returns the grievance's id. @throws BAD_INPUT with every problem; NOT_FOUND;
 * CONFLICT.
 */
export async function extendGrievanceDeadline(scope: Scope, input: ExtendGrievanceDeadlineInput): Promise<string> {
  const { deadlineId, version, ...told } = input;
  const aim = { ...(await grievanceOf(scope, deadlineId)), version: version ?? null };
  return actOnGrievance(scope, GrievanceAction.EXTEND, aim, async (grievance, context, tx) => {
    const deadline = deadlineOf(grievance, deadlineId);
    const { values, problems } = parseInput(scope, GrievanceExtension, { ...told, dueDate: told.dueDate ?? null });
    const agreement = await tx.em.findOneOrFail(Agreement, grievance.agreement?.id ?? '');
    problems.push(...extensionProblems(values, deadline, context.today));
    if (agreement.extensionsInWriting && !values.reference)
      problems.push({ path: 'reference', message: 'is required: the agreement demands extensions in writing' });
    assertNoProblems(problems);
    grievance.extend(deadline, values, context);
  });
}

/**
 * Applies the consequence of a missed deadline. @returns the grievance's id. @throws BAD_INPUT for a malformed id;
 * NOT_FOUND; CONFLICT.
 */
export async function takeGrievanceDefault(
  scope: Scope,
  { deadlineId, version }: TakeGrievanceDefaultInput,
): Promise<string> {
  const aim = { ...(await grievanceOf(scope, deadlineId)), version: version ?? null };
  return actOnGrievance(scope, GrievanceAction.TAKE_DEFAULT, aim, (grievance, context) => {
    grievance.takeDefault(deadlineOf(grievance, deadlineId), context);
  });
}

async function grievanceOf(scope: Scope, deadlineId: string): Promise<{ readonly id: string; readonly path: string }> {
  const deadline = await findVisible(scope, GrievanceDeadline, deadlineId, { path: 'input.deadlineId' });
  return { id: deadline.grievance.id, path: 'input.deadlineId' };
}

/** @throws NOT_FOUND if the deadline no longer counts since it was looked up. */
function deadlineOf(grievance: Grievance, id: string): GrievanceDeadline {
  const deadline = grievance.deadlines.getItems().find((each) => each.id === id.toLowerCase());
  if (!deadline) throw notFound();
  return deadline;
}

function extensionProblems(
  { dueDate, agreedDate }: { readonly dueDate: string | null; readonly agreedDate: string },
  deadline: GrievanceDeadline,
  today: string,
): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const replaced = deadline.dueDate === heldOpen ? deadline.originalDate : deadline.dueDate;
  if (agreedDate > today) problems.push({ path: 'agreedDate', message: 'must not be in the future' });
  if (dueDate !== null && dueDate <= replaced)
    problems.push({ path: 'dueDate', message: 'must be after the date that it replaces' });
  else if (dueDate !== null && dueDate < agreedDate)
    problems.push({ path: 'dueDate', message: 'must not be before the date of the agreement' });
  return problems;
}
