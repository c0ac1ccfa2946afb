import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'graphql';
import { StatementNames } from '../src/database/run.ts';
import { bytesOf, Documents } from '../src/http/documents.ts';
import { aLocal, type Local } from './support/local.ts';

// Tests the limits of the document cache, which callers can fill it, and persisted queries, which use the same cache.

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

interface Asked {
  readonly status: number;
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string; readonly fields?: unknown } }[];
}

/** Sends a request like the links of Apollo and urql: a hash, with or without the document. */
async function send(local: Local, token: string | null, body: object, method: 'GET' | 'POST' = 'POST'): Promise<Asked> {
  const headers = {
    'content-type': 'application/json',
    accept: 'application/graphql-response+json,application/json;q=0.9',
    ...(token !== null && { authorization: `Bearer ${token}` }),
  };
  const search = Object.entries(body).map(([name, value]): [string, string] => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  const url = `${local.url}/graphql`;
  const response = await (method === 'GET'
    ? fetch(`${url}?${new URLSearchParams(search)}`, { headers })
    : fetch(url, { method: 'POST', headers, body: JSON.stringify(body) }));
  return { status: response.status, ...((await response.json()) as Omit<Asked, 'status'>) };
}

const persisted = (hash: unknown, version = 1): object => ({ extensions: { persistedQuery: { version, sha256Hash: hash } } });
const codesOf = ({ errors = [] }: Asked): string[] => errors.map(({ extensions }) => extensions.code);

describe('persisted queries', () => {
  let local: Local;
  let token: string | null;
  beforeAll(async () => {
    local = await aLocal({ comparesExecutions: false });
    token = await local.officer.token();
  });

  const notFound = {
    status: 200,
    errors: [{ message: 'PersistedQueryNotFound', extensions: expect.objectContaining({ code: 'PERSISTED_QUERY_NOT_FOUND' }) }],
  };

  it.each(['POST', 'GET'] as const)('are stored for a signed-in caller, and requested by hash from %s', async (method) => {
    const query = `query By${method} { me { username } }`;
    const hash = hashOf(query);
    expect(await send(local, token, persisted(hash), method)).toMatchObject(notFound);
    expect(await send(local, token, { query, ...persisted(hash) }, method)).toMatchObject({ data: { me: { username: 'officer' } } });
    expect(await send(local, token, persisted(hash), method)).toMatchObject({ status: 200, data: { me: { username: 'officer' } } });
    // with the caller's permissions
    expect(codesOf(await send(local, null, persisted(hash), method))).toEqual(['UNAUTHENTICATED']);
  });

  it('are not stored for an anonymous or refused caller', async () => {
    const open = 'query Open { isConfigured }';
    expect(await send(local, null, { query: open, ...persisted(hashOf(open)) })).toMatchObject({ data: { isConfigured: false } });
    expect(await send(local, null, persisted(hashOf(open)))).toMatchObject(notFound);
    const closed = 'query Closed { me { id } member(id: "00000000-0000-4000-8000-000000000001") { id } }';
    expect(codesOf(await send(local, token, { query: closed, ...persisted(hashOf(closed)) }))).toEqual(['NOT_FOUND']);
    expect(await send(local, token, persisted(hashOf(closed)))).toMatchObject(notFound);
  });

  it('are requested with variables, which are checked each time', async () => {
    const query = 'query Page($first: Int!) { members(first: $first) { nodes { id } } }';
    const page = (first: unknown) => ({ ...persisted(hashOf(query)), variables: { first } });
    await send(local, token, { query, ...page(1) });
    expect((await send(local, token, page(2))).data).toMatchObject({ members: { nodes: [{}, {}] } });
    expect(codesOf(await send(local, token, page('many')))).toEqual(['BAD_INPUT']);
    expect(codesOf(await send(local, token, page(1000)))).toEqual(['BAD_INPUT']);
  });

  it('have the same limits as other operations', async () => {
    const query = 'query Deep($n: Int = 1) { members(first: $n) { nodes { grievances(first: $n) { nodes { steps { id } } } } } }';
    await send(local, token, { query, ...persisted(hashOf(query)) });
    expect(codesOf(await send(local, token, { ...persisted(hashOf(query)), variables: { n: 100 } }))).toEqual(['TOO_COMPLEX']);
  });

  it('must have the correct hash and version', async () => {
    const query = '{ me { id } }';
    const wrong = await send(local, token, { query, ...persisted(hashOf('another')) });
    expect(codesOf(wrong)).toEqual(['BAD_INPUT']);
    expect(wrong.status).toBe(400);
    expect(wrong.errors?.[0]?.extensions.fields).toEqual([
      { path: 'extensions.persistedQuery', message: 'must have the SHA-256 hash of the document' },
    ]);
    expect(await send(local, token, persisted(hashOf('another')))).toMatchObject(notFound);
    expect(codesOf(await send(local, token, { query, ...persisted(hashOf(query), 2) }))).toEqual(['BAD_INPUT']);
    for (const odd of [7, null, {}, ['a'], '__proto__', '']) expect(codesOf(await send(local, token, persisted(odd)))).toHaveLength(1);
  });

  it('allow no mutation by GET', async () => {
    const query = 'mutation Out { logout }';
    const { status, errors } = await send(local, token, { query, ...persisted(hashOf(query)) }, 'GET');
    expect([status, errors?.length]).toEqual([405, 1]);
    expect(await send(local, token, { query: '{ me { username } }' })).toMatchObject({ status: 200 });
  });
});

describe('trusted documents', () => {
  const known = 'query Me { me { username } }';
  const folders: string[] = [];
  afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

  async function trusting(manifest: object): Promise<Local> {
    const folder = await mkdtemp(join(tmpdir(), 'unionhall-manifest-'));
    folders.push(folder);
    const path = join(folder, 'manifest.json');
    await writeFile(path, JSON.stringify(manifest));
    return await aLocal({ comparesExecutions: false, environment: { TRUSTED_DOCUMENTS: path } });
  }

  const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken } } }';
  const manifests: [what: string, id: string, manifest: object][] = [
    [
      'of Apollo',
      hashOf(known),
      {
        format: 'apollo-persisted-query-manifest',
        version: 1,
        operations: [
          { id: hashOf(known), name: 'Me', type: 'query', body: known },
          { id: hashOf(login), name: 'Login', type: 'mutation', body: login },
        ],
      },
    ],
    ['of GraphQL Code Generator', 'sha1-of-me', { 'sha1-of-me': known, 'sha1-of-login': login }],
  ];

  it.each(manifests)('%s are executed, and no others', async (_what, id, manifest) => {
    const local = await trusting(manifest);
    const token = await local.officer.token();
    const me = { data: { me: { username: 'officer' } } };
    for (const method of ['GET', 'POST'] as const) expect(await send(local, token, persisted(id), method)).toMatchObject(me);
    expect(await send(local, token, { query: known })).toMatchObject(me);
    for (const query of ['{ me { username } }', '{ __schema { types { name } } }', '{ __typename }'])
      for (const body of [{ query }, { query, ...persisted(hashOf(query)) }]) {
        const answer = await send(local, token, body);
        expect([answer.status, answer.data, codesOf(answer)]).toEqual([400, undefined, ['UNTRUSTED_DOCUMENT']]);
      }
    expect(codesOf(await send(local, token, persisted(hashOf('{ __typename }'))))).toEqual(['PERSISTED_QUERY_NOT_FOUND']);
    expect((await fetch(`${local.url}/`)).status).toBe(404);
  });

  it('require a manifest of one of the two forms', async () => {
    for (const manifest of [[], { format: 'another', version: 1, operations: [] }, { id: 7 }])
      await expect(trusting(manifest)).rejects.toThrow('TRUSTED_DOCUMENTS');
    const environment = { TRUSTED_DOCUMENTS: join(tmpdir(), 'there-is-none.json') };
    await expect(aLocal({ environment })).rejects.toThrow('TRUSTED_DOCUMENTS names a file that cannot be read (ENOENT)');
  });
});

describe('the document cache', () => {
  /** Builds what Apollo reports about an answered request. */
  const answered = (text: string, parts: object = {}) => {
    const document = parse(text);
    return {
      document,
      operation: document.definitions[0],
      queryHash: hashOf(text),
      response: { body: { kind: 'single', singleResult: { data: {} } } },
      contextValue: { viewer: { isAnonymous: false } },
      ...parts,
    };
  };
  const after = async (documents: Documents<never>, request: object): Promise<void> =>
    (await documents.plugin.requestDidStart?.({} as never))?.willSendResponse?.(request as never);

  it('keeps documents that a signed-in caller received without errors, up to its limit', async () => {
    const documents = new Documents<never>(10_000_000);
    for (let n = 0; n < 2_000; n += 1) {
      await after(documents, answered(`{ me { ${'id username '.repeat(20)} a${n}: id } }`));
      expect(documents.bytes).toBeLessThanOrEqual(10_000_000);
    }
    expect(documents.bytes).toBeGreaterThan(5_000_000);
    const last = `{ me { ${'id username '.repeat(20)} a1999: id } }`;
    expect(await documents.persisted.get(`apq:${hashOf(last)}`)).toBe(last);
  });

  it.each([
    ['an anonymous caller', { contextValue: { viewer: { isAnonymous: true } } }],
    ['a caller who is refused', { response: { body: { kind: 'single', singleResult: { data: null, errors: [{}] } } } }],
    ['a request that failed', { errors: [new Error()] }],
    ['a document that is not valid', { document: undefined }],
  ])('keeps nothing of %s', async (_what, parts) => {
    const documents = new Documents<never>();
    await after(documents, answered('{ me { id } }', parts));
    await documents.parsed.set('schema:hash', parse('{ me { id } }'));
    await documents.persisted.set('apq:hash', '{ me { id } }');
    expect(documents.bytes).toBe(0);
  });

  it('counts the fields of a fragment at each spread, in linear time', () => {
    const fragments = Array.from({ length: 30 }, (_, n) => `fragment f${n} on User { ${n === 29 ? 'id' : `...f${n + 1} ...f${n + 1}`} }`);
    expect(bytesOf(parse(`{ me { ...f0 } } ${fragments.join(' ')}`))).toBeGreaterThan(2 ** 29 * 1000);
  });

  it('limits the total length of named statements', () => {
    const names = new StatementNames(500, 3_600_000, 100_000);
    const given = Array.from({ length: 500 }, (_, n) => names.of(`select ${n} ${'x'.repeat(1000)}`)).filter(Boolean);
    expect(given.length).toBeGreaterThan(90);
    expect(given.length).toBeLessThan(100);
  });
});
