import { dayIn } from '../src/entities/scalars.ts';
import { Actor, type Answer, type Local } from './support/local.ts';

/** A case as mutations return it. */
export interface Case {
  id: string;
  status: string;
  version: number;
  availableActions: string[];
  deletedAt: string | null;
  notes: string | null;
  history: { action: string; fromStatus: string | null; toStatus: string; note: string | null; actor: { fullName: string } | null }[];
}

export interface GrievanceAnswer extends Case {
  grievanceNumber: string;
  filedDate: string;
  incidentDate: string | null;
  currentStep: string;
  resolution: string | null;
  resolutionDate: string | null;
  settlementAmount: string | null;
  assignedUser: { userId: string; fullName: string } | null;
  steps: { stepNumber: number; meetingDate: string; outcome: string; notes: string | null }[];
}

export interface ApplicationAnswer extends Case {
  amountRequested: string;
  approvedAmount: string | null;
  applicationDate: string;
  paymentDate: string | null;
  paymentMethod: string | null;
  round: number;
  requiredLevels: string[];
  member: { id: string };
  reviews: {
    round: number;
    reviewLevel: string;
    decision: string;
    reviewerName: string | null;
    comments: string | null;
    reviewDate: string;
  }[];
}

const event = 'history { action fromStatus toStatus note actor { fullName } }';
const grievanceFields = `id grievanceNumber filedDate incidentDate contractArticle violationDescription remedySought currentStep status
  assignedRep assignedUser { userId fullName } resolution resolutionDate settlementAmount notes version availableActions deletedAt
  member { id } employer { id } steps { stepNumber meetingDate outcome unionAttendees employerAttendees notes } ${event}`;
const applicationFields = `id applicationDate reason description amountRequested status approvedAmount paymentDate paymentMethod notes version round
  requiredLevels availableActions deletedAt member { id }
  reviews { round reviewLevel decision reviewDate reviewerName reviewer { fullName } comments } ${event}`;

/** Every operation on a case, with its arguments. */
const forms = {
  fileGrievance: '$input: FileGrievanceInput!',
  updateGrievance: '$id: ID!, $input: UpdateGrievanceInput!',
  investigateGrievance: '$id: ID!, $version: Int',
  recordGrievanceStep: '$input: RecordGrievanceStepInput!',
  appealGrievance: '$id: ID!, $version: Int',
  settleGrievance: '$input: SettleGrievanceInput!',
  withdrawGrievance: '$input: EndGrievanceInput!',
  closeGrievance: '$input: EndGrievanceInput!',
  applyForBenevolence: '$input: ApplyForBenevolenceInput!',
  updateBenevolenceDraft: '$id: ID!, $input: UpdateBenevolenceDraftInput!',
  submitBenevolence: '$id: ID!, $version: Int',
  withdrawBenevolence: '$id: ID!, $version: Int',
  reviewBenevolence: '$input: ReviewBenevolenceInput!',
  payBenevolence: '$input: PayBenevolenceInput!',
} as const;

export type Operation = keyof typeof forms;

/** Calls an operation and returns any answer. */
export function act<Done extends Case = Case>(who: Actor, operation: Operation, variables: object): Promise<Answer<{ done: Done }>> {
  const form = forms[operation];
  const passed = [...form.matchAll(/\$(\w+):/g)].map(([, name]) => `${name}: $${name}`).join(', ');
  const fields = operation.includes('Benevolence') ? applicationFields : grievanceFields;
  return who.ask<{ done: Done }>(`mutation (${form}) { done: ${operation}(${passed}) { ${fields} } }`, variables);
}

/** Calls an operation that must succeed. @throws if it is refused. */
export async function does<Done extends Case>(who: Actor, operation: Operation, variables: object): Promise<Done> {
  const { data, errors } = await act<Done>(who, operation, variables);
  if (errors.length > 0) throw new Error(`${who.username} may not ${operation}: ${JSON.stringify(errors)}`);
  return data.done;
}

/** Returns the messages of a refusal per field. */
export const fieldsOf = ({ errors }: Answer<unknown>): string[] =>
  ((errors[0]?.extensions['fields'] ?? []) as { path: string; message: string }[]).map(({ path, message }) => `${path} ${message}`);

/** Returns the current state from a CONFLICT. */
export const standing = ({ codes, errors }: Answer<unknown>): unknown => ({
  codes,
  state: errors[0]?.extensions['state'],
  allowedActions: errors[0]?.extensions['allowedActions'],
});

/** Returns a new session of a seeded user. */
export const freshActor = ({ url }: Local, username: string): Actor => new Actor(() => `${url}/graphql`, username);

/** Returns the first column of the first row. */
export async function value<T>({ sql }: Local, text: string, ...parameters: unknown[]): Promise<T> {
  const [row = {}] = await sql(text, parameters);
  return Object.values(row)[0] as T;
}

/** Returns the service's current day, or a day near it. */
export function day({ clock }: Local, ahead = 0): string {
  const today = new Date(`${dayIn('America/New_York', clock.now())}T12:00:00Z`);
  return new Date(today.valueOf() + ahead * 86_400_000).toISOString().slice(0, 10);
}

/** Sets the clock to an instant. */
export function turnTo({ clock }: Local, instant: string): void {
  clock.turn((Date.parse(instant) - clock.now().valueOf()) / 1000);
}

/** Returns everything that is stored about cases and their history. */
export async function stored({ sql }: Local): Promise<string> {
  const tables = [
    'grievances',
    'grievance_step_records',
    'grievance_counters',
    'benevolence_applications',
    'benevolence_reviews',
    'case_events',
  ];
  const [row = {}] = await sql(
    `select ${tables.map((table) => `(select coalesce(json_agg(t order by t)::text, '') from ${table} t) as ${table}`).join(', ')},
       (select count(*) from audit_events where action ~ '^(grievance|benevolence)[.]') as events`,
    [],
  );
  return JSON.stringify(row);
}

/** Keeps a case with everything that belongs to it, to restore it later. */
export async function stash({ sql }: Local, kind: 'grievance' | 'application', id: string): Promise<() => Promise<void>> {
  const tables: readonly (readonly [table: string, key: string])[] =
    kind === 'grievance'
      ? [
          ['grievances', 'id'],
          ['grievance_step_records', 'grievance_id'],
          ['case_events', 'grievance_id'],
          ['grievance_milestones', 'grievance_id'],
          ['grievance_deadlines', 'grievance_id'],
        ]
      : [
          ['benevolence_applications', 'id'],
          ['benevolence_reviews', 'application_id'],
          ['case_events', 'application_id'],
        ];
  const kept: string[] = [];
  // milestones are append-only, but the restored ones existed before
  await sql('alter table grievance_milestones disable trigger grievance_milestones_append_only', []);
  for (const [table, key] of tables) {
    const [row] = await sql(`select coalesce(json_agg(t), '[]')::text as rows from ${table} t where ${key} = $1`, [id]);
    kept.push(row?.['rows'] as string);
  }
  return async () => {
    for (const [table, key] of [...tables].reverse()) await sql(`delete from ${table} where ${key} = $1`, [id]);
    for (const [place, [table]] of tables.entries())
      await sql(`insert into ${table} select * from json_populate_recordset(null::${table}, $1::json)`, [kept[place]]);
  };
}
