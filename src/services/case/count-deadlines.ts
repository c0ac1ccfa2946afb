import { ref } from '@mikro-orm/postgresql';
import type { LimitFacts } from '../../entities/agreement.ts';
import { deadlinesOf, GrievanceDeadline, type DeadlineFacts, type LimitTerms } from '../../entities/deadline.ts';
import { Grievance, openGrievanceStatuses } from '../../entities/grievance.ts';
import { runOn, type Scope } from '../scope.ts';

/** Updates the deadlines of a grievance. Expects its row to be locked, and its collections to be loaded. */
export async function countDeadlines(scope: Pick<Scope, 'em'>, grievance: Grievance): Promise<void> {
  if (grievance.agreement === null) return;
  const counted = deadlinesOf(grievance.facts, await termsOf(scope, grievance.agreement.id, firstDayOf(grievance)));
  const isSame = (one: Pick<DeadlineFacts, 'step' | 'act'>, other: Pick<DeadlineFacts, 'step' | 'act'>): boolean =>
    one.step === other.step && one.act === other.act;
  for (const deadline of grievance.deadlines.getItems())
    if (!counted.some((facts) => isSame(facts, deadline))) scope.em.remove(deadline);
  for (const facts of counted) {
    const deadline = grievance.deadlines.getItems().find((each) => isSame(each, facts));
    if (deadline) deadline.count(facts);
    else scope.em.persist(new GrievanceDeadline({ ...facts, grievance: ref(grievance) }));
  }
}

/**
 * Updates the deadlines of the open grievances that are counted with a calendar. Expects the calendar's row to be
 * locked: a grievance that is filed meanwhile waits for it.
 */
export async function recountDeadlines({ em }: Pick<Scope, 'em'>, calendarId: string): Promise<void> {
  const open = openGrievanceStatuses.map(() => '?').join();
  const rows = await em.execute<{ id: string }[]>(
    `select g.id from grievances g join agreements a on a.id = g.agreement_id
     where a.calendar_id = ? and g.status in (${open}) order by g.id for update of g`,
    [calendarId, ...openGrievanceStatuses],
  );
  const ids = rows.map(({ id }) => id);
  for (let from = 0; from < ids.length; from += batchSize) {
    const where = { id: { $in: ids.slice(from, from + batchSize) } };
    const populate = ['milestones', 'extensions', 'deadlines'] as const;
    for (const grievance of await em.find(Grievance, where, { populate })) await countDeadlines({ em }, grievance);
    await em.flush();
  }
}

const batchSize = 100;

/** The first day from which a limit of a grievance can count. */
export const firstDayOf = ({
  incidentDate,
  filedDate,
}: {
  readonly incidentDate?: string | null;
  readonly filedDate: string;
}): string => incidentDate ?? filedDate;

/** Returns the time limits of an agreement, with the holidays from a day on. */
export async function termsOf({ em }: Pick<Scope, 'em'>, agreementId: string, from: string): Promise<LimitTerms> {
  const [row] = await runOn(em)(
    `select a.clock, a.steps, a.first_day_counts, a.rolls_forward, c.workweek,
       array(select to_char(h.day, 'YYYY-MM-DD') from holidays h where h.calendar_id = c.id and h.day >= $2) as holidays,
       (select coalesce(json_agg(json_build_object('step', l.step, 'act', l.act, 'days', l.days, 'dayUnit', l.day_unit,
         'countsFrom', l.counts_from, 'onMiss', l.on_miss)), '[]') from agreement_limits l where l.agreement_id = a.id) as limits
     from agreements a join holiday_calendars c on c.id = a.calendar_id where a.id = $1`,
    [agreementId, from],
  );
  const {
    clock,
    steps,
    first_day_counts: firstDayCounts,
    rolls_forward: rollsForward,
    workweek,
    holidays,
    limits,
  } = row as unknown as {
    clock: LimitTerms['clock'];
    steps: number;
    first_day_counts: boolean;
    rolls_forward: boolean;
    workweek: number[];
    holidays: string[];
    limits: LimitFacts[];
  };
  return { clock, steps, firstDayCounts, rollsForward, limits, calendar: { workweek, holidays: new Set(holidays) } };
}
