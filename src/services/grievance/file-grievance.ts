import { ref } from '@mikro-orm/postgresql';
import { Field, ID, InputType } from 'type-graphql';
import { validate as isUuid } from 'uuid';
import { deadlinesOf, GrievanceDeadline, type LimitTerms } from '../../entities/deadline.ts';
import { filingProblems, Grievance } from '../../entities/grievance.ts';
import { Member } from '../../entities/member.ts';
import { Organization } from '../../entities/organization.ts';
import { DateScalar } from '../../entities/scalars.ts';
import { notFound, type FieldProblem } from '../../errors.ts';
import { changeEvent } from '../audit/event.ts';
import { insertRows, parseInput, assertNoProblems, type RowSource } from '../record/index.ts';
import { runOn, todayOf, type Scope } from '../scope.ts';
import { actionContext } from '../case/case-action.ts';
import { firstDayOf, termsOf } from '../case/count-deadlines.ts';
import { governingAgreement } from './governing-agreement.ts';
import { representative } from './representative.ts';

@InputType({ description: 'A grievance to file.' })
export class FileGrievanceInput {
  @Field(() => ID, { description: 'The member id of the grievant.' })
  memberId!: string;

  @Field(() => ID, { description: 'The organization id of the employer that the grievance is against.' })
  employerId!: string;

  @Field(() => DateScalar, {
    nullable: true,
    description: 'The filing date. Must not be in the future. Defaults to today.',
  })
  filedDate?: string | null;

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

  @Field(() => ID, {
    nullable: true,
    description:
      'The id of the agreement that governs the grievance. Defaults to the one that bound the employer on the day of the ' +
      'incident, or of the filing without one. Required if agreements of several bargaining units bound the employer.',
  })
  agreementId?: string | null;

  @Field(() => ID, { nullable: true, description: 'The id of the article of the agreement that was violated.' })
  articleId?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The article of the agreement that was violated, as free text. At most 100 characters.',
  })
  contractArticle?: string | null;

  @Field(() => String, { description: 'The description of the violation.' })
  violationDescription!: string;

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
      'The id of the user who represents the grievant. Must be an active user with the admin, officer, or staff role.',
  })
  assignedUserId?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The internal notes of the union. The grievant cannot see them.',
  })
  notes?: string | null;
}

/**
 * Files a grievance under the next number of its year. One statement takes the number and writes all rows with it, so
 * concurrent filings wait only for that statement, and a failed one leaves no gap.
 * @returns its id.
 * @throws BAD_INPUT with every problem; NOT_FOUND if the member, employer or user is missing or hidden from the caller.
 */
export async function fileGrievance(scope: Scope, input: FileGrievanceInput): Promise<string> {
  const { memberId, employerId, assignedUserId } = input;
  const today = todayOf(scope);
  const filedDate = input.filedDate ?? today;
  const { values, problems } = parseInput(scope, Grievance, { ...input, filedDate });
  assertNoProblems([...problems, ...filingProblems({ ...input, filedDate }, today), ...idProblems(input)]);
  if (!(await scope.visibility.sees({ entity: Member, id: memberId }, { entity: Organization, id: employerId })))
    throw notFound();
  const assignedUser = assignedUserId == null ? null : await representative(scope, assignedUserId, scope.now());
  const governing = await governingAgreement(scope, input, input.incidentDate ?? filedDate);
  const about = { member: ref(Member, memberId), employer: ref(Organization, employerId), assignedUser, ...governing };
  const held = {
    memberId,
    employerId,
    assignedUserId,
    agreementId: governing.agreement?.id,
    articleId: governing.article?.id,
  };
  const source = numbered(held, filedDate.slice(0, 4));
  const file = async (tx: Scope): Promise<string> => {
    const facts = { ...values, ...about, filedDate, grievanceNumber: '', stepCount: 3 };
    const terms = held.agreementId === undefined ? null : await lockedTerms(tx, held.agreementId, firstDayOf(facts));
    const grievance = new Grievance({ ...facts, ...(terms && { stepCount: terms.steps }) }, actionContext(tx));
    const change = { action: 'grievance.file', targetType: 'Grievance', targetId: grievance.id };
    const counted = terms
      ? deadlinesOf(grievance.facts, terms).map((each) => new GrievanceDeadline({ ...each, grievance: ref(grievance) }))
      : [];
    const rows = [
      grievance,
      ...grievance.history,
      ...grievance.milestones,
      ...counted,
      changeEvent(tx, change),
    ] as const;
    if (!(await insertRows({ ...tx, run: runOn(tx.em) }, rows, source))) throw notFound();
    return grievance.id;
  };
  return governing.agreement === null ? file(scope) : scope.transaction(file);
}

/** The terms of the agreement with its holidays, locked until the transaction ends. */
async function lockedTerms(tx: Scope, agreementId: string, from: string): Promise<LimitTerms> {
  const run = runOn(tx.em);
  await run(
    'select from holiday_calendars c where c.id = (select calendar_id from agreements where id = $1) for share',
    [agreementId],
  );
  await run('select from agreements where id = $1 for share', [agreementId]);
  return termsOf(tx, agreementId, from);
}

/**
 * Builds the query for the next number of a year. It locks the referenced records and returns no row if one is missing.
 */
function numbered(ids: IdsOfFiling, year: string): RowSource {
  const held = Object.entries(tablesOfFiling).flatMap(([path, table]) => {
    const id = ids[path as keyof IdsOfFiling];
    return id == null ? [] : [{ table, id }];
  });
  const standing = held.map(
    ({ table }, place) => `t${place}.id = $${place + 3}${isKept(table) ? ` and t${place}.deleted_at is null` : ''}`,
  );
  return {
    tables: `seen as (select from ${held.map(({ table }, place) => `${table} t${place}`).join(', ')}
      where ${standing.join(' and ')} for share),
    counted as (insert into grievance_counters as counter (year, last) select $1::integer, 1 from seen
      on conflict (year) do update set last = counter.last + 1 returning last),
    source as (select 'GR-' || $2::text || '-' || lpad(last::text, greatest(4, length(last::text)), '0') as grievance_number from counted)`,
    values: [Number(year), year, ...held.map(({ id }) => id)],
    made: ['grievanceNumber'],
  };
}

const tablesOfFiling = {
  memberId: 'members',
  employerId: 'organizations',
  assignedUserId: 'users',
  agreementId: 'agreements',
  articleId: 'agreement_articles',
} as const;

type IdsOfFiling = { readonly [Path in keyof typeof tablesOfFiling]?: string | null | undefined };

const isKept = (table: string): boolean => table !== 'agreement_articles';

/** Returns the problems of malformed ids. */
export const idProblems = (ids: IdsOfFiling): FieldProblem[] =>
  Object.keys(tablesOfFiling)
    .filter((path) => ids[path as keyof IdsOfFiling] != null && !isUuid(ids[path as keyof IdsOfFiling]))
    .map((path) => ({ path, message: 'must be a UUID' }));
