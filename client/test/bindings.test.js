// Tests the bindings for other GraphQL clients. Each must send the client's tokens, and refresh them when they are
// refused.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { gql as apolloGql } from '@apollo/client';
import { gql } from '@urql/core';
import { makeServer } from 'graphql-ws';
import { buildSchema } from 'graphql';
import { createElement } from 'react';
import renderer, { act } from 'react-test-renderer';
import { WebSocket, WebSocketServer } from 'ws';
import { createApolloClient } from '../dist/apollo.js';
import { createClient } from '../dist/index.js';
import { UnionhallProvider, useMutation, useQuery } from '../dist/react.js';
import { createSubscriptions } from '../dist/subscriptions.js';
import { createUrqlClient } from '../dist/urql.js';

globalThis.IS_REACT_ACT_ENVIRONMENT = true;
const user = { __typename: 'User', id: 'u1', fullName: 'Maria Santos' };
const signed = (token) => ({
  __typename: 'SignedIn',
  accessToken: token,
  expiresIn: 600,
  refreshToken: `r-${token}`,
  deviceToken: null,
  user,
});

/** A service that accepts only the newest token, and records the requests. */
async function serviceOf(url = 'http://service.test/graphql') {
  const service = { token: 't1', asked: [] };
  const fetch = async (_url, { body, headers }) => {
    const { query } = JSON.parse(body);
    const sent = new Headers(headers).get('authorization');
    service.asked.push([query.includes('refresh(') ? 'refresh' : query.includes('login(') ? 'login' : 'query', sent]);
    const reply = (content) => new Response(JSON.stringify(content), { headers: { 'content-type': 'application/json' } });
    if (query.includes('login(')) return reply({ data: { login: signed(service.token) } });
    if (query.includes('refresh(')) return reply({ data: { refresh: signed(service.token) } });
    if (sent !== `Bearer ${service.token}`)
      return reply({ data: null, errors: [{ message: 'Sign in.', extensions: { code: 'UNAUTHENTICATED', requestId: '1' } }] });
    return reply({ data: { me: user } });
  };
  service.client = createClient({ url, fetch });
  assert.equal((await service.client.signIn({ identifier: 'officer', password: 'x' })).ok, true);
  service.asked.length = 0;
  return service;
}

const refreshed = [
  ['query', 'Bearer t1'],
  ['refresh', null],
  ['query', 'Bearer t2'],
];

test('urql refreshes a refused token and repeats the request', async () => {
  const service = await serviceOf();
  service.token = 't2';
  const { data, error } = await createUrqlClient(service.client).query(gql('{ me { id fullName } }'), {});
  assert.deepEqual([error, data.me.fullName, service.asked], [undefined, 'Maria Santos', refreshed]);
});

test('Apollo Client refreshes a refused token and repeats the request', async () => {
  const service = await serviceOf();
  service.token = 't2';
  const apollo = createApolloClient(service.client);
  const { data } = await apollo.query({ query: apolloGql('{ me { id fullName } }') });
  assert.deepEqual([data.me.fullName, service.asked], ['Maria Santos', refreshed]);
  apollo.stop();
});

test('the React hooks show an answer and send a mutation', async () => {
  const { client } = await serviceOf();
  const document = { toString: () => '{ me { id fullName } }' };
  const states = [];
  let send;
  function Page() {
    const { data, failure, isLoading } = useQuery(document, {});
    ({ send } = useMutation({ toString: () => 'mutation { updateProfile { id } }' }));
    states.push([isLoading, data?.me?.fullName ?? null, failure]);
    return data?.me?.fullName ?? 'loading';
  }
  let page;
  await act(async () => {
    page = renderer.create(createElement(UnionhallProvider, { client }, createElement(Page)));
  });
  assert.equal(page.toJSON(), 'Maria Santos');
  assert.deepEqual(
    [states[0], states.at(-1)],
    [
      [true, null, null],
      [false, 'Maria Santos', null],
    ],
  );
  const result = await act(() => send({}));
  assert.deepEqual(result, { ok: true, data: { me: user } });
  await act(async () => page.unmount());
});

test('a subscription that closes with 4403 refreshes its token, reconnects and continues', async () => {
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'graphql-transport-ws' });
  await once(sockets, 'listening');
  const tokens = [];
  let service;
  const server = makeServer({
    schema: buildSchema('type Query { a: Int } type Subscription { grievanceChanged: Int }'),
    onConnect: ({ connectionParams }) => void tokens.push(connectionParams.authorization),
    onSubscribe: ({ extra }) => {
      if (tokens.length > 1) return undefined;
      service.token = 't2';
      extra.close(4403, 'The access token has expired');
      return new Promise(() => {});
    },
    subscribe: async function* () {
      yield { data: { grievanceChanged: 7 } };
    },
  });
  sockets.on('connection', (socket) => {
    const closed = server.opened(
      {
        protocol: socket.protocol,
        send: (text) => socket.send(text),
        close: (code, reason) => socket.close(code, reason),
        onMessage: (take) => socket.on('message', (data) => void take(String(data))),
      },
      socket,
    );
    socket.once('close', (code, reason) => void closed(code, String(reason)));
  });
  service = await serviceOf(`http://127.0.0.1:${sockets.address().port}/graphql`);
  let connections = 0;
  const live = createSubscriptions(service.client, { webSocketImpl: WebSocket, onConnected: () => (connections += 1) });
  const data = await new Promise((resolve, reject) => {
    live.subscribe(
      { toString: () => 'subscription { grievanceChanged }' },
      {},
      { next: resolve, failed: (failure) => reject(new Error(failure.code)) },
    );
  });
  assert.deepEqual([data, tokens, connections], [{ grievanceChanged: 7 }, ['Bearer t1', 'Bearer t2'], 2]);
  assert.deepEqual(service.asked, [['refresh', null]]);
  live.close();
  sockets.close();
});
