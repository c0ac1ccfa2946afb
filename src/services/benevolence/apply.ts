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
import { DateScalar, dayIn, DecimalScalar } from '../../entities/scalars.ts';
import { notFound, type FieldProblem } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { draft, find, refuse, type Acting } from '../record/index.ts';
import { actNow } from '../case/act.ts';
import { actOn } from './act.ts';

@InputType({ description: 'A request for help from the benevolence fund.' })
export class ApplyForBenevolenceInput {
  @Field(() => ID, { nullable: true, description: "The applicant; the caller's own member record when left out." })
  memberId?: string | null;

  @Field(() => BenevolenceReason, { description: 'Why help is needed.' })
  reason!: BenevolenceReason;

  @Field(() => String, { description: 'What happened. Confidential.' })
  description!: string;

  @Field(() => DecimalScalar, { description: 'What is asked for, in US dollars; more than zero.' })
  amountRequested!: string;

  @Field(() => DateScalar, { nullable: true, description: 'The day of the application, not in the future; today when left out.' })
  applicationDate?: string | null;
}

@InputType({ description: 'What changes of a draft; what is left out stays, and null clears.' })
export class UpdateBenevolenceDraftInput {
  @Field(() => BenevolenceReason, { nullable: true, description: 'Why help is needed; cannot be cleared.' })
  reason?: BenevolenceReason | null;

  @Field(() => String, { nullable: true, description: 'What happened; cannot be cleared. Confidential.' })
  description?: string | null;

  @Field(() => DecimalScalar, { nullable: true, description: 'What is asked for, in US dollars; more than zero, and cannot be cleared.' })
  amountRequested?: string | null;

  @Field(() => String, { nullable: true, description: 'Notes. Confidential.' })
  notes?: string | null;

  @Field(() => Int, { nullable: true, description: 'The version that was looked at; another one is a CONFLICT.' })
  version?: number | null;
}

/**
 * Begins an application as a draft: a member's for themselves, the office's for any member.
 * @returns its id.
 * @throws BAD_INPUT naming all that is wrong; NOT_FOUND for a member whom the caller does not see, or may not apply for.
 */
export async function apply(acting: Acting, input: ApplyForBenevolenceInput): Promise<string> {
  const { em, tools, viewer, requester } = acting;
  const today = dayIn(tools.timeZone, tools.now());
  const applicationDate = input.applicationDate ?? today;
  const memberId = input.memberId ?? viewer.memberId;
  const { values, problems } = draft(em, BenevolenceApplication, { ...input, applicationDate });
  refuse([...problems, ...applicationProblems({ ...input, applicationDate }, today), ...memberProblems(memberId)]);
  return em.transactional(async (transaction) => {
    const member = await find(transaction, Member, memberId ?? '', { isPinned: true });
    if (!viewer.may('BenevolenceApplication', 'apply', member.id === viewer.memberId)) throw notFound();
    const facts = { ...values, applicationDate, member: ref(member) };
    const application = new BenevolenceApplication(facts, actNow({ ...acting, em: transaction }));
    transaction.persist(application);
    recordChange(transaction, tools, viewer, requester, {
      action: 'benevolence.apply',
      targetType: 'BenevolenceApplication',
      targetId: application.id,
    });
    return application.id;
  });
}

/** Changes a draft. @returns its id. @throws BAD_INPUT naming all that is wrong; NOT_FOUND; CONFLICT. */
export function update(acting: Acting, id: string, { version, ...told }: UpdateBenevolenceDraftInput): Promise<string> {
  return actOn(acting, BenevolenceAction.UPDATE, { id, version: version ?? null, path: 'id' }, (application, act, em) => {
    const { values, problems } = draft(em, BenevolenceApplication, told);
    refuse([...problems, ...applicationProblems(told, act.today)]);
    application.update(values as BenevolenceChanges, act);
  });
}

function memberProblems(memberId: string | null): FieldProblem[] {
  if (memberId === null) return [{ path: 'memberId', message: 'is required: your account is not linked to a member record' }];
  return isUuid(memberId) ? [] : [{ path: 'memberId', message: 'must be a UUID' }];
}
