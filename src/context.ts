import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { Viewer } from './entities/viewer.ts';
import { mayAct, permissionsOf, type Permission } from './permissions/index.ts';
import { Reader, type RunSql } from './reading/reader.ts';
import type { Subjects } from './reading/subject.ts';
import {
  authenticate,
  SessionService,
  type Client,
  type LoginInput,
  type SessionTools,
  type SignedIn,
  type TokenCookies,
} from './services/session/index.ts';
import { UserService } from './services/user.ts';

/** What a request brings, as HTTP or a test reads it. */
export interface Incoming {
  readonly client: Client;
  /** The access token, without `Bearer`. */
  readonly accessToken: string | null;
  readonly cookies: Partial<Record<'refreshToken' | 'deviceToken', string>>;
  /** Sets the cookies of a browser that asked for them; null clears them. */
  readonly setCookies: (cookies: TokenCookies | null) => void;
}

/** What a request is answered with: verbs. There is no database in it, so a resolver cannot query. */
export interface Context {
  readonly viewer: Viewer;
  readonly client: Client;
  readonly read: Reader;
  /** Reads as whoever an access token names: for answers that follow a sign-in. */
  readonly readAs: (accessToken: string) => Promise<Reader>;
  readonly permissions: () => Permission[];
  readonly sessions: SessionService;
  readonly users: UserService;
  readonly cookies: CookieJar;
}

/** What every request shares. */
export interface ContextSources {
  readonly em: SqlEntityManager;
  readonly run: RunSql;
  readonly subjects: Subjects;
  readonly tools: SessionTools;
}

/** Names the viewer, gives every row filter that viewer, and builds the services around the pair. */
export async function createContext(sources: ContextSources, incoming: Incoming): Promise<Context> {
  const viewer = await viewerOf(sources, incoming.accessToken);
  const em = sources.em.fork();
  em.setFilterParams('visible', { viewer, now: sources.tools.now() });
  return {
    viewer,
    client: incoming.client,
    read: readerFor(sources, viewer),
    readAs: async (accessToken) => readerFor(sources, await viewerOf(sources, accessToken)),
    permissions: () => permissionsOf(viewer),
    sessions: new SessionService(em, sources.tools),
    users: new UserService(em),
    cookies: new CookieJar(incoming),
  };
}

/** Browser clients keep their tokens in HttpOnly cookies. */
class CookieJar {
  constructor(private readonly incoming: Pick<Incoming, 'cookies' | 'setCookies'>) {}

  /** The refresh token of an earlier sign-in with cookies; empty, which no token is, without one. */
  get refreshToken(): string {
    return this.incoming.cookies.refreshToken ?? '';
  }

  /** The input with the device token that the browser keeps. */
  completed(input: LoginInput): LoginInput {
    return Object.assign(input, { deviceToken: input.deviceToken ?? this.incoming.cookies.deviceToken ?? null });
  }

  /** Sets the cookies that an outcome brings, and answers the outcome. What fails leaves the cookies as they are. */
  async keep<Outcome extends object>(outcome: Promise<Outcome>): Promise<Outcome> {
    const settled = await outcome;
    const { cookies } = settled as Partial<SignedIn>;
    if (cookies) this.incoming.setCookies(cookies);
    return settled;
  }

  /** Clears the cookies, and answers the outcome. */
  async drop<Outcome>(outcome: Promise<Outcome>): Promise<Outcome> {
    const settled = await outcome;
    this.incoming.setCookies(null);
    return settled;
  }
}

async function viewerOf({ run, tools }: ContextSources, accessToken: string | null): Promise<Viewer> {
  const facts = accessToken === null ? null : await authenticate(accessToken, run, tools);
  return facts === null ? Viewer.anonymous : new Viewer(facts, mayAct);
}

const readerFor = ({ run, subjects, tools }: ContextSources, viewer: Viewer): Reader => new Reader(subjects, viewer, run, tools.now());
