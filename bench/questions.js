import { ask, headersOf, titles } from './contenders/index.js';

/**
 * A query or mutation that every contender answers.
 *
 * @typedef {object} Question
 * @property {string} name
 * @property {string} says its description
 * @property {import('./contenders/index.js').Asker} [as] the caller; by default the officer
 * @property {Partial<Record<import('./contenders/index.js').ContenderName, number>>} targets the required throughput,
 * as a ratio to the other contender
 * @property {(pool: Pool) => readonly any[]} variants the variables, which differ so that no cache helps
 * @property {Record<import('./contenders/index.js').ContenderName, (variant: any) => object>} body
 * @property {Partial<Record<import('./contenders/index.js').ContenderName, (data: any) => any>>} shape converts a
 * response to the common form
 * @property {boolean} [writes] a mutation: each request needs new variants, responses are compared without `id`, and
 *   their length may vary under load
 */

/**
 * The values for variants.
 *
 * @typedef {object} Pool
 * @property {readonly string[]} ids of grievances
 * @property {readonly { service: string, postgraphile: string, bare: [string, string] }[]} cursors the same positions
 * in the form of each contender
 * @property {readonly { memberId: string, organizationId: string }[]} visits pairs of members and organizations that
 * are not deleted
 */

const serviceGrievance = `id grievanceNumber status filedDate
  employer { name city } member { fullName memberNumber } steps { stepNumber meetingDate outcome }`;
const peerGrievance = `id: rowId grievanceNumber status filedDate
  employer: organizationByEmployerId { name city }
  member: memberByMemberId { fullName memberNumber }
  steps: grievanceStepRecordsByGrievanceId(orderBy: STEP_NUMBER_ASC) { nodes { stepNumber meetingDate outcome } }`;

const peerList = `query Grievances($first: Int!, $after: Cursor) {
  grievances: allGrievances(first: $first, after: $after, orderBy: [FILED_DATE_DESC, ROW_ID_DESC]) { nodes { ${peerGrievance} } }
}`;
const serviceList = `query Grievances($first: Int!, $after: String) { grievances(first: $first, after: $after) { nodes { ${serviceGrievance} } } }`;

/**
 * A page of grievances of any size.
 *
 * @param {number} first
 * @returns {Question}
 */
export const listOf = (first) => ({
  name: first === 50 ? 'list' : `list of ${first}`,
  says: `a page of ${first} grievances from a cursor, with employer, grievant and steps`,
  targets: first === 50 ? { postgraphile: 1.5, bare: 0.8 } : {},
  variants: ({ cursors }) => cursors,
  body: {
    service: ({ service }) => ({ query: serviceList, variables: { first, after: service } }),
    postgraphile: ({ postgraphile }) => ({ query: peerList, variables: { first, after: postgraphile } }),
    bare: ({ bare }) => ({ question: 'list', first, after: bare }),
  },
  shape: { postgraphile: ({ grievances }) => ({ grievances: { nodes: grievances.nodes.map(grievanceOfPeer) } }) },
});

const serviceLog = `mutation Log($input: LogSaltingActivityInput!) {
  logSaltingActivity(input: $input) { id activityDate workersContacted member { memberNumber } organization { name } }
}`;
const peerLog = `mutation Log($activity: SaltingActivityInput!) {
  logSaltingActivity: createSaltingActivity(input: { saltingActivity: $activity }) {
    activity: saltingActivity { id: rowId activityDate workersContacted
      member: memberByMemberId { memberNumber } organization: organizationByOrganizationId { name } }
  }
}`;

/** The common input of every visit. The date is in the past, whenever the benchmark runs. */
const activity = {
  activityDate: '2026-01-15',
  workersContacted: 12,
  cardsSigned: 3,
  location: 'Main gate',
  description: 'Handed out cards.',
};

const serviceFile = `mutation File($input: FileGrievanceInput!) {
  fileGrievance(input: $input) { id status filedDate member { memberNumber } employer { name } }
}`;
const peerFile = `mutation File($grievance: GrievanceInput!) {
  fileGrievance: createGrievance(input: { grievance: $grievance }) {
    grievance { id: rowId status filedDate member: memberByMemberId { memberNumber } employer: organizationByEmployerId { name } }
  }
}`;

/** The common input of every filed grievance. */
const complaint = { filedDate: '2026-01-15', incidentDate: '2026-01-12', violationDescription: 'Sent home without pay.' };

/** Add a line to this table to measure another query or mutation. Mutations have `writes` and come last. */
export const questions = /** @type {Question[]} */ ([
  {
    name: 'me',
    says: 'who is asking, with roles',
    targets: { postgraphile: 3 },
    variants: () => [null],
    body: {
      service: () => ({ query: '{ me { username fullName roles { role { name } } } }' }),
      postgraphile: () => ({ query: '{ me { username fullName roles: userRolesByUserId { nodes { role: roleByRoleId { name } } } } }' }),
      bare: () => ({ question: 'me' }),
    },
    shape: { postgraphile: ({ me }) => ({ me: { ...me, roles: me.roles.nodes } }) },
  },
  listOf(50),
  {
    name: 'one',
    says: 'one grievance by its id, with employer, grievant and steps',
    targets: { postgraphile: 3 },
    variants: ({ ids }) => ids,
    body: {
      service: (id) => ({
        query: `query Grievance($id: ID!) { grievance(id: $id) { ${serviceGrievance} violationDescription remedySought } }`,
        variables: { id },
      }),
      postgraphile: (id) => ({
        query: `query Grievance($id: UUID!) { grievance: grievanceByRowId(rowId: $id) { ${peerGrievance} violationDescription remedySought } }`,
        variables: { id },
      }),
      bare: (id) => ({ question: 'one', id }),
    },
    shape: { postgraphile: ({ grievance }) => ({ grievance: grievanceOfPeer(grievance) }) },
  },
  {
    name: 'log',
    says: 'records a salting activity, and answers it with its member and organization',
    as: 'organizer',
    targets: { postgraphile: 2.5 },
    writes: true,
    variants: ({ visits }) => visits.map((visit) => ({ ...visit, ...activity })),
    body: {
      service: (visit) => ({ query: serviceLog, variables: { input: { ...visit, activityType: 'SITE_VISIT' } } }),
      postgraphile: (visit) => ({ query: peerLog, variables: { activity: { ...visit, activityType: 'site_visit' } } }),
      bare: (visit) => ({ question: 'log', ...visit, activityType: 'site_visit' }),
    },
    shape: { postgraphile: ({ logSaltingActivity: { activity: logged } }) => ({ logSaltingActivity: logged }) },
  },
  {
    name: 'file',
    says: 'files a grievance under the next number of its year, and answers it with its grievant and employer',
    targets: { postgraphile: 2.5 },
    writes: true,
    variants: ({ visits }) => visits.map(({ memberId, organizationId }) => ({ memberId, employerId: organizationId, ...complaint })),
    body: {
      service: (input) => ({ query: serviceFile, variables: { input } }),
      postgraphile: (grievance) => ({ query: peerFile, variables: { grievance } }),
      bare: (grievance) => ({ question: 'file', ...grievance }),
    },
    shape: {
      postgraphile: ({ fileGrievance: { grievance } }) => ({ fileGrievance: { ...grievance, status: grievance.status.toUpperCase() } }),
    },
  },
]);

/** PostGraphile returns a list as a connection, and text with a check constraint unchanged. */
const grievanceOfPeer = ({ steps, status, ...rest }) => ({
  ...rest,
  status: status.toUpperCase(),
  steps: steps.nodes.map(({ outcome, ...step }) => ({ ...step, outcome: outcome.toUpperCase() })),
});

/**
 * Sends every variant to every contender and compares the responses.
 *
 * @param {Question} question
 * @param {Pool} pool
 * @param {readonly { name: import('./contenders/index.js').ContenderName, url: string, tokens:
 * import('./contenders/index.js').Tokens }[]} contenders
 * @returns {Promise<Map<string, import('./load.js').Asked[]>>} the requests by contender, each with the length of its
 * answer
 */
export async function compared(question, pool, contenders) {
  const requests = new Map(contenders.map(({ name }) => [name, /** @type {import('./load.js').Asked[]} */ ([])]));
  for (const variant of question.variants(pool)) {
    let expected = '';
    for (const { name, url, tokens } of contenders) {
      const body = JSON.stringify(question.body[name](variant));
      const headers = headersOf(tokens[question.as ?? 'officer']);
      const response = await fetch(url, { method: 'POST', headers, body });
      const text = await response.text();
      const answer = canonical(question, name, response.status, text);
      if (expected !== '' && answer !== expected) {
        throw new Error(`${titles[name]} answers "${question.name}" differently:\n${difference(answer, expected)}`);
      }
      expected = answer;
      requests.get(name)?.push({ body, headers, bytes: question.writes ? null : Buffer.byteLength(text) });
    }
  }
  return requests;
}

/**
 * @param {Question} question
 * @param {import('./contenders/index.js').ContenderName} name
 * @param {number} status
 * @param {string} text
 */
function canonical(question, name, status, text) {
  const { data, errors } = JSON.parse(text);
  if (status !== 200 || errors || !data)
    throw new Error(`${titles[name]} does not answer "${question.name}": ${status} ${text.slice(0, 2000)}`);
  return JSON.stringify(sorted(question.shape[name]?.(data) ?? data, question.writes ? ['id'] : []));
}

/**
 * Returns the part of both texts around the first different character.
 *
 * @param {string} one
 * @param {string} other
 */
function difference(one, other) {
  const at = [...one].findIndex((character, place) => character !== other[place]);
  const around = (/** @type {string} */ text) => `… ${text.slice(Math.max(0, at - 100), at + 100)} …`;
  return `${around(one)}\nand not, as those before it:\n${around(other)}`;
}

/**
 * Returns the value with its keys in alphabetical order.
 *
 * @param {any} value
 * @param {readonly string[]} without
 * @returns {any}
 */
function sorted(value, without) {
  if (Array.isArray(value)) return value.map((each) => sorted(each, without));
  if (value === null || typeof value !== 'object') return value;
  const keys = Object.keys(value).filter((key) => !without.includes(key));
  return Object.fromEntries(keys.sort().map((key) => [key, sorted(value[key], without)]));
}

/**
 * Collects cursors across the list, ids across the table, and pairs of members and organizations.
 *
 * @param {{ pool: import('pg').Pool }} bench
 * @param {readonly { name: string, url: string, tokens: import('./contenders/index.js').Tokens }[]} contenders
 * @returns {Promise<Pool>}
 */
export async function drawPool({ pool }, contenders) {
  const { rows } = await pool.query(
    'select id, filed_date::text as day from grievances where deleted_at is null order by filed_date desc, id desc',
  );
  const ids = Array.from({ length: Math.min(997, rows.length) }, (_, n) => rows[(n * 7919) % rows.length].id);
  const wanted = Math.min(100, Math.max(1, Math.floor(rows.length / 200)));
  const last = rows.length - 101;
  const places = Array.from({ length: wanted }, (_, n) => Math.floor((last * (n + 1)) / wanted));
  const [service, postgraphile] = await Promise.all(
    ['service', 'postgraphile'].map((name) =>
      cursorsOf(
        contenders.find((each) => each.name === name),
        rows.length,
        places,
      ),
    ),
  );
  const cursors = places.map((place, n) => {
    if ([service, postgraphile].some((each) => each && each[n].id !== rows[place].id))
      throw new Error('The contenders order the list differently.');
    return { service: service?.[n].cursor, postgraphile: postgraphile?.[n].cursor, bare: [rows[place].day, rows[place].id] };
  });
  return { ids, cursors: shuffled(cursors), visits: await drawVisits(pool) };
}

/** Selects members at equal distances, each with a different organization. */
async function drawVisits(pool) {
  const [members, organizations] = await Promise.all(
    ['members', 'organizations'].map((table) => pool.query(`select id from ${table} where deleted_at is null order by id`)),
  );
  return Array.from({ length: Math.min(499, members.rowCount) }, (_, n) => ({
    memberId: members.rows[(n * 7919) % members.rowCount].id,
    organizationId: organizations.rows[(n * 7907) % organizations.rowCount].id,
  }));
}

/** Pages through a contender's list and returns the cursors at these positions. */
async function cursorsOf(contender, length, places) {
  if (!contender) return null;
  const isService = contender.name === 'service';
  const query = isService
    ? 'query Cursors($after: String) { list: grievances(first: 100, after: $after) { edges { cursor node { id } } } }'
    : 'query Cursors($after: Cursor) { list: allGrievances(first: 100, after: $after, orderBy: [FILED_DATE_DESC, ROW_ID_DESC]) { edges { cursor node { id: rowId } } } }';
  const edges = [];
  while (edges.length < length) {
    const { list } = await ask(contender.url, { query, variables: { after: edges.at(-1)?.cursor ?? null } }, contender.tokens.officer);
    if (list.edges.length === 0) throw new Error('A list ended too early.');
    edges.push(...list.edges);
  }
  return places.map((place) => ({ cursor: edges[place].cursor, id: edges[place].node.id }));
}

/** Separates neighbors, in the same way each time. */
const shuffled = (items) =>
  items
    .map((item, n) => ({ item, key: (n * 37) % 101 }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
