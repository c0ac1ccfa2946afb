// Records the responses of the mocks: seeded records as an admin sees them. Start the service with `npm run seed`, then
// run `node record.js http://127.0.0.1:4000/graphql`.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSchema, getNamedType, getNullableType, isLeafType, isListType, isObjectType } from 'graphql';

const [url = 'http://127.0.0.1:4000/graphql', ...rest] = process.argv.slice(2);
if (rest.length > 0) throw new Error('Usage: node record.js [url]');
const schema = buildSchema(readFileSync(join(import.meta.dirname, '..', 'schema.graphql'), 'utf8'));
const lists = ['members', 'organizations', 'grievances', 'benevolenceApplications', 'saltingActivities', 'users'];
const typeOf = (list) =>
  schema
    .getQueryType()
    .getFields()
    [list].type.toString()
    .replace(/Connection!?$/, '');
const listed = new Set(lists.map(typeOf));

let token = null;
async function ask(query, variables = {}) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

/** Selects every field without arguments, and only the id of records that are recorded separately. */
function selection(type, depth = 0) {
  const fields = Object.values(type.getFields()).flatMap(({ name, args, type: of, deprecationReason }) => {
    const named = getNamedType(of);
    if (deprecationReason || args.some((arg) => arg.name === 'first')) return [];
    if (isLeafType(named)) return [name];
    if (!isObjectType(named)) return [];
    if (listed.has(named.name)) return [`${name} { __typename id }`];
    if (depth > 1 || (depth > 0 && isListType(getNullableType(of)))) return [];
    return [`${name} ${selection(named, depth + 1)}`];
  });
  return `{ __typename ${fields.join(' ')} }`;
}

const signIn = 'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken } } }';
token = (await ask(signIn, { input: { identifier: 'admin', password: 'unionhall-dev' } })).login.accessToken;
const records = {};
const add = (nodes) => nodes.forEach((node) => (records[node.id] = node));
for (const list of lists) add((await ask(`{ ${list}(first: 20) { nodes ${selection(schema.getType(typeOf(list)))} } }`))[list].nodes);

// also records the relations: a grievance keeps its member and its employer
const referred = (value) =>
  typeof value !== 'object' || value === null
    ? []
    : [...(listed.has(value.__typename) && !records[value.id] ? [value] : []), ...Object.values(value).flatMap(referred)];
for (let round = 0; round < 5; round += 1) {
  const missing = new Map(
    Object.values(records)
      .flatMap(referred)
      .map((value) => [value.id, value]),
  );
  for (const type of listed) {
    const ids = [...missing.values()].filter(({ __typename }) => __typename === type).map(({ id }) => id);
    for (let from = 0; from < ids.length; from += 20) {
      const query = `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on ${type} ${selection(schema.getType(type))} } }`;
      add((await ask(query, { ids: ids.slice(from, from + 20) })).nodes.filter(Boolean));
    }
  }
}
writeFileSync(join(import.meta.dirname, 'seeds.json'), JSON.stringify(Object.values(records)));
console.log(`${Object.keys(records).length} records. Run \`npm run generate\` now.`);
