import { benevolenceCases } from './benevolence.ts';
import { counterRows, grievanceCases } from './grievance.ts';
import { employmentRows, memberRows } from './member.ts';
import { contactRows, organizationRows } from './organization.ts';
import type { CaseEventRow, ScaledTables } from './row.ts';
import { activityRows } from './salting.ts';

/** For each table a function that begins its rows anew; no two of them wait for one another, and none keeps a row. */
export type RowSource = { readonly [Table in keyof ScaledTables]: () => Iterable<ScaledTables[Table]> };

/**
 * The rows of phases 1 and 2, `scale` times, by table and in an order in which they can be written:
 * the same rows at every call, and those of a lower scale at the head of each table's blocks.
 */
export function rows(scale: number = 1): RowSource {
  return {
    organizations: () => organizationRows(scale),
    organization_contacts: () => contactRows(scale),
    members: () => memberRows(scale),
    member_employments: () => employmentRows(scale),
    salting_activities: () => activityRows(scale),
    benevolence_applications: () => drawn(benevolenceCases(scale), ({ application }) => [application]),
    benevolence_reviews: () => drawn(benevolenceCases(scale), ({ reviews }) => reviews),
    grievances: () => drawn(grievanceCases(scale), ({ grievance }) => [grievance]),
    grievance_step_records: () => drawn(grievanceCases(scale), ({ steps }) => steps),
    case_events: () => eventRows(scale),
    grievance_counters: () => counterRows(scale),
  };
}

/** Of each case the rows that go into one table. */
function* drawn<Case, Row>(cases: Iterable<Case>, rowsOf: (each: Case) => readonly Row[]): Generator<Row> {
  for (const each of cases) yield* rowsOf(each);
}

function* eventRows(scale: number): Generator<CaseEventRow> {
  yield* drawn(benevolenceCases(scale), ({ events }) => events);
  yield* drawn(grievanceCases(scale), ({ events }) => events);
}
