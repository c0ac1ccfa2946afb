import { createClient as createSocket, type Client as Socket, type ClientOptions as SocketOptions } from 'graphql-ws';
import type { Client } from './client.js';
import type { Document } from './document.js';
import { failureOf, type Failure, type PublicError } from './failure.js';

export interface SubscriptionOptions {
  /** The address of the WebSocket. By default, the client's address with `ws` instead of `http`. */
  readonly url?: string;
  /** In Node.js before version 22: the class of a package such as `ws`. */
  readonly webSocketImpl?: unknown;
  /** Called after each connection. Events are lost while the connection is down, so read the displayed data again. */
  readonly onConnected?: () => void;
}

export interface Sink<Data> {
  next(data: Data): void;
  /** Called when a refusal ends the subscription. */
  failed?(failure: Failure): void;
}

export interface Subscriptions {
  /** Starts a subscription. @returns a function that ends it. */
  subscribe<Data, Variables>(document: Document<Data, Variables>, variables: Variables, sink: Sink<Data>): () => void;
  /** The client of graphql-ws, for other libraries. */
  readonly socket: Socket;
  close(): void;
}

/** The service closes a socket with this code when the access token has expired. */
const forbidden = 4403;

/**
 * Creates subscriptions over one WebSocket, which opens with the first of them. Each connection sends a valid access
 * token. After close code 4403, the token is refreshed even if it has not expired.
 */
export function createSubscriptions(client: Client, options: SubscriptionOptions = {}): Subscriptions {
  const { url = socketUrl(client.url), webSocketImpl, onConnected } = options;
  let sent: string | null = null;
  let isRefused = false;
  const socket = createSocket({
    url,
    retryAttempts: 10,
    ...(webSocketImpl !== undefined && { webSocketImpl }),
    connectionParams: async () => {
      if (isRefused && sent !== null) await client.refresh(sent);
      isRefused = false;
      sent = await client.accessToken();
      return sent === null ? {} : { authorization: `Bearer ${sent}` };
    },
    on: {
      connected: () => onConnected?.(),
      closed: (event) => {
        isRefused = (event as { code?: number } | null)?.code === forbidden;
      },
    },
  } satisfies SocketOptions);
  return {
    socket,
    subscribe<Data, Variables>(document: Document<Data, Variables>, variables: Variables, sink: Sink<Data>): () => void {
      return socket.subscribe<Data>(
        { query: document.toString(), variables: variables as Record<string, unknown> },
        {
          next: ({ data, errors }) => {
            if (data) sink.next(data);
            else if (errors?.[0]) sink.failed?.(failureOf(errors[0] as PublicError));
          },
          error: (error) => sink.failed?.(failureFrom(error)),
          complete: () => undefined,
        },
      );
    },
    close: () => void socket.dispose(),
  };
}

function failureFrom(error: unknown): Failure {
  if (Array.isArray(error) && error[0]) return failureOf(error[0] as PublicError);
  if ((error as { code?: number } | null)?.code === 4401)
    return { code: 'UNAUTHENTICATED', message: 'The session has ended.', requestId: '' };
  return { code: 'UNREACHABLE', message: 'The service did not respond.', idempotencyKey: null };
}

function socketUrl(url: string): string {
  const base = typeof location === 'object' ? location.href : undefined;
  return new URL(url, base).href.replace(/^http/, 'ws');
}
