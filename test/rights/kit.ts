import { buildClientSchema, getIntrospectionQuery, type GraphQLSchema, type IntrospectionQuery } from 'graphql';
import type { Database } from '../../src/database/index.ts';
import type { Local } from '../support/local.ts';

/** Limits that allow many queries in one operation, because these tests are about permissions. */
export const wide = { MAX_DEPTH: '50', MAX_ALIASES: '1000', MAX_ROOT_FIELDS: '1000', MAX_COST: '1000000000000' };

/** Returns the schema as clients see it. */
export const schemaOf = async (local: Local): Promise<GraphQLSchema> =>
  buildClientSchema(await local.anonymous.see<IntrospectionQuery>(getIntrospectionQuery()));

/**
 * Fills every field that may have a value, so that a hidden one would be noticed. Gives the two members
 * representatives, a past employer and a deleted case, and deletes one of every kind of record without a case.
 */
export async function fillIn(sql: Database['run']): Promise<void> {
  for (const statement of filling) await sql(statement, []);
  await sql(`update users set locked_until = '2020-01-01T00:00:00Z'`, []);
}

/** Returns the member record of a username in SQL. */
const mine = (username: string): string => `(select member_id from users where username = '${username}')`;
const user = (username: string): string => `(select id from users where username = '${username}')`;

/** Returns an event of the audit log in SQL. */
function audited(username: string, action: string, targetType: string | null): string[] {
  const target = targetType === null ? 'null, null' : `'${targetType}', gen_random_uuid()`;
  return [
    `insert into audit_events (id, at, actor_id, ip_address, action, target_type, target_id, outcome, request_id, count, mac)
      values (gen_random_uuid(), now(), ${user(username)}, '192.0.2.7', '${action}', ${target}, 'succeeded', 'r', 1, 'none')`,
  ];
}

const filling = [
  `update organizations set unit_size = 40, address = '1 Main St', city = 'Troy', state = 'NY', zip_code = '12180', phone = '518 555 0100',
    email = 'desk@example.test', website = 'https://example.test', salting_score = 3, salting_notes = 'salting notes'`,
  `update organization_contacts set title = 'Manager', phone = '518 555 0101', email = 'contact@example.test', notes = 'contact notes'`,
  `update members set middle_name = 'Q', address = '2 Main St', city = 'Troy', state = 'NY', zip_code = '12180', phone = '518 555 0102',
    email = 'home@example.test', date_of_birth = '1980-02-03', hire_date = '2005-04-05', notes = 'member notes'`,
  `update member_employments set job_title = 'Electrician', hourly_rate = 41.50`,
  `update salting_activities set outcome = coalesce(outcome, 'positive'), location = 'Gate', description = 'what happened', notes = 'activity notes'`,
  `update benevolence_applications set notes = 'application notes'`,
  `update benevolence_reviews set reviewer_id = coalesce(reviewer_id, ${user('officer')}), comments = 'review comments'`,
  `update grievances set incident_date = coalesce(incident_date, filed_date), contract_article = 'Article 7', remedy_sought = 'Remedy', assigned_rep = 'R. Rep',
    assigned_user_id = ${user('officer')}, notes = 'grievance notes'`,
  `update grievances set assigned_user_id = ${user('staff')} where member_id = ${mine('member')}`,
  `update grievance_step_records set union_attendees = 'U', employer_attendees = 'E', notes = 'step notes'`,
  `update case_events set note = 'event note', actor_id = coalesce(actor_id, ${user('staff')})`,
  `update case_events set actor_id = ${user('officer')} where grievance_id in (select id from grievances where member_id = ${mine('testuser')})`,
  // Their representative also acts on one of their applications, which the applicant must not see.
  `update case_events set actor_id = ${user('staff')} where application_id in (select id from benevolence_applications where member_id = ${mine('member')})`,
  `update user_roles set assigned_by_id = ${user('staff')} where user_id = ${user('member')}`,
  `update user_roles set assigned_by_id = ${user('officer')} where user_id = ${user('testuser')}`,
  `update users set last_login_at = now()`,
  `update sessions set device_name = 'Phone', user_agent = 'Browser', ip_address = '192.0.2.1'`,
  `update users set member_id = (select id from members m where not exists (select 1 from users u where u.member_id = m.id) order by m.id limit 1)
    where username = 'officer' and member_id is null`,
  `update user_roles set assigned_by_id = coalesce(assigned_by_id, ${user('admin')}), expires_at = '2999-01-01T00:00:00Z'`,
  // A past employer of the member without a case of theirs, and a deleted case at an employer without other relations
  // to them.
  `insert into member_employments (id, created_at, updated_at, member_id, organization_id, start_date, end_date)
    select gen_random_uuid(), now(), now(), ${mine('member')}, o.id, '2001-01-01', '2002-01-01' from organizations o
    where not exists (select 1 from member_employments e where e.organization_id = o.id and e.member_id = ${mine('member')}) and o.org_type = 'employer'
    order by o.id limit 1`,
  `update grievances set deleted_at = now(), member_id = ${mine('member')}, employer_id = (
      select o.id from organizations o where o.org_type = 'employer'
      and not exists (select 1 from member_employments e where e.organization_id = o.id and e.member_id = ${mine('member')})
      and not exists (select 1 from grievances g where g.employer_id = o.id and g.member_id = ${mine('member')}) order by o.id desc limit 1)
    where id = (select id from grievances where member_id not in (${mine('member')}, ${mine('testuser')}) order by id desc limit 1)`,
  ...['organization_contacts', 'salting_activities', 'member_notes', 'benevolence_applications'].map(
    (table) => `update ${table} set deleted_at = now() where id = (select id from ${table} order by id limit 1)`,
  ),
  `insert into holiday_calendars (id, created_at, updated_at, deleted_at, name, workweek)
    values (gen_random_uuid(), now(), now(), now(), 'Given up', '{1,2,3,4,5}')`,
  `insert into agreements (id, created_at, updated_at, deleted_at, title, code, unit_id, calendar_id, effective_date, expiration_date, renews_yearly,
      notice_days, clock, first_day_counts, rolls_forward, extensions_in_writing, steps)
    select gen_random_uuid(), now(), now(), now(), 'Given up', 'OLD', unit_id, calendar_id, '1990-01-01', '1990-12-31', false, 60, clock, false, true, true, 3
    from agreements order by id limit 1`,
  `insert into grievance_extensions (id, grievance_id, step, act, due_date, agreed_date, agreed_with, reference, reason, actor_id, at)
    select gen_random_uuid(), id, 1, 'answer', '2026-04-10', '2026-03-30', 'R. Manager', 'Letter', 'Reason', assigned_user_id, now() from grievances`,
  `insert into grievance_milestones (id, grievance_id, step, kind, date, is_default, supersedes_id, actor_id, at)
    select gen_random_uuid(), grievance_id, step, kind, date, false, id, ${user('officer')}, now() from grievance_milestones where kind = 'met'`,
  // A page contains 100.
  `delete from grievance_deadlines where id not in (
    select d.id from grievance_deadlines d join grievances g on g.id = d.grievance_id
    order by g.member_id in (${mine('member')}, ${mine('testuser')}) desc, d.due_date desc, d.id limit 90)`,
  // A deleted signature, and a signature of an employer without a relation to the member.
  `insert into agreement_employers (id, created_at, updated_at, agreement_id, organization_id, assented_date, ended_date)
    select gen_random_uuid(), now(), now(), a.id, e.organization_id, '1990-01-01', '1990-12-31' from agreements a, member_employments e
    where a.code = 'OLD' and e.member_id = ${mine('member')} limit 1`,
  `update registrants set home_local = '46', phone = '518 555 0103'`,
  `insert into registration_events (id, registration_id, number, action, at, resign_by, note, actor_id)
    select gen_random_uuid(), id, 99, 'resign', now(), '2026-04-30', 'event note', ${user('staff')} from registrations`,
  `update agreements set association = 'Association', signed_date = '2020-01-01'`,
  `update agreement_employers set ended_date = coalesce(ended_date, '2999-01-01')`,
  `update grievances set known_date = incident_date`,
  `insert into users (id, created_at, updated_at, deleted_at, username, email, password_hash, first_name, last_name, is_active, is_verified, is_owner,
      password_must_change, failed_login_attempts)
    select gen_random_uuid(), now(), now(), now(), 'gone', 'gone@unionhall.test', 'none', 'Gone', 'Person', true, true, false, false, 0`,
  `update case_events set actor_id = ${user('gone')} where id = (select id from case_events where grievance_id is not null order by id limit 1)`,
  `insert into roles (id, created_at, updated_at, name, display_name, description, is_system_role, based_on)
    values (gen_random_uuid(), now(), now(), 'clerk', 'Clerk', 'Nobody holds it.', false, 'staff')`,
  ...audited('officer', 'settle', 'Grievance'),
  ...audited('officer', 'member.update', 'Member'),
  ...audited('organizer', 'salting.log', 'SaltingActivity'),
  ...audited('staff', 'employment.end', 'MemberEmployment'),
  ...audited('admin', 'role.assign', 'RoleAssignment'),
  ...audited('admin', 'role.create', 'Role'),
  ...audited('testuser', 'grievances', null),
  ...audited('nobody', 'members', null),
];
