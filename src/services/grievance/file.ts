import { ref, type SqlEntityManager } from '@mikro-orm/postgresql';
import { Field, ID, InputType } from 'type-graphql';
import { validate as isUuid } from 'uuid';
import { filingProblems, Grievance } from '../../entities/grievance.ts';
import { Member } from '../../entities/member.ts';
import { Organization } from '../../entities/organization.ts';
import { DateScalar, dayIn } from '../../entities/scalars.ts';
import type { FieldProblem } from '../../errors.ts';
import { recordChange } from '../audit.ts';
import { draft, find, refuse, type Acting } from '../record.ts';
import { actNow } from '../case/act.ts';
import { representative } from './representative.ts';

@InputType({ description: 'A grievance to be filed.' })
export class FileGrievanceInput {
  @Field(() => ID, { description: 'The grievant.' })
  memberId!: string;

  @Field(() => ID, { description: 'The employer it is against.' })
  employerId!: string;

  @Field(() => DateScalar, { nullable: true, description: 'The day it is filed, not in the future; today when left out.' })
  filedDate?: string | null;

  @Field(() => DateScalar, { nullable: true, description: 'The day of the incident, not after the filing.' })
  incidentDate?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The article of the agreement that was broken; at most 100 characters.',
  })
  contractArticle?: string | null;

  @Field(() => String, { description: 'What happened.' })
  violationDescription!: string;

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
}

/**
 * Files a grievance under the next number of its year. The number is taken in the transaction that writes it: filers of
 * a year wait for one another, and one that fails leaves no gap.
 * @returns its id.
 * @throws BAD_INPUT naming all that is wrong; NOT_FOUND where the caller sees no such member, employer or user.
 */
export async function file(acting: Acting, input: FileGrievanceInput): Promise<string> {
  const { em, tools, viewer, requester } = acting;
  const today = dayIn(tools.timeZone, tools.now());
  const filedDate = input.filedDate ?? today;
  const { values, problems } = draft(em, Grievance, { ...input, filedDate });
  refuse([...problems, ...filingProblems(filedDate, input.incidentDate, today), ...idProblems(input)]);
  return em.transactional(async (transaction) => {
    const member = await find(transaction, Member, input.memberId, { isPinned: true });
    const employer = await find(transaction, Organization, input.employerId, { isPinned: true });
    const { assignedUserId } = input;
    const assignedUser = assignedUserId == null ? null : await representative(transaction, assignedUserId, tools.now());
    const grievanceNumber = await nextNumber(transaction, filedDate);
    const facts = { ...values, filedDate, grievanceNumber, member: ref(member), employer: ref(employer), assignedUser };
    const grievance = new Grievance(facts, actNow({ ...acting, em: transaction }));
    transaction.persist(grievance);
    recordChange(transaction, tools, viewer, requester, {
      action: 'grievance.file',
      targetType: 'Grievance',
      targetId: grievance.id,
    });
    return grievance.id;
  });
}

/** Holds the counter of the year until the transaction ends. */
async function nextNumber(em: SqlEntityManager, filedDate: string): Promise<string> {
  const year = filedDate.slice(0, 4);
  const [counter] = await em.execute<{ last: number }[]>(
    `insert into grievance_counters as counter (year, last) values (?, 1)
     on conflict (year) do update set last = counter.last + 1 returning last`,
    [Number(year)],
  );
  if (counter === undefined) throw new Error('The counter of the year gave no number.');
  return `GR-${year}-${String(counter.last).padStart(4, '0')}`;
}

type IdFields = 'memberId' | 'employerId' | 'assignedUserId';

/** Which of these are no ids. */
export function idProblems(ids: { readonly [Path in IdFields]?: string | null | undefined }): FieldProblem[] {
  const { memberId, employerId, assignedUserId } = ids;
  return Object.entries({ memberId, employerId, assignedUserId })
    .filter(([, id]) => id != null && !isUuid(id))
    .map(([path]) => ({ path, message: 'is not an id' }));
}
