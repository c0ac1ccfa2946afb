import { ref } from '@mikro-orm/postgresql';
import { Field, ID, InputType, Int } from 'type-graphql';
import { validate as isUuid } from 'uuid';
import {
  applicationProblems,
  BenevolenceAction,
  BenevolenceApplication,
  BenevolenceReason,
  type BenevolenceChanges,
} from '../../entities/benevolence.ts';
import { Member } from '../../entities/member.ts';
import { versionOptions } from '../../entities/record.ts';
import { DateScalar, DecimalScalar } from '../../entities/scalars.ts';
import { notFound, type FieldProblem } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { parseInput, findVisible, assertNoProblems } from '../record/index.ts';
import { todayOf, type Scope } from '../scope.ts';
import { actionContext } from '../case/case-action.ts';
import { actOnApplication } from './application-action.ts';

@InputType({ description: 'An application to the benevolence fund.' })
export class ApplyForBenevolenceInput {
  @Field(() => ID, {
    nullable: true,
    description: 'The member id of the applicant. Defaults to the member record of the caller.',
  })
  memberId?: string | null;

  @Field(() => BenevolenceReason, { description: 'The reason for the application.' })
  reason!: BenevolenceReason;

  @Field(() => String, { description: 'The circumstances in the words of the applicant. Confidential.' })
  description!: string;

  @Field(() => DecimalScalar, { description: 'The requested amount in US dollars. Must be more than zero.' })
  amountRequested!: string;

  @Field(() => DateScalar, {
    nullable: true,
    description: 'The date of the application. Must not be in the future. Defaults to today.',
  })
  applicationDate?: string | null;
}

@InputType({ description: 'Changes to a draft. Omitted fields keep their values. Null clears an optional field.' })
export class UpdateBenevolenceDraftInput {
  @Field(() => BenevolenceReason, { nullable: true, description: 'The reason for the application. Must not be null.' })
  reason?: BenevolenceReason | null;

  @Field(() => String, {
    nullable: true,
    description: 'The circumstances in the words of the applicant. Confidential. Must not be null.',
  })
  description?: string | null;

  @Field(() => DecimalScalar, {
    nullable: true,
    description: 'The requested amount in US dollars. Must be more than zero. Must not be null.',
  })
  amountRequested?: string | null;

  @Field(() => String, { nullable: true, description: 'Additional notes. Confidential.' })
  notes?: string | null;

  @Field(() => Int, versionOptions)
  version?: number | null;
}

/**
 * Creates an application as a draft: members for themselves, the office for any member.
 * @returns its id.
 * @throws BAD_INPUT with every problem; NOT_FOUND if the member is hidden from the caller, or the caller may not apply
 * for them.
 */
export async function applyForBenevolence(scope: Scope, input: ApplyForBenevolenceInput): Promise<string> {
  const today = todayOf(scope);
  const applicationDate = input.applicationDate ?? today;
  const memberId = input.memberId ?? scope.viewer.memberId;
  const { values, problems } = parseInput(scope, BenevolenceApplication, { ...input, applicationDate });
  assertNoProblems([
    ...problems,
    ...applicationProblems({ ...input, applicationDate }, today),
    ...memberProblems(memberId),
  ]);
  return scope.transaction(async (tx) => {
    const member = await findVisible(tx, Member, memberId ?? '', { isPinned: true });
    if (!scope.viewer.may('BenevolenceApplication', 'apply', member.id === scope.viewer.memberId)) throw notFound();
    const facts = { ...values, applicationDate, member: ref(member) };
    const application = new BenevolenceApplication(facts, actionContext(tx));
    tx.em.persist(application);
    recordChange(tx, {
      action: 'benevolence.apply',
      targetType: 'BenevolenceApplication',
      targetId: application.id,
    });
    return application.id;
  });
}

/**
 * Changes a draft.
 * @returns its id.
 * @throws BAD_INPUT with every problem; NOT_FOUND; CONFLICT.
 */
export function updateBenevolenceDraft(
  scope: Scope,
  id: string,
  { version, ...told }: UpdateBenevolenceDraftInput,
): Promise<string> {
  return actOnApplication(
    scope,
    BenevolenceAction.UPDATE,
    { id, version: version ?? null, path: 'id' },
    (application, context) => {
      const { values, problems } = parseInput(scope, BenevolenceApplication, told);
      assertNoProblems([...problems, ...applicationProblems(told, context.today)]);
      application.update(values as BenevolenceChanges, context);
    },
  );
}

function memberProblems(memberId: string | null): FieldProblem[] {
  if (memberId === null)
    return [{ path: 'memberId', message: 'is required: your account is not linked to a member record' }];
  return isUuid(memberId) ? [] : [{ path: 'memberId', message: 'must be a UUID' }];
}
