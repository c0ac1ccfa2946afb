import { request } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { getNamedType, isInputObjectType, isLeafType, type GraphQLInputType, type GraphQLSchema } from 'graphql';
import { schemaOf } from './rights/kit.ts';
import { aLocal, type Local } from './support/local.ts';

// Sends harmful requests, which must be refused before any work and without affecting others.

let local: Local;
beforeAll(async () => {
  local = await aLocal({ comparesExecutions: false });
});

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** Sends bytes unchanged. */
function send(body: Buffer | string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = request(
      `${local.url}/graphql`,
      { method: 'POST', headers: { 'content-type': 'application/json', ...headers } },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.once('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            type: response.headers['content-type'] ?? '',
            text: Buffer.concat(parts).toString(),
          }),
        );
      },
    );
    asking.once('error', reject);
    asking.end(body);
  });
}

const asked = (query: string, variables: unknown = {}): string => JSON.stringify({ query, variables });
const times = <T>(count: number, each: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => each(n));
/** Returns nested fields; the wrappers of rows do not count. */
const nested = (levels: number): string =>
  levels === 0 ? '{ totalCount }' : `{ nodes { member { grievances(first: 1) ${nested(levels - 1)} } } }`;

/** Returns fragments that each spread the next one twice. @param mark makes it a new document. */
const bomb = (levels: number, mark = ''): string =>
  `{ me { ...f0 } } ${times(levels, (n) => `fragment f${n} on User { ${n === levels - 1 ? `id ${mark}` : `...f${n + 1} ...f${n + 1}`} }`).join(' ')}`;

/**
 * Documents by their defect, with the expected code, which depends on whether tokens or the stack run out first. Each
 * round has its own documents.
 */
const documents: readonly (readonly [what: string, code: string, body: (round: number) => string])[] = [
  ['a fragment bomb', 'BAD_INPUT', (n) => asked(bomb(25, `a${n}: id`))],
  ['a wide fragment bomb', 'BAD_INPUT', (n) => asked(`{ me { ${'...f '.repeat(900)} } } fragment f on User { id a${n}: username }`)],
  ['fragments in a circle', 'BAD_INPUT', (n) => asked(`{ me { ...a } } fragment a on User { x${n}: id ...b } fragment b on User { ...a }`)],
  ['20,000 tokens', 'TOO_COMPLEX', (n) => asked(`{ a${n}: me { ${'id '.repeat(20_000)} } }`)],
  ['30 levels', 'TOO_COMPLEX', (n) => asked(`query a${n} { grievances(first: 1) ${nested(14)} }`)],
  ['3,000 levels', 'TOO_COMPLEX', (n) => asked(`query a${n} ${'{ members '.repeat(3_000)}${'}'.repeat(3_000)}`)],
  [
    '3,000 brackets',
    'BAD_INPUT|TOO_COMPLEX',
    (n) => asked(`{ a${n}: members(filter: ${'['.repeat(3_000)}${']'.repeat(3_000)}) { totalCount } }`),
  ],
  ['900 brackets', 'BAD_INPUT', (n) => asked(`{ a${n}: members(filter: ${'['.repeat(900)}${']'.repeat(900)}) { totalCount } }`)],
  ['100 aliases', 'TOO_COMPLEX', (n) => asked(`{ ${times(100, (at) => `a${n}_${at}: isConfigured`).join(' ')} }`)],
  [
    '100 sign-ins',
    'TOO_COMPLEX',
    (n) => asked(`mutation { ${times(100, (at) => `a${n}_${at}: reauthenticate(input: { password: "p" })`).join(' ')} }`),
  ],
  [
    'pages of pages',
    'TOO_COMPLEX',
    (n) =>
      asked(
        `query a${n} { members(first: 100) { nodes { grievances(first: 100) { nodes { member { grievances(first: 100) { nodes { id } } } } } } } }`,
      ),
  ],
  ['1,900 directives', 'BAD_INPUT', (n) => asked(`query a${n} { me ${'@b '.repeat(940)} { id } }`)],
  ['1,900 times the same', 'BAD_INPUT', (n) => asked(`query a${n} { me { ${'id '.repeat(1_900)} } }`)],
  [
    'a variable of 40,000 levels',
    'BAD_INPUT',
    (n) => `{"query":"query a${n} { isConfigured }","variables":{"a":${'['.repeat(40_000)}"\\u0000"${']'.repeat(40_000)}}}`,
  ],
  ['a name of 90,000 letters', 'BAD_INPUT', (n) => asked(`{ ${'a'.repeat(90_000)}${n} }`)],
  ['a prototype', 'BAD_INPUT', (n) => `{"query":"query a${n} { me { id } }","__proto__":{"isAdmin":true}}`],
];

/** Bodies that never become a document. */
const bodies: readonly (readonly [what: string, status: number, body: () => Buffer | string, headers?: Record<string, string>])[] = [
  ['1 MB', 413, () => asked(`{ me { id } } #${'x'.repeat(1_000_000)}`)],
  [
    'UTF-16, and says so',
    415,
    () => Buffer.from(asked('{ isConfigured }'), 'utf16le'),
    { 'content-type': 'application/json; charset=utf-16' },
  ],
  ['UTF-16, and does not say so', 400, () => Buffer.from(asked('{ isConfigured }'), 'utf16le')],
  ['UTF-8 that says it is UTF-16', 415, () => asked('{ isConfigured }'), { 'content-type': 'application/json; charset="UTF-16"' }],
  ['Latin-1', 415, () => Buffer.from(asked('{ isConfigured } # é'), 'latin1')],
  [
    'UTF-8 that is cut',
    415,
    () => Buffer.concat([Buffer.from('{"query":"{ isConfigured } # '), Buffer.from([0xe2, 0x82]), Buffer.from('"}')]),
  ],
  ['half a surrogate pair', 415, () => Buffer.concat([Buffer.from('{"query":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')])],
  ['what is compressed', 415, () => gzipSync(asked('{ isConfigured }')), { 'content-encoding': 'gzip' }],
  ['a compressed megabyte', 415, () => gzipSync(asked(`{ me { id } } #${'x'.repeat(1_000_000)}`)), { 'content-encoding': 'gzip' }],
  ['40,000 brackets', 400, () => '['.repeat(40_000)],
];

const codesOf = ({ text }: Answer): string[] => {
  const { errors = [] } = JSON.parse(text) as { errors?: { extensions: { code: string } }[] };
  return [...new Set(errors.map(({ extensions }) => extensions.code))];
};

describe('refused in JSON and without a statement:', () => {
  it.each(documents)('%s', async (_what, code, body) => {
    const before = local.heard.length;
    const answer = await send(body(0));
    expect([codesOf(answer), answer.status < 500]).toEqual([[expect.stringMatching(`^(${code})$`)], true]);
    expect(answer.type).toMatch(/json/);
    expect(local.heard.length - before).toBe(0);
  });

  it.each(bodies)('%s', async (_what, status, body, headers = {}) => {
    const before = local.heard.length;
    const answer = await send(body(), headers);
    expect([answer.status, codesOf(answer)]).toEqual([status, ['BAD_INPUT']]);
    expect(answer.type).toMatch(/json/);
    expect(local.heard.length - before).toBe(0);
  });
});

/** Literals and values of each kind, with a text that must not appear in a response. */
const secret = 'Zq7secret';
const literals = [
  `"${secret}"`,
  `"""${secret}"""`,
  `"${secret}: ${secret}, found ${secret}; ${secret}"`,
  `"${secret}\\" does not exist in \\"${secret}\\" enum."`,
  secret,
  '7700770',
  '7700770.7700770',
  '77007700770077007700770',
  `["${secret}"]`,
  `{ ${secret}: "${secret}" }`,
];
const values: readonly unknown[] = [
  secret,
  `${secret}: ${secret}, found ${secret}; ${secret}`,
  `" at "${secret}"; Expected type "${secret}". Field "${secret}" is not defined by type "${secret}".`,
  `${secret}" does not exist in "${secret}" enum.`,
  7_700_770,
  7_700_770.770_077,
  7.700770077007e22,
  [secret],
  { [`${secret} at "x"`]: secret },
  { a: { b: [`at "${secret}"`] } },
];

/** The type of an argument, and the fields from there to a value. */
type Place = readonly [field: string, argument: string, type: GraphQLInputType, path: readonly string[]];

/** Returns an input position for each scalar and enum by name. */
function placesIn(schema: GraphQLSchema): Map<string, Place> {
  const found = new Map<string, Place>();
  const within = (type: GraphQLInputType, place: Place, seen: readonly string[]): void => {
    const named = getNamedType(type);
    if (isLeafType(named) && !found.has(named.name)) found.set(named.name, place);
    if (!isInputObjectType(named) || seen.includes(named.name)) return;
    const [field, argument, whole, path] = place;
    for (const { name, type: inner } of Object.values(named.getFields()))
      within(inner, [field, argument, whole, [...path, name]], [...seen, named.name]);
  };
  for (const root of [schema.getQueryType(), schema.getMutationType()])
    for (const { name, args } of Object.values(root?.getFields() ?? {}))
      for (const arg of args) within(arg.type, [name, arg.name, arg.type, []], []);
  return found;
}

describe('no response repeats input', () => {
  it('of any scalar or enum, as a literal or in a variable', async () => {
    const schema = await schemaOf(local);
    const places = placesIn(schema);
    expect([...places.keys()]).toEqual(expect.arrayContaining(['String', 'ID', 'Int', 'Boolean', 'Date', 'DateTime', 'Decimal']));
    const repeated: unknown[] = [];
    const see = ({ errors }: { errors: readonly object[] }, ...sent: unknown[]): void => {
      if (/7secret|77007/.test(JSON.stringify(errors))) repeated.push([...sent, errors]);
    };
    for (const [name, [field, argument, type, path]] of places) {
      for (const literal of literals) see(await local.anonymous.ask(`query ($v: ${name} = ${literal}) { isConfigured }`), name, literal);
      const isMutation = schema.getMutationType()?.getFields()[field] !== undefined;
      const document = `${isMutation ? 'mutation' : 'query'} ($v: ${String(type)}) { ${field}(${argument}: $v) { __typename } }`;
      for (const value of values) {
        const whole = path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
        see(await local.anonymous.ask(document, { v: whole }), name, document, whole);
      }
    }
    expect(repeated).toEqual([]);
  });
});

describe('an honest request', () => {
  it.each<[string, Record<string, string>, string]>([
    ['says that it is UTF-8', { 'content-type': 'application/json; charset=utf-8' }, ''],
    ['says so otherwise', { 'content-type': 'Application/JSON;charset="UTF8"' }, ''],
    ['begins with a byte order mark', {}, '\ufeff'],
  ])('is answered if it %s', async (_what, headers, prefix) => {
    const answer = await send(`${prefix}${asked('{ isConfigured } # é 漢 🎉')}`, headers);
    expect([answer.status, answer.text]).toEqual([200, '{"data":{"isConfigured":false}}\n']);
  });
});

describe('under all of these at once', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heap = (): number => {
    collect();
    return process.memoryUsage().heapUsed / 1024 ** 2;
  };

  /** Sends every document and body in this many rounds, with valid requests of another caller in between. */
  async function storm(from: number, rounds: number): Promise<Answer[]> {
    const ordinary: Answer[] = [];
    for (let round = from; round < from + rounds; round += 1) {
      const hostile = [
        ...documents.map(([, , body]) => send(body(round))),
        ...bodies.map(([, , body, headers]) => send(body(), headers).catch(() => null)),
      ];
      ordinary.push(await send(asked('{ isConfigured }')));
      await Promise.all(hostile);
    }
    return ordinary;
  }

  it('others are answered, and no memory is lost', async () => {
    await storm(1, 6);
    const before = heap();
    const ordinary = await storm(7, 18);
    expect(ordinary.filter(({ status, text }) => status !== 200 || text !== '{"data":{"isConfigured":false}}\n')).toEqual([]);
    // about 470 requests of up to a megabyte; valid documents may be cached, up to 30 MB
    expect(heap() - before).toBeLessThan(48);
  });
});
