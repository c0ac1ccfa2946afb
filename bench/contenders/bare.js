// The upper limit: node:http and pg, with one prepared statement per query, whose JSON text is forwarded unchanged.
import { createServer } from 'node:http';
import { verifyToken } from './token.js';
import pg from 'pg';

const grievance = `
  'id', g.id, 'grievanceNumber', g.grievance_number, 'status', upper(g.status), 'filedDate', g.filed_date,
  'employer', (select json_build_object('name', o.name, 'city', o.city) from organizations o where o.id = g.employer_id),
  'member', (select json_build_object('fullName', concat_ws(' ', m.first_name, m.middle_name, m.last_name),
    'memberNumber', m.member_number) from members m where m.id = g.member_id),
  'steps', (select coalesce(json_agg(json_build_object('stepNumber', s.step_number, 'meetingDate', s.meeting_date, 'outcome', upper(s.outcome))
    order by s.step_number), '[]') from grievance_step_records s where s.grievance_id = g.id)`;

const questions = {
  me: {
    text: `select json_build_object('me', json_build_object('username', u.username, 'fullName', u.first_name || ' ' || u.last_name,
        'roles', (select coalesce(json_agg(json_build_object('role', json_build_object('name', r.name)) order by a.assigned_at, a.id), '[]')
          from user_roles a join roles r on r.id = a.role_id where a.user_id = u.id)))::text as answer
      from users u where u.id = $1 and u.deleted_at is null`,
    values: (_asked, userId) => [userId],
  },
  list: {
    text: `select json_build_object('grievances', json_build_object('nodes', coalesce(json_agg(json_build_object(${grievance})
        order by g.filed_date desc, g.id desc), '[]')))::text as answer
      from (select * from grievances where deleted_at is null and (filed_date, id) < ($1::date, $2::uuid)
        order by filed_date desc, id desc limit $3) g`,
    values: ({ first, after }) => [...(after ?? ['infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff']), first],
  },
  one: {
    text: `select json_build_object('grievance', json_build_object(${grievance}, 'violationDescription', g.violation_description,
        'remedySought', g.remedy_sought))::text as answer
      from grievances g where g.id = $1 and g.deleted_at is null`,
    values: ({ id }) => [id],
  },
  log: {
    text: `with logged as (insert into salting_activities
        (member_id, organization_id, activity_type, activity_date, workers_contacted, cards_signed, location, description)
        values ($1, $2, $3, $4, $5, $6, $7, $8) returning *)
      select json_build_object('logSaltingActivity', json_build_object('id', l.id, 'activityDate', l.activity_date,
        'workersContacted', l.workers_contacted,
        'member', (select json_build_object('memberNumber', m.member_number) from members m where m.id = l.member_id),
        'organization', (select json_build_object('name', o.name) from organizations o where o.id = l.organization_id)))::text as answer
      from logged l`,
    values: ({ memberId, organizationId, activityType, activityDate, workersContacted, cardsSigned, location, description }) => [
      memberId,
      organizationId,
      activityType,
      activityDate,
      workersContacted,
      cardsSigned,
      location,
      description,
    ],
  },
  file: {
    text: `with filed as (insert into grievances (member_id, employer_id, filed_date, incident_date, violation_description)
        values ($1, $2, $3, $4, $5) returning *)
      select json_build_object('fileGrievance', json_build_object('id', f.id, 'status', upper(f.status), 'filedDate', f.filed_date,
        'member', (select json_build_object('memberNumber', m.member_number) from members m where m.id = f.member_id),
        'employer', (select json_build_object('name', o.name) from organizations o where o.id = f.employer_id)))::text as answer
      from filed f`,
    values: ({ memberId, employerId, filedDate, incidentDate, violationDescription }) => [
      memberId,
      employerId,
      filedDate,
      incidentDate,
      violationDescription,
    ],
  },
};

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: Number(process.env.DATABASE_POOL_SIZE) });

const server = createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    answer(request, Buffer.concat(parts)).then(
      (text) => send(response, 200, `{"data":${text}}`),
      (error) => send(response, 500, JSON.stringify({ errors: [{ message: String(error.message) }] })),
    );
  });
});

async function answer({ headers }, body) {
  const userId = verifyToken(headers.authorization);
  const { question, ...asked } = JSON.parse(body.toString());
  const { text, values } = questions[question];
  const { rows } = await pool.query({ name: question, text, values: values(asked, userId) });
  return rows[0].answer;
}

function send(response, status, text) {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text);
}

server.listen(0, '127.0.0.1', () => console.log(`Answers at http://127.0.0.1:${server.address().port}/`));
process.once('SIGTERM', () => process.exit(0));
