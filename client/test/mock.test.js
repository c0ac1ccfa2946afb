// The mocks, as the tests and the stories of a front end use them.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { addMocksToSchema } from '@graphql-tools/mock';
import { buildSchema, graphql } from 'graphql';
import { setupServer } from 'msw/node';
import { BenevolenceApplicationsDocument, createClient } from '../dist/index.js';
import { createHandlers, createMockSchema, mocks, typeDefs } from '../dist/mock.js';

const url = 'http://mock.test/graphql';
const server = setupServer(...createHandlers());
before(() => server.listen({ onUnhandledRequest: 'error' }));
afterEach(() => server.resetHandlers());
after(() => server.close());

const schema = createMockSchema();
const ask = async (source, variableValues = {}) => {
  const { data, errors } = await graphql({ schema, source, variableValues });
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
};

test('the client signs in and reads the seeds through Mock Service Worker', async () => {
  const client = createClient({ url });
  const signedIn = await client.signIn({ identifier: 'officer', password: 'any' });
  assert.deepEqual([signedIn.ok, signedIn.data.kind], [true, 'signed in']);
  const answer = await client.ask(BenevolenceApplicationsDocument, { first: 2 });
  assert.equal(answer.ok, true);
  assert.equal(answer.data.benevolenceApplications.nodes.length, 2);
  assert.match(answer.data.benevolenceApplications.nodes[0].amountRequested, /^\d+\.\d\d$/);
});

test('lists have filters, orders and pages', async () => {
  const list = `query ($filter: GrievanceFilter, $after: String) {
    grievances(filter: $filter, first: 3, after: $after, orderBy: { field: GRIEVANCE_NUMBER }) {
      totalCount pageInfo { hasNextPage endCursor } edges { cursor node { id grievanceNumber status member { id fullName } } } } }`;
  const all = (await ask(list)).grievances;
  assert.equal(all.pageInfo.hasNextPage, true);
  const next = (await ask(list, { after: all.pageInfo.endCursor })).grievances;
  const numbers = [...all.edges, ...next.edges].map(({ node }) => node.grievanceNumber);
  assert.deepEqual(numbers, [...new Set(numbers)].sort());
  const { status, member } = all.edges[0].node;
  const count = async (filter) => (await ask(list, { filter })).grievances.totalCount;
  assert.equal((await count({ status: { eq: status } })) + (await count({ status: { notIn: [status] } })), all.totalCount);
  assert.equal((await count({ not: [{ status: { eq: status } }] })) + (await count({ or: [{ status: { eq: status } }] })), all.totalCount);
  assert.ok((await count({ memberId: { eq: member.id } })) >= 1);
  assert.equal(await count({ status: { eq: null } }), all.totalCount);
});

test('relations lead to the records, and a missing record is NOT_FOUND', async () => {
  const { members } = await ask('{ members(first: 50) { nodes { id grievances { nodes { member { id } } } } } }');
  const own = members.nodes.flatMap(({ id, grievances }) => grievances.nodes.map(({ member }) => [id, member.id]));
  assert.ok(own.length > 0);
  for (const [id, member] of own) assert.equal(member, id);
  const { id } = members.nodes[0];
  assert.equal((await ask('query ($id: ID!) { member(id: $id) { id } node(id: $id) { __typename } }', { id })).node.__typename, 'Member');
  const { errors } = await graphql({ schema, source: '{ member(id: "none") { id } }' });
  assert.equal(errors[0].extensions.code, 'NOT_FOUND');
});

test('every list and every field of a record can be read', async () => {
  for (const list of ['members', 'organizations', 'grievances', 'benevolenceApplications', 'saltingActivities', 'users']) {
    const type = schema
      .getQueryType()
      .getFields()
      [list].type.toString()
      .replace(/Connection!?$/, '');
    const fields = Object.values(schema.getType(type).getFields()).filter(
      ({ args, type: of }) => args.length === 0 && !/Connection/.test(of),
    );
    const selection = fields.map(({ name, type: of }) => (/(Person|User|Member|Organization)!?$/.test(of) ? `${name} { id }` : name));
    const leaves = selection.filter(
      (text, place) => text.includes('{') || /^\[?(ID|String|Int|Boolean|Date|DateTime|Decimal)/.test(fields[place].type),
    );
    await ask(`{ ${list}(first: 100) { nodes { ${leaves.join(' ')} } } }`);
  }
});

test('addMocksToSchema works with the schema and the scalars of the package', async () => {
  const mocked = addMocksToSchema({ schema: buildSchema(typeDefs), mocks });
  const { data, errors } = await graphql({
    schema: mocked,
    source: '{ me { id createdAt } grievances { nodes { settlementAmount filedDate } } }',
  });
  assert.equal(errors, undefined, JSON.stringify(errors));
  assert.match(data.me.createdAt, /^\d{4}-/);
});
