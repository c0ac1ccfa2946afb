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
  type Client,
  type LoginInput,
  type SessionTools,
  type SignedIn,
  type TokenCookies,
} from './services/session/index.ts';
import type { Metadata } from './services/record/index.ts';
import { RoleService } from './services/role.ts';
import { CaseService, type CaseChanges } from './services/case/changes.ts';
import { BenevolenceService, type BenevolenceTools } from './services/benevolence/index.ts';
import { GrievanceService } from './services/grievance/index.ts';
import { makeOnce, runWithin } from './services/idempotency.ts';
import { MemberService } from './services/member/index.ts';
import { OrganizationService } from './services/organization/index.ts';
import type { RefusedOperation, Refusals } from './services/audit/index.ts';
import { SaltingService } from './services/salting.ts';
import { SettingService, type SettingTools } from './services/setting/index.ts';
import { UserService } from './services/user/index.ts';
import { VaultService, type VaultTools } from './services/vault/index.ts';

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
  readonly tools: SessionTools & BenevolenceTools & Omit<VaultTools, 'proofs'>;
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

  get roles(): RoleService {
    return new RoleService(this.em, this.sources.tools, this.viewer);
  }

  get members(): MemberService {
    return new MemberService(this.em, this.sources.tools, this.viewer, this.client);
  }

  get organizations(): OrganizationService {
    return new OrganizationService(this.em, this.sources.tools, this.viewer, this.client);
  }

  get salting(): SaltingService {
    return new SaltingService(this.em, this.sources.run, this.read, this.sources.tools, this.viewer);
  }

  get grievances(): GrievanceService {
    return new GrievanceService(this.em, this.read, this.sources.tools, this.viewer, this.client);
  }

  get benevolence(): BenevolenceService {
    return new BenevolenceService(this.em, this.sources.tools, this.viewer, this.client);
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
