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
import {
  bind,
  createScope,
  runOn,
  todayOf,
  type BoundUseCases,
  type Client,
  type Scope,
  type Services,
} from './services/scope.ts';
import { authenticate } from './services/session/authenticate.ts';
import type { LoginInput } from './services/session/login.ts';
import type { SignedIn, TokenCookies } from './services/sign-in/start-session.ts';
import { sessions } from './services/session/use-cases.ts';
import { settings } from './services/setting/use-cases.ts';
import { users } from './services/user/use-cases.ts';
import { vault } from './services/vault/use-cases.ts';

/** The facts of a request, from HTTP or a test. */
export interface Incoming {
  readonly client: Client;
  /** The access token, without `Bearer`. */
  readonly accessToken: string | null;
  /** The header `x-vault-token`. */
  readonly vaultToken?: string | null;
  /** Registers a callback that runs when the request is over. */
  readonly onEnd?: (leave: () => void) => void;
  /** The header `idempotency-key`. */
  readonly idempotencyKey?: string | null;
  readonly cookies: () => Partial<Record<'refreshToken' | 'deviceToken', string>>;
  /** Sets the cookies of a browser client that asked for them. Null clears them. */
  readonly setCookies: (cookies: TokenCookies | null) => void;
}

/** The context of resolvers: only operations. It has no database, so a resolver cannot query. */
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

/** The parts that all requests share. */
export interface ContextSources {
  readonly em: SqlEntityManager;
  readonly run: RunQuery;
  /** Returns a function that runs the queries of a user. */
  readonly runFor: (userId: string | null) => RunQuery;
  /** Runs the queries that authenticate callers. */
  readonly runReserved: RunQuery;
  readonly mappings: TypeMappings;
  readonly tools: Services;
  readonly refusals: Pick<Refusals, 'note'>;
  /** The changes of cases, from every node. */
  readonly changes: CaseChanges;
}

/** Authenticates the viewer and creates the context of the request. */
export async function createContext(sources: ContextSources, incoming: Incoming): Promise<Context> {
  return new RequestContext(sources, incoming, await viewerOf(sources, incoming.accessToken));
}

/** Creates the services and their shared entity manager on first use, because most requests only read. */
class RequestContext {
  readonly allowance = new Allowance();
  readonly client: Client;
  readonly read: Reader;
  readonly cookies: CookieJar;
  /** Identifies retries of this request. Well-formed when a mutation is executed. */
  readonly idempotencyKey: string | null;
  /** The scope of the request: all its use cases share one entity manager. */
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

  /** Records in the background that the viewer may not call an operation. */
  get refused(): (operation: RefusedOperation) => void {
    return (operation) => this.sources.refusals.note(operation, this.viewer, this.client);
  }

  /**
   * Creates a record once per idempotency key. A retry returns the id that the first attempt created, and the caller
   * sees that record with their current rights. Without a key, the record is always created.
   */
  get once(): (info: GraphQLResolveInfo, make: (request: Context) => Promise<string>) => Promise<string> {
    return (info, make) => {
      const [key, userId] = [this.idempotencyKey, this.viewer.userId];
      if (key === null || userId === null) return make(this);
      return makeOnce(this.scope, { userId, key }, info, (scope) => make(this.within(scope)));
    };
  }

  /** Reads as the user of an access token, to answer after a sign-in. */
  get readAs(): (accessToken: string) => Promise<Reader> {
    const { runReserved } = this.sources;
    const sources = {
      ...this.sources,
      runReserved: (text, params) => runReserved(text, params, false, true),
    } satisfies ContextSources;
    return async (accessToken) => readerFor(this.sources, await viewerOf(sources, accessToken, false));
  }

  get sessions(): BoundUseCases<typeof sessions> {
    return bind(this.scope, sessions);
  }

  get accounts(): BoundUseCases<typeof accounts> {
    return bind(this.scope, accounts);
  }

  get credentials(): BoundUseCases<typeof credentials> {
    return bind(this.scope, credentials);
  }

  get users(): BoundUseCases<typeof users> {
    return bind(this.scope, users);
  }

  get roles(): BoundUseCases<typeof roles> {
    return bind(this.scope, roles);
  }

  get members(): BoundUseCases<typeof members> {
    return bind(this.scope, members);
  }

  get organizations(): BoundUseCases<typeof organizations> {
    return bind(this.scope, organizations);
  }

  get memberNotes(): BoundUseCases<typeof memberNotes> {
    return bind(this.scope, memberNotes);
  }

  get salting(): BoundUseCases<typeof salting> {
    return bind(this.scope, salting);
  }

  get grievances(): BoundUseCases<typeof grievances> {
    return bind(this.scope, grievances);
  }

  get benevolence(): BoundUseCases<typeof benevolence> {
    return bind(this.scope, benevolence);
  }

  get calendars(): BoundUseCases<typeof calendars> {
    return bind(this.scope, calendars);
  }

  get agreements(): BoundUseCases<typeof agreements> {
    return bind(this.scope, agreements);
  }

  get vault(): BoundUseCases<typeof vault> {
    return bind(this.scope, vault);
  }

  get cases(): CaseService {
    return new CaseService(this.sources.changes, this.read);
  }

  get settings(): BoundUseCases<typeof settings> {
    return bind(this.scope, settings);
  }

  /** The same request with all statements inside a transaction. */
  private within({ em }: Pick<Scope, 'em'>): RequestContext {
    const run = runOn(em);
    return new RequestContext({ ...this.sources, em, run, runFor: () => run }, this.incoming, this.viewer, em);
  }
}

/** Forks the entity manager and sets the viewer in its row filters. */
function forkFor(viewer: Viewer, { em, tools }: ContextSources): SqlEntityManager {
  const fork = em.fork();
  fork.setFilterParams('visible', { viewer, now: tools.now() });
  return fork;
}

/** The HttpOnly cookies that keep the tokens of browser clients. */
class CookieJar {
  constructor(private readonly incoming: Pick<Incoming, 'cookies' | 'setCookies'>) {}

  /** The refresh token of an earlier sign-in with cookies. Empty without one; an empty text is never a valid token. */
  get refreshToken(): string {
    return this.incoming.cookies().refreshToken ?? '';
  }

  /** Adds the device tokens that the browser keeps to the input. */
  completed<Input extends Pick<LoginInput, 'deviceToken'>>(input: Input): Input {
    return Object.assign(input, { deviceToken: input.deviceToken ?? this.incoming.cookies().deviceToken ?? null });
  }

  /** Sets the cookies of an outcome and returns the outcome. A failure does not change the cookies. */
  async keep<Outcome extends object>(outcome: Promise<Outcome>): Promise<Outcome> {
    const settled = await outcome;
    const { cookies } = settled as Partial<SignedIn>;
    if (cookies) this.incoming.setCookies(cookies);
    return settled;
  }

  /** Clears the cookies and returns the outcome. */
  async drop<Outcome>(outcome: Promise<Outcome>): Promise<Outcome> {
    const settled = await outcome;
    this.incoming.setCookies(null);
    return settled;
  }
}

async function viewerOf(
  { run, runReserved, tools }: ContextSources,
  accessToken: string | null,
  isUse = true,
): Promise<Viewer> {
  const facts = accessToken === null ? null : await authenticate(accessToken, runReserved, tools, isUse ? run : null);
  return facts === null ? Viewer.anonymous : new Viewer(facts, mayAct, todayOf(tools));
}

const readerFor = ({ runFor, mappings, tools }: ContextSources, viewer: Viewer): Reader =>
  new Reader(mappings, viewer, runFor(viewer.userId), tools.now());
