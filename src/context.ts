import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { GraphQLResolveInfo } from 'graphql';
import { Allowance } from './entities/page.ts';
import { Viewer } from './entities/viewer.ts';
import { mayAct, nodeTypesOf, permissionsOf, type Permission } from './permissions/index.ts';
import { Reader, type RunSql } from './reading/reader.ts';
import type { Subjects } from './reading/subject.ts';
import {
  authenticate,
  endSessions,
  proofsWith,
  SessionService,
  voidPair,
  type LoginInput,
  type SignedIn,
  type TokenCookies,
} from './services/session/index.ts';
import type { Metadata } from './services/record/index.ts';
import { roles } from './services/role.ts';
import { CaseService, type CaseChanges } from './services/case/case-changes.ts';
import { benevolence } from './services/benevolence/use-cases.ts';
import { grievances } from './services/grievance/use-cases.ts';
import { makeOnce, runWithin } from './services/idempotency.ts';
import { members } from './services/member/use-cases.ts';
import { organizations } from './services/organization/use-cases.ts';
import type { RefusedOperation, Refusals } from './services/audit/index.ts';
import { salting } from './services/salting.ts';
import { bind, createScope, type Bound, type Client, type Scope, type Services } from './services/scope.ts';
import { SettingService, type SettingTools } from './services/setting/index.ts';
import { UserService } from './services/user/index.ts';
import { VaultService } from './services/vault/index.ts';

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
  | 'users'
  | 'roles'
  | 'organizations'
  | 'members'
  | 'salting'
  | 'grievances'
  | 'benevolence'
  | 'vault'
  | 'cases'
  | 'settings'
>;

/** What every request shares. */
export interface ContextSources {
  readonly em: SqlEntityManager;
  readonly run: RunSql;
  /** Runs what reads for a user. */
  readonly runFor: (userId: string | null) => RunSql;
  /** Runs what tells who is asking. */
  readonly runReserved: RunSql;
  readonly subjects: Subjects;
  readonly tools: Services;
  readonly refusals: Pick<Refusals, 'note'>;
  /** What is done to cases, on any node. */
  readonly changes: CaseChanges;
  readonly settings: SettingTools;
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
  private readonly storage: Storage;

  constructor(
    private readonly sources: ContextSources,
    private readonly incoming: Incoming,
    readonly viewer: Viewer,
    em?: SqlEntityManager,
  ) {
    this.storage = new Storage(sources, viewer, em);
    this.client = incoming.client;
    this.read = readerFor(sources, viewer);
    this.cookies = new CookieJar(incoming);
    this.idempotencyKey = incoming.idempotencyKey ?? null;
  }

  // Functions for whoever takes them out of the context, made when they are: Apollo copies the context, and V8 keeps functions
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
      return makeOnce(this.em, this.sources.tools, { userId, key }, info, (em) => make(this.within(em)));
    };
  }

  /** Reads as whoever an access token names: for answers that follow a sign-in. */
  get readAs(): (accessToken: string) => Promise<Reader> {
    const { runReserved } = this.sources;
    const sources = { ...this.sources, runReserved: (text, params) => runReserved(text, params, false, true) } satisfies ContextSources;
    return async (accessToken) => readerFor(this.sources, await viewerOf(sources, accessToken, false));
  }

  get sessions(): SessionService {
    return new SessionService(this.em, this.sources.tools);
  }

  get users(): UserService {
    return new UserService(this.em, { ...this.sources.tools, endSessions, voidPair });
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

  get salting(): Bound<typeof salting> {
    return bind(this.scope, salting);
  }

  get grievances(): Bound<typeof grievances> {
    return bind(this.scope, grievances);
  }

  get benevolence(): Bound<typeof benevolence> {
    return bind(this.scope, benevolence);
  }

  get vault(): VaultService {
    const { tools } = this.sources;
    return new VaultService(this.storage, { ...tools, proofs: proofsWith(tools) }, this.viewer, this.incoming.vaultToken ?? null);
  }

  get cases(): CaseService {
    return new CaseService(this.sources.changes, this.read);
  }

  get settings(): SettingService {
    return new SettingService(this.sources.settings, this.viewer, this.client);
  }

  /** The same request, all of whose statements are part of a transaction. */
  private within(em: SqlEntityManager): RequestContext {
    const run = runWithin(em);
    return new RequestContext({ ...this.sources, em, run, runFor: () => run }, this.incoming, this.viewer, em);
  }

  private get em(): SqlEntityManager {
    return this.storage.em;
  }

  private get scope(): Scope {
    const { viewer, client, read: visibility, storage } = this;
    const { tools, run } = this.sources;
    const vaultToken = this.incoming.vaultToken ?? null;
    return createScope(tools, { run, viewer, client, vaultToken, visibility, openEm: () => storage.em });
  }
}

/** What a request reads and writes through. */
class Storage {
  #em: SqlEntityManager | undefined;

  constructor(
    private readonly sources: ContextSources,
    private readonly viewer: Viewer,
    em?: SqlEntityManager,
  ) {
    this.#em = em;
  }

  /** One for the request, its row filters given the viewer; made when it is first asked for. */
  get em(): SqlEntityManager {
    this.#em ??= this.forked();
    return this.#em;
  }

  get run(): RunSql {
    return this.sources.run;
  }

  get metadata(): Metadata {
    return this.sources.em;
  }

  private forked(): SqlEntityManager {
    const em = this.sources.em.fork();
    em.setFilterParams('visible', { viewer: this.viewer, now: this.sources.tools.now() });
    return em;
  }
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
  return facts === null ? Viewer.anonymous : new Viewer(facts, mayAct);
}

const readerFor = ({ runFor, subjects, tools }: ContextSources, viewer: Viewer): Reader =>
  new Reader(subjects, viewer, runFor(viewer.userId), tools.now());
