// Sends one query as two users, marks the lines that differ, and shows the rules of the types and fields that differ.
const { initialEnvironments } = await (await fetch(new URL('windows.json', location.href))).json();
const accounts = initialEnvironments.subEnvironments.map(({ title, variables }) => ({ title, ...variables }));
const element = (id) => document.getElementById(id);
const tokens = new Map();

for (const [id, chosen] of [
  ['one', 'officer'],
  ['other', 'member'],
]) {
  element(id).append(...accounts.map(({ title, username }) => new Option(title, username, false, username === chosen)));
}
element('send').addEventListener('click', () => void compare());

async function compare() {
  const query = element('query').value;
  const answers = await Promise.all(['one', 'other'].map((id) => answerFor(element(id).value, query)));
  const texts = answers.map(textOf);
  show('one-answer', texts[0], texts[1]);
  show('other-answer', texts[1], texts[0]);
  const types = await readTypes();
  const rules = new Set(differences(answers[0].data, answers[1].data, types.query, types));
  const listed = rules.size > 0 ? [...rules] : ['Both people get the same.'];
  element('rules').replaceChildren(...listed.map((text) => Object.assign(document.createElement('li'), { textContent: text })));
}

async function answerFor(username, query) {
  const answer = await ask(query, {}, await tokenOf(username));
  if (!answer.errors?.some(({ extensions }) => extensions?.code === 'UNAUTHENTICATED')) return answer;
  tokens.delete(username);
  return await ask(query, {}, await tokenOf(username));
}

async function tokenOf(username) {
  if (!tokens.has(username)) {
    const { password } = accounts.find((account) => account.username === username);
    const signIn = 'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken } } }';
    const { data } = await ask(signIn, { input: { identifier: username, password } });
    tokens.set(username, data?.login?.accessToken);
  }
  return tokens.get(username);
}

async function ask(query, variables, token) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(new URL('../graphql', location.href), {
    method: 'POST',
    headers,
    body: JSON.stringify({ query, variables }),
  });
  return await response.json();
}

// The place and time of an error differ in every response.
function textOf({ data, errors }) {
  const said = errors?.map(({ message, path, extensions }) => ({ message, path, code: extensions?.code }));
  return JSON.stringify({ ...(said && { errors: said }), data }, null, 2);
}

function show(id, text, other) {
  const common = commonLines(text.split('\n'), other.split('\n'));
  const lines = text.split('\n').map((line, index) => {
    const shown = document.createElement(common.has(index) ? 'span' : 'mark');
    shown.textContent = `${line}\n`;
    return shown;
  });
  element(id).replaceChildren(...lines);
}

// Returns the indexes of the lines of a longest common subsequence.
function commonLines(mine, theirs) {
  const lengths = Array.from({ length: mine.length + 1 }, () => new Uint16Array(theirs.length + 1));
  for (let at = mine.length - 1; at >= 0; at -= 1) {
    for (let to = theirs.length - 1; to >= 0; to -= 1) {
      lengths[at][to] = mine[at] === theirs[to] ? lengths[at + 1][to + 1] + 1 : Math.max(lengths[at + 1][to], lengths[at][to + 1]);
    }
  }
  const common = new Set();
  for (let at = 0, to = 0; at < mine.length && to < theirs.length;) {
    if (mine[at] === theirs[to]) {
      common.add(at);
      at += 1;
      to += 1;
    } else if (lengths[at + 1][to] >= lengths[at][to + 1]) at += 1;
    else to += 1;
  }
  return common;
}

// Reads the descriptions of the schema, which contain the generated rules.
async function readTypes() {
  const type = 'name ofType { name ofType { name ofType { name } } }';
  const { data } = await ask(`{ __schema { queryType { name } types { name description fields { name description type { ${type} } } } } }`);
  const types = new Map(data.__schema.types.map(({ name, description, fields }) => [name, { name, description, fields: fields ?? [] }]));
  return { query: types.get(data.__schema.queryType.name), get: (name) => types.get(name) };
}

// Walks through both responses. Finds no rule for a field with an alias, because the response does not contain its
// name.
function* differences(one, other, type, types) {
  if (JSON.stringify(one) === JSON.stringify(other) || !type) return;
  if (Array.isArray(one) && Array.isArray(other)) {
    if (idsOf(one) !== idsOf(other)) yield `${type.name}: ${type.description}`;
    for (const [index, each] of one.entries()) {
      const same = each?.id === undefined ? other[index] : other.find(({ id }) => id === each.id);
      if (same !== undefined) yield* differences(each, same, type, types);
    }
  } else if (isObject(one) && isObject(other)) {
    for (const [key, value] of Object.entries(one)) {
      const field = type.fields.find(({ name }) => name === key);
      if (!field || JSON.stringify(value) === JSON.stringify(other[key])) continue;
      const next = types.get(nameOf(field.type));
      if ((value === null) !== (other[key] === null)) yield `${type.name}.${key}: ${field.description}`;
      else if (next?.fields.length) yield* differences(value, other[key], next, types);
    }
  } else yield `${type.name}: ${type.description}`;
}

// Records without an id are compared in their order.
function idsOf(list) {
  return JSON.stringify(list.map((each, index) => each?.id ?? index));
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function nameOf(type) {
  return type.name ?? nameOf(type.ofType);
}
