import { createsOne } from './creating.js';
import type { Document, Given } from './document.js';
import { failureOf, type Failure, type PublicError, type Result } from './failure.js';
import {
  CompleteSignInDocument,
  RefreshDocument,
  SignInDocument,
  SignOutDocument,
  type SecondFactorMethod,
  type SignInMutation,
} from './generated/graphql.js';
import { memory, Session, type Storage } from './session.js';

export interface ClientOptions {
  /** The address of the service: `https://local.example/graphql`, or `/graphql` on a page of the same site. */
  readonly url: string;
  /**
   * Where the refresh token is kept. `cookie` leaves it to the browser, where scripts cannot read it; for pages of the
   * same site. Pass a storage to keep it there. By default, it is kept in memory.
   */
  readonly keep?: 'cookie' | Storage;
  /** Called when the session is over: the user signed out, or the service ended or refused it. */
  readonly onSignedOut?: () => void;
  /**
   * The maximum `retryAfter` that the client waits for before it retries, in seconds. 30 by default, 0 for no retries.
   */
  readonly patience?: number;
  readonly fetch?: typeof globalThis.fetch;
  /** For tests: waits some milliseconds. */
  readonly wait?: (milliseconds: number) => Promise<void>;
  /** For tests: the clock, in milliseconds since 1970. */
  readonly now?: () => number;
}

export interface AskOptions {
  /** Additional headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * The idempotency key of an earlier attempt without a response. By default, each request that creates one record gets
   * a new key.
   */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

export interface SignInInput {
  readonly identifier: string;
  readonly password: string;
  readonly deviceName?: string;
}

/** The user is signed in, or the next step of the sign-in. */
export type SignInOutcome =
  | { readonly kind: 'signed in'; readonly user: { readonly id: string; readonly fullName: string } }
  | { readonly kind: 'second factor'; readonly challenge: string; readonly methods: readonly SecondFactorMethod[] };

export interface Client {
  /**
   * Sends an operation, with the access token if there is one. Never throws for errors of the service or the network.
   */
  ask<Data, Variables>(document: Document<Data, Variables>, ...given: Given<Variables, AskOptions>): Promise<Result<Data>>;
  signIn(input: SignInInput): Promise<Result<SignInOutcome>>;
  completeSignIn(challenge: string, code: string, method?: SecondFactorMethod): Promise<Result<SignInOutcome>>;
  /** Resumes a session that is stored in this browser. @returns whether there is one. */
  resume(): Promise<boolean>;
  signOut(): Promise<void>;
  /** The address of the service. */
  readonly url: string;
  /** A `fetch` for other GraphQL clients. Sends the access token, and refreshes it when it expires or is refused. */
  readonly fetch: typeof globalThis.fetch;
  /** Returns the access token, refreshed if it is about to expire. Null if no user is signed in. */
  accessToken(): Promise<string | null>;
  /** Replaces an access token that was refused. @returns whether there is a new one. */
  refresh(refused: string): Promise<boolean>;
  /** Stops listening to other tabs. */
  close(): void;
}

type Answer = { data: unknown; errors: readonly PublicError[]; completed: object | null } | null;
/** The body of a response. */
interface Body {
  readonly data?: unknown;
  readonly errors?: readonly PublicError[];
  readonly extensions?: { readonly completed?: object };
}

type Signed = Extract<SignInMutation['login'], { __typename: 'SignedIn' }>;

/** Creates a client. One per page or program is enough. */
export function createClient(options: ClientOptions): Client {
  return new HttpClient(options);
}

/** The number of attempts for a request without a response, if repeating it is safe. */
const tries = 3;
/** The milliseconds between two attempts. */
const pause = 700;

class HttpClient implements Client {
  readonly #session: Session;
  readonly #isCookie: boolean;
  readonly #wait: (milliseconds: number) => Promise<void>;
  readonly #now: () => number;

  constructor(private readonly options: ClientOptions) {
    const { keep = memory(), now = Date.now, wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds)) } = options;
    this.#isCookie = keep === 'cookie';
    this.#wait = wait;
    this.#now = now;
    this.#session = new Session(keep === 'cookie' ? null : keep, now, options.url);
  }

  async ask<Data, Variables>(document: Document<Data, Variables>, ...given: Given<Variables, AskOptions>): Promise<Result<Data>> {
    const [variables, options] = given as [variables?: Variables, options?: AskOptions];
    const text = document.toString();
    const idempotencyKey = options?.idempotencyKey ?? (createsOne(text) ? crypto.randomUUID() : null);
    const headers = { ...options?.headers, ...(idempotencyKey !== null && { 'idempotency-key': idempotencyKey }) };
    const send = async (): Promise<Answer> => {
      await this.#refreshWhereDue();
      return await this.#patiently(text, variables, headers, options?.signal);
    };
    let answer = await send();
    const sent = this.#session.tokens?.accessToken;
    if (sent !== undefined && !answer?.completed && answer?.errors.some(isUnauthenticated) && (await this.#refresh(sent)))
      answer = await send();
    return resultOf<Data>(answer, idempotencyKey);
  }

  async signIn({ identifier, password, deviceName }: SignInInput): Promise<Result<SignInOutcome>> {
    const { deviceToken } = this.#session;
    const input = {
      identifier,
      password,
      ...(deviceName !== undefined && { deviceName }),
      ...(this.#isCookie ? { cookie: true } : deviceToken !== null && { deviceToken }),
    };
    const answer = await this.#patiently(SignInDocument.toString(), { input }, {}, undefined, null);
    const result = resultOf<SignInMutation>(answer, null);
    if (!result.ok) return { ...result, data: null, completed: null };
    const { login } = result.data;
    if (login.__typename === 'SignedIn') return this.#begin(login);
    return { ok: true, data: { kind: 'second factor', challenge: login.challenge, methods: login.methods } };
  }

  async completeSignIn(challenge: string, code: string, method: SecondFactorMethod = 'TOTP'): Promise<Result<SignInOutcome>> {
    const answer = await this.#patiently(CompleteSignInDocument.toString(), { input: { challenge, code, method } }, {}, undefined, null);
    const result = resultOf<{ completeLogin: Signed }>(answer, null);
    return result.ok ? this.#begin(result.data.completeLogin) : { ...result, data: null, completed: null };
  }

  async resume(): Promise<boolean> {
    if (this.#session.isFresh) return true;
    if (!this.#isCookie && this.#session.tokens === null) return false;
    return await this.#refresh(this.#session.tokens?.accessToken);
  }

  async signOut(): Promise<void> {
    if (this.#session.tokens !== null) await this.ask(SignOutDocument);
    this.#end();
  }

  get url(): string {
    return this.options.url;
  }

  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const { fetch = globalThis.fetch } = this.options;
    const send = (token: string | null): Promise<Response> => {
      const headers = new Headers(init?.headers);
      if (token !== null) headers.set('authorization', `Bearer ${token}`);
      return fetch(input, { ...init, headers, credentials: this.#isCookie ? 'same-origin' : 'omit' });
    };
    const token = await this.accessToken();
    const response = await send(token);
    if (token === null || !(await isRefused(response)) || !(await this.#refresh(token))) return response;
    return await send(await this.accessToken());
  };

  async accessToken(): Promise<string | null> {
    await this.#refreshWhereDue();
    return this.#session.tokens?.accessToken ?? null;
  }

  async refresh(refused: string): Promise<boolean> {
    return await this.#refresh(refused);
  }

  close(): void {
    this.#session.close();
  }

  #begin({ user, deviceToken, ...tokens }: Signed): Result<SignInOutcome> {
    this.#keep(tokens);
    this.#session.keepDevice(deviceToken);
    return { ok: true, data: { kind: 'signed in', user } };
  }

  #keep({ accessToken, expiresIn, refreshToken }: { accessToken: string; expiresIn: number; refreshToken?: string | null }): void {
    this.#session.keep({ accessToken, until: this.#now() + expiresIn * 1_000, refreshToken: refreshToken ?? null });
  }

  #end(): void {
    if (this.#session.tokens === null) return;
    this.#session.forget();
    this.options.onSignedOut?.();
  }

  async #refreshWhereDue(): Promise<void> {
    const { tokens, isFresh } = this.#session;
    if (tokens !== null && !isFresh) await this.#refresh(tokens.accessToken);
  }

  /**
   * Replaces an access token that has expired or was refused, unless another tab was faster. If the response was lost,
   * it repeats the request with the same refresh token, and the service returns the same successor.
   * @returns whether there is a new token.
   */
  async #refresh(stale: string | undefined): Promise<boolean> {
    return await this.#session.alone(async () => {
      const { tokens, isFresh } = this.#session;
      if (isFresh && tokens?.accessToken !== stale) return true;
      if (tokens === null && stale !== undefined) return false;
      const answer = await this.#patiently(RefreshDocument.toString(), { refreshToken: tokens?.refreshToken ?? null }, {}, undefined, null);
      const fresh = (answer?.data as { refresh?: Signed | null } | null)?.refresh;
      if (fresh) this.#keep(fresh);
      else if (answer?.errors.some(isUnauthenticated)) this.#end();
      return Boolean(fresh);
    });
  }

  /** Sends a request. Retries it when the service names a time, or when no response came and repeating it is safe. */
  async #patiently(
    query: string,
    variables: unknown,
    headers: Readonly<Record<string, string>>,
    signal?: AbortSignal,
    accessToken: string | null | undefined = undefined,
  ): Promise<Answer> {
    const isRepeatable = !/^\s*mutation\b/m.test(query) || query === RefreshDocument.toString() || createsOne(query);
    const { patience = 30 } = this.options;
    for (let time = 1; ; time += 1) {
      const token = accessToken === undefined ? this.#session.tokens?.accessToken : accessToken;
      const answer = await this.#post(query, variables, { ...headers, ...(token && { authorization: `Bearer ${token}` }) }, signal);
      const seconds = answer === null ? null : waitOf(answer);
      const isLast = time === tries || signal?.aborted;
      if (!isRepeatable && answer?.errors.some(({ extensions }) => extensions?.['code'] === 'UNAVAILABLE')) return answer;
      if (isLast || (answer === null ? !isRepeatable : seconds === null || seconds > patience)) return answer;
      await this.#wait(seconds === null ? pause : seconds * 1_000);
    }
  }

  async #post(query: string, variables: unknown, headers: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<Answer> {
    try {
      const { fetch = globalThis.fetch, url } = this.options;
      const response = await fetch(url, {
        method: 'POST',
        credentials: this.#isCookie ? 'same-origin' : 'omit',
        headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
        body: JSON.stringify({ query, variables: variables ?? {} }),
        ...(signal && { signal }),
      });
      const { data = null, errors = [], extensions } = (await response.json()) as Body;
      return { data, errors, completed: extensions?.completed ?? null };
    } catch {
      return null;
    }
  }
}

/** Whether the access token was refused and nothing was done. */
async function isRefused(response: Response): Promise<boolean> {
  try {
    const { errors = [], extensions } = (await response.clone().json()) as Body;
    return !extensions?.completed && errors.some(isUnauthenticated);
  } catch {
    return false;
  }
}

const isUnauthenticated = ({ extensions }: PublicError): boolean => extensions?.['code'] === 'UNAUTHENTICATED';

/** The seconds after which to retry, if that is the only error and nothing was done. */
function waitOf({ data, errors, completed }: NonNullable<Answer>): number | null {
  if (completed !== null) return null;
  if (Object.values(data ?? {}).some((field) => field !== null)) return null;
  const failures = errors.map((error) => failureOf(error));
  const waits = failures.map((failure) => ('retryAfter' in failure ? failure.retryAfter : null));
  return waits.length === 0 || waits.includes(null) ? null : Math.max(...waits.map(Number));
}

function resultOf<Data>(answer: Answer, idempotencyKey: string | null): Result<Data> {
  if (answer === null) {
    const failure: Failure = { code: 'UNREACHABLE', message: 'The service did not respond.', idempotencyKey };
    return { ok: false, failure, failures: [failure], data: null, completed: null };
  }
  const failures = answer.errors.map((error) => failureOf(error));
  const [failure] = failures;
  if (!failure) return { ok: true, data: answer.data as Data };
  return { ok: false, failure, failures, data: answer.data as Data | null, completed: answer.completed as Partial<Data> | null };
}
