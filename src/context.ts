import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { GraphQLResolveInfo } from 'graphql';
import { Allowance } from './entities/page.ts';
import { Viewer } from './entities/viewer.ts';
import { mayAct, nodeTypesOf, permissionsOf, type Permission } from './permissions/index.ts';
import { Reader, type RunQuery } from './reading/reader.ts';
import type { TypeMappings } from './reading/mapping.ts';
import { accounts } from './services/account/use-cases.ts';
import { agreements } from './services/agreement/use-cases.ts';
import { benevolence } from './services/benevolence/use-cases.ts';
import type { RefusedOperation, Refusals } from './services/audit/index.ts';
import { calendars } from './services/calendar.ts';
import { CaseService, type CaseChanges } from './services/case/case-changes.ts';
import { credentials } from './services/credential/use-cases.ts';
import { grievances } from './services/grievance/use-cases.ts';
import { makeOnce } from './services/idempotency.ts';
import { members } from './services/member/use-cases.ts';
import { organizations } from './services/organization/use-cases.ts';
import { roles } from './services/role.ts';
import { memberNotes } from './services/note.ts';
import { salting } from './services/salting.ts';
import { bind, createScope, runOn, todayOf, type Bound, type Client, type Scope, type Services } from './services/scope.ts';
import { authenticate } from './services/session/authenticate.ts';
import type { LoginInput } from './services/session/login.ts';
import type { SignedIn, TokenCookies } from './services/sign-in/start-session.ts';
import { sessions } from './services/session/use-cases.ts';
import { settings } from './services/setting/use-cases.ts';
import { users } from './services/user/use-cases.ts';
import { vault } from './services/vault/use-cases.ts';

/** What a request brings, as HTTP or a test reads it. */
export interface Incoming {
  readonly client: Client;
  /** The access token, without `Bearer`. */
  readonly accessToken: string | null;
  /** What came in the header `x-vault-token`. */
  readonly vaultToken?: string | null;
  /** Hears what to call when the request is over. */
  readonly onEnd?: (leave: () => void) => void;
  /** What came in the header `idempotency-key`. */
  readonly idempotencyKey?: string | null;
  readonly cookies: () => Partial<Record<'refreshToken' | 'deviceToken', string>>;
  /** Sets the cookies of a browser that asked for them; null clears them. */
  readonly setCookies: (cookies: TokenCookies | null) => void;
}

/** What a request is answered with: verbs. There is no database in it, so a resolver cannot query. */
export type Context = Pick<
  RequestContext,
  | 'viewer'
  | 'allowance'
  | 'client'
  | 'cookies'
  | 'read'
  | 'readAs'
  | 'permissions'
  | 'nodeTypes'
  | 'refused'
  | 'once'
  | 'idempotencyKey'
  | 'sessions'
  | 'accounts'
  | 'credentials'
  | 'users'
  | 'roles'
  | 'organizations'
  | 'members'
  | 'memberNotes'
  | 'salting'
  | 'grievances'
  | 'benevolence'
  | 'calendars'
  | 'agreements'
  | 'vault'
  | 'cases'
  | 'settings'
>;

/** What every request shares. */
export interface ContextSources {
  readonly em: SqlEntityManager;
  readonly run: RunQuery;
  /** Runs what reads for a user. */
  readonly runFor: (userId: string | null) => RunQuery;
  /** Authenticates the caller. */
  readonly runReserved: RunQuery;
  readonly mappings: TypeMappings;
  readonly tools: Services;
  readonly refusals: Pick<Refusals, 'note'>;
  /** What is done to cases, on any node. */
  readonly changes: CaseChanges;
}

/** Names the viewer, and answers what the viewer may be answered with. */
export async function createContext(sources: ContextSources, incoming: Incoming): Promise<Context> {
  return new RequestContext(sources, incoming, await viewerOf(sources, incoming.accessToken));
}

/** Services, and the entity manager they share, are made when they are first asked for: most requests only read. */
class RequestContext {
  readonly allowance = new Allowance();
  readonly client: Client;
  readonly read: Reader;
  readonly cookies: CookieJar;
  /** By which a retry of this request would be known; well-formed where a mutation is executed. */
  readonly idempotencyKey: string | null;
  /** One for the request: its use cases share an entity manager. */
  private readonly scope: Scope;

  constructor(
    private readonly sources: ContextSources,
    private readonly incoming: Incoming,
    readonly viewer: Viewer,
    transaction?: SqlEntityManager,
  ) {
    this.client = incoming.client;
    this.read = readerFor(sources, viewer);
    this.cookies = new CookieJar(incoming);
    this.idempotencyKey = incoming.idempotencyKey ?? null;
    this.scope = createScope(sources.tools, {
      run: sources.run,
      metadata: sources.em,
      viewer,
      client: this.client,
      vaultToken: incoming.vaultToken ?? null,
      visibility: this.read,
      openEm: () => transaction ?? forkFor(viewer, sources),
    });
  }

  // Own functions, created on first use: Apollo copies the context, and V8 keeps functions
  // that are properties of such a copy, and with them the request, until it collects the whole heap.

  get permissions(): () => Permission[] {
    return () => permissionsOf(this.viewer);
  }

  get nodeTypes(): () => readonly string[] {
    return () => nodeTypesOf(this.viewer);
  }

  /** Takes note that the viewer may not ask this; nobody waits for it. */
  get refused(): (operation: RefusedOperation) => void {
    return (operation) => this.sources.refusals.note(operation, this.viewer, this.client);
  }

  /**
   * Makes a record, once for each key that a client sends: a retry is answered the id of what the first try made, for the
   * caller to be shown as far as their rights of now go. Without a key it is simply made.
   */
  get once(): (info: GraphQLResolveInfo, make: (request: Context) => Promise<string>) => Promise<string> {
    return (info, make) => {
      const [key, userId] = [this.idempotencyKey, this.viewer.userId];
      if (key === null || userId === null) return make(this);
      return makeOnce(this.scope, { userId, key }, info, (scope) => make(this.within(scope)));
    };
  }

  /** Reads as the user that an access token names: for answers that follow a sign-in. */
  get readAs(): (accessToken: string) => Promise<Reader> {
    const { runReserved } = this.sources;
    const sources = { ...this.sources, runReserved: (text, params) => runReserved(text, params, false, true) } satisfies ContextSources;
    return async (accessToken) => readerFor(this.sources, await viewerOf(sources, accessToken, false));
  }

  get sessions(): Bound<typeof sessions> {
    return bind(this.scope, sessions);
  }

  get accounts(): Bound<typeof accounts> {
    return bind(this.scope, accounts);
  }

  get credentials(): Bound<typeof credentials> {
    return bind(this.scope, credentials);
  }

  get users(): Bound<typeof users> {
    return bind(this.scope, users);
  }

  get roles(): Bound<typeof roles> {
    return bind(this.scope, roles);
  }

  get members(): Bound<typeof members> {
    return bind(this.scope, members);
  }

  get organizations(): Bound<typeof organizations> {
    return bind(this.scope, organizations);
  }

  get memberNotes(): Bound<typeof memberNotes> {
    return bind(this.scope, memberNotes);
  }

  get salting(): Bound<typeof salting> {
    return bind(this.scope, salting);
  }

  get grievances(): Bound<typeof grievances> {
    return bind(this.scope, grievances);
  }

  get benevolence(): Bound<typeof benevolence> {
    return bind(this.scope, benevolence);
  }

  get calendars(): Bound<typeof calendars> {
    return bind(this.scope, calendars);
  }

  get agreements(): Bound<typeof agreements> {
    return bind(this.scope, agreements);
  }

  get vault(): Bound<typeof vault> {
    return bind(this.scope, vault);
  }

  get cases(): CaseService {
    return new CaseService(this.sources.changes, this.read);
  }

  get settings(): Bound<typeof settings> {
    return bind(this.scope, settings);
  }

  /** The same request, all of whose statements are part of a transaction. */
  private within({ em }: Pick<Scope, 'em'>): RequestContext {
    const run = runOn(em);
    return new RequestContext({ ...this.sources, em, run, runFor: () => run }, this.incoming, this.viewer, em);
  }
}

/** An entity manager whose row filters know the viewer. */
function forkFor(viewer: Viewer, { em, tools }: ContextSources): SqlEntityManager {
  const fork = em.fork();
  fork.setFilterParams('visible', { viewer, now: tools.now() });
  return fork;
}

/** Browser clients keep their tokens in HttpOnly cookies. */
class CookieJar {
  constructor(private readonly incoming: Pick<Incoming, 'cookies' | 'setCookies'>) {}

  /** The refresh token of an earlier sign-in with cookies; empty, which no token is, without one. */
  get refreshToken(): string {
    return this.incoming.cookies().refreshToken ?? '';
  }

  /** The input with the device tokens that the browser keeps. */
  completed<Input extends Pick<LoginInput, 'deviceToken'>>(input: Input): Input {
    return Object.assign(input, { deviceToken: input.deviceToken ?? this.incoming.cookies().deviceToken ?? null });
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

async function viewerOf({ run, runReserved, tools }: ContextSources, accessToken: string | null, isUse = true): Promise<Viewer> {
  const facts = accessToken === null ? null : await authenticate(accessToken, runReserved, tools, isUse ? run : null);
  return facts === null ? Viewer.anonymous : new Viewer(facts, mayAct, todayOf(tools));
}

const readerFor = ({ runFor, mappings, tools }: ContextSources, viewer: Viewer): Reader =>
  new Reader(mappings, viewer, runFor(viewer.userId), tools.now());
