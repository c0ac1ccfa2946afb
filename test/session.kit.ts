import type { EntityClass, EntityData, FilterQuery } from '@mikro-orm/core';
import type { MikroORM, SqlEntityManager } from '@mikro-orm/postgresql';
import type { SessionConfig } from '../src/config.ts';
import { User } from '../src/entities/user.ts';
import { Viewer } from '../src/entities/viewer.ts';
import { PasswordHasher } from '../src/services/crypto/hasher.ts';
import { AccessTokens } from '../src/services/crypto/jwt.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { hashPassword } from '../src/services/crypto/password.ts';
import type { MailJob } from '../src/services/mail/index.ts';
import { serviceScope, type Client, type RunSql, type Scope, type Services } from '../src/services/scope.ts';
import { authenticate } from '../src/services/session/authenticate.ts';
import type { CompleteLoginInput } from '../src/services/session/complete-login.ts';
import type { LoginInput } from '../src/services/session/login.ts';
import type { ChangePasswordInput } from '../src/services/account/change-password.ts';
import type { RegisterInput } from '../src/services/account/register.ts';
import type { ResetPasswordInput } from '../src/services/account/reset-password.ts';
import { termsOf } from '../src/services/sign-in/session-terms.ts';
import type { SetupOwnerInput } from '../src/services/account/setup-owner.ts';
import { SignedIn } from '../src/services/sign-in/start-session.ts';
import { accounts } from '../src/services/account/use-cases.ts';
import { credentials } from '../src/services/credential/use-cases.ts';
import { sessions } from '../src/services/session/use-cases.ts';
import type { ReauthenticateInput } from '../src/services/proof/proof.ts';
import { freshDatabase } from './support/database.ts';

export const cost = { memory: 19_456, time: 2 };
export const password = 'correct horse battery';
export const client: Client = { ipAddress: '203.0.113.7', userAgent: 'Firefox', requestId: 'request-1' };
/** High limits for tests that are not about limits. */
const plenty = { turns: 1000, seconds: 300 };
export const rules: SessionConfig = {
  accessTokenTtl: 1800,
  refreshGrace: 10,
  refreshRetry: 86_400,
  maxAge: 30 * 86_400,
  idleAge: 7 * 86_400,
  reuseEnds: 'session',
  loginAttempts: 5,
  loginLock: 1800,
  invitationTtl: 7 * 86_400,
  stepUpAge: 600,
  keyIterations: 1000,
  passwordMinLength: 8,
  refusesGuessablePasswords: false,
  isRegistrationOpen: false,
  verifiedOperations: [],
  secondFactorRoles: [],
  limits: {
    'sign-in': plenty,
    'second-factor': plenty,
    'mail-account': plenty,
    'mail-address': plenty,
    register: plenty,
    refresh: plenty,
    connection: plenty,
    token: plenty,
    refusal: plenty,
  },
  refusalsPerDay: 10_000,
};

/** A clock that stands still until it is turned. */
export class Clock {
  #at = new Date('2026-03-01T12:00:00.000Z');
  readonly now = (): Date => new Date(this.#at);

  turn(seconds: number): void {
    this.#at = new Date(this.#at.valueOf() + seconds * 1000);
  }
}

/** Creates an empty database with the whole schema on the engine of the test run. Closing its ORM closes it. */
export async function embedded(): Promise<{ orm: MikroORM; runSql: RunSql }> {
  const { orm, run, close } = await freshDatabase({ seeded: false });
  return { orm: Object.create(orm, { close: { value: close } }) as MikroORM, runSql: run };
}

/**
 * Reads and changes rows without row filters. The services' own entity manager has filters and no viewer, so they work
 * without one.
 */
export class Stored {
  constructor(private readonly em: SqlEntityManager) {}

  find<T extends object>(entity: EntityClass<T>, where: FilterQuery<NoInfer<T>>): Promise<T[]> {
    return this.em.find(entity, where, { filters: false, orderBy: { id: 'asc' } as never });
  }

  one<T extends object>(entity: EntityClass<T>, where: FilterQuery<NoInfer<T>>): Promise<T> {
    return this.em.findOneOrFail(entity, where, { filters: false });
  }

  count<T extends object>(entity: EntityClass<T>, where: FilterQuery<NoInfer<T>>): Promise<number> {
    return this.em.count(entity, where, { filters: false });
  }

  change<T extends object>(entity: EntityClass<T>, where: FilterQuery<NoInfer<T>>, changes: Partial<T>): Promise<number> {
    return this.em.nativeUpdate(entity, where, changes as EntityData<T>, { filters: false });
  }
}

/** The parts of a process that session use cases need. */
export type SessionServices = Pick<Services, 'keyring' | 'passwords' | 'tokens' | 'mail' | 'breached' | 'setup' | 'rules' | 'now'>;

/** The use cases of sessions, each called with its own viewer and client. */
export class SessionCalls {
  constructor(
    private readonly em: SqlEntityManager,
    private readonly services: SessionServices,
  ) {}

  login = (input: LoginInput, from: Client) => sessions.login(this.scope(from), input);
  completeLogin = (input: CompleteLoginInput, from: Client) => sessions.completeLogin(this.scope(from), input);
  reauthenticate = (viewer: Viewer, input: ReauthenticateInput, from: Client, cookie = '') =>
    credentials.reauthenticate(this.scope(from, viewer), input, cookie);
  refresh = (token: string, from: Client, wantsCookies = false) => sessions.refresh(this.scope(from), token, wantsCookies);
  logout = (viewer: Viewer, from: Client) => sessions.logout(this.scope(from, viewer));
  logoutAll = (viewer: Viewer, from: Client) => sessions.logoutAll(this.scope(from, viewer));
  revoke = (viewer: Viewer, id: string, from: Client) => sessions.revoke(this.scope(from, viewer), id);
  beginTotp = (viewer: Viewer, from: Client) => credentials.beginTotp(this.scope(from, viewer));
  confirmTotp = (viewer: Viewer, code: string, from: Client) => credentials.confirmTotp(this.scope(from, viewer), code);
  disableTotp = (viewer: Viewer, input: ReauthenticateInput, from: Client) => credentials.disableTotp(this.scope(from, viewer), input);
  regenerateBackupCodes = (viewer: Viewer, from: Client) => credentials.regenerateBackupCodes(this.scope(from, viewer));
  changePassword = (viewer: Viewer, input: ChangePasswordInput, from: Client, cookie: string) =>
    accounts.changePassword(this.scope(from, viewer), input, cookie);
  requestPasswordReset = (email: string, from: Client) => accounts.requestPasswordReset(this.scope(from), email);
  resetPassword = (input: ResetPasswordInput, from: Client) => accounts.resetPassword(this.scope(from), input);
  register = (input: RegisterInput, from: Client) => accounts.register(this.scope(from), input);
  requestEmailVerification = (viewer: Viewer, from: Client) => accounts.requestEmailVerification(this.scope(from, viewer));
  verifyEmail = (token: string, from: Client) => accounts.verifyEmail(this.scope(from), token);
  setupOwner = (input: SetupOwnerInput, from: Client) => accounts.setupOwner(this.scope(from), input);

  private scope(from: Client, viewer: Viewer = Viewer.anonymous): Scope {
    return { ...scopeOn(this.em, this.services), em: this.em, viewer, client: from };
  }
}

/** Returns a scope without a viewer on an entity manager, without other services. */
export const scopeOn = (em: SqlEntityManager, services: Partial<Services>): Scope =>
  serviceScope(services as Services, em, () => Promise.reject(new Error('No statement runs outside of the entity manager here')), 'start');

/** The service with its clock, its keys and one user, and helpers for tests. */
export class Local {
  readonly clock = new Clock();
  keyring = Keyring.parse(Keyring.generate());
  rules = rules;
  user!: User;
  /** The mails to be sent, also from transactions that were rolled back. */
  readonly mailed: MailJob[] = [];
  setupToken: string | null = null;
  /** Passwords that count as breached. */
  readonly breached = new Set<string>();

  constructor(
    readonly orm: MikroORM,
    readonly runSql: RunSql,
    readonly hasher: (keyring: Keyring) => PasswordHasher = (keyring) => new PasswordHasher(keyring, cost),
  ) {}

  get tools(): SessionServices {
    return {
      keyring: this.keyring,
      passwords: this.hasher(this.keyring),
      tokens: new AccessTokens(this.keyring, termsOf(this.rules)),
      mail: {
        enqueue: async (em, job) => {
          if (!em.isInTransaction()) throw new Error('A mail outside a transaction');
          this.mailed.push(job);
        },
      },
      breached: { has: async (text) => this.breached.has(text) },
      setup: { isToken: async (text) => text === this.setupToken, forget: async () => void (this.setupToken = null) },
      rules: this.rules,
      now: this.clock.now,
    };
  }

  get em(): SqlEntityManager {
    return this.orm.em.fork();
  }

  /** The stored rows, visible or not. */
  get stored(): Stored {
    return new Stored(this.em);
  }

  get sessions(): SessionCalls {
    return new SessionCalls(this.em, this.tools);
  }

  /** A scope of the service itself, without a signed-in user. */
  get scope(): Scope {
    return scopeOn(this.em, this.tools);
  }

  async settle(username: string): Promise<this> {
    const passwordHash = await hashPassword(password, cost, this.keyring);
    const email = `${username}@local.test`;
    this.user = new User({ username, email, passwordHash, firstName: 'Rosa', lastName: 'Delgado' });
    const { em } = this;
    await em.persist(this.user).flush();
    return this;
  }

  async login(input: Partial<LoginInput> = {}): Promise<SignedIn> {
    const result = await this.sessions.login({ identifier: this.user.username, password, ...input }, client);
    if (!(result instanceof SignedIn)) throw new Error('A second factor was asked');
    return result;
  }

  async refresh(token: string | null): Promise<SignedIn> {
    return this.sessions.refresh(token ?? '', client);
  }

  async viewer(accessToken: string): Promise<Viewer | null> {
    const facts = await authenticate(accessToken, this.runSql, this.tools, this.runSql);
    return facts && new Viewer(facts, () => false);
  }

  /** Returns one row of plain columns. */
  async row<T = Record<string, unknown>>(sql: string, params: unknown[] = []): Promise<T> {
    return (await this.runSql(sql, params))[0] as T;
  }
}

/** Returns the code of the refusal, or the result. */
export async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'no refusal',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  );
}
