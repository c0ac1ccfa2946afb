import { expect } from '@jest/globals';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { User } from '../src/entities/user.ts';
import type { Database } from '../src/database/index.ts';
import type { Keyring } from '../src/services/crypto/keyring.ts';
import { cleanUp } from '../src/services/session/cleanup.ts';
import { shownBy, wrongFor } from './factor.kit.ts';
import { Clock } from './support/local.ts';
import type { Mailboxes } from './support/mailbox.ts';
import { bearer, type Node, type Reply } from './support/node.ts';

/** A clock that stands still between turns, for results that are exact to the second. */
export class StillClock extends Clock {
  #at = Date.parse('2026-03-01T12:00:00.000Z');
  override readonly now = (): Date => new Date(this.#at);

  override turn(seconds: number): void {
    this.#at += seconds * 1000;
  }
}

/**
 * The time limits of these lives in seconds, except for the attempts. They are so short that each can be the first to
 * end, and close enough for random actions to reach them.
 */
export const terms = {
  access: 3600,
  tolerance: 30,
  grace: 10,
  retry: 1200,
  idle: 1500,
  absolute: 2500,
  challenge: 300,
  reset: 1800,
  stepUp: 600,
  lock: 900,
  device: 400 * 86_400,
  attempts: 2,
} as const;

/** The same limits for the service. */
export const environment = {
  ACCESS_TOKEN_TTL: String(terms.access),
  REFRESH_GRACE: String(terms.grace),
  REFRESH_RETRY: String(terms.retry),
  SESSION_IDLE_AGE: String(terms.idle),
  SESSION_MAX_AGE: String(terms.absolute),
  STEP_UP_AGE: String(terms.stepUp),
  LOGIN_LOCK: String(terms.lock),
  LOGIN_ATTEMPTS: String(terms.attempts),
  CLEANUP_EVERY: '86400',
} as const;

/** The environment of a life. */
export interface World {
  readonly node: Node;
  readonly database: Database;
  readonly keyring: Keyring;
  readonly clock: StillClock;
  readonly mailboxes: Mailboxes;
  /** The hash of {@link firstPassword}, computed once to save time. */
  readonly passwordHash: string;
}

export const firstPassword = 'the hall is open 0';

/** The number of consecutive wrong attempts, and until when none is checked. */
interface Count {
  failures: number;
  lockedUntil: number | null;
}

interface Held {
  /** The id in its access tokens. */
  readonly id: string;
  readonly startedAt: number;
  readonly count: Count;
  readonly refreshTokens: string[];
  refreshedAt: number;
  /** When an access token of the latest refresh was first used. */
  firstUsedAt: number | null;
  authenticatedAt: number;
  hasEnded: boolean;
}

interface AccessToken {
  readonly token: string;
  readonly session: Held;
  readonly at: number;
  /** The counter of the refresh token that came with it. */
  readonly counter: number;
}

interface KnownDevice {
  readonly tokens: string[];
  readonly count: Count;
  lastSeenAt: number;
  isGone: boolean;
}

interface Challenge {
  readonly token: string;
  readonly until: number;
  readonly device: KnownDevice | null;
  isSpent: boolean;
}

interface Reset {
  readonly token: string;
  readonly until: number;
  isSpent: boolean;
}

interface SecondFactor {
  readonly secret: string;
  lastStep: number;
  /** The unused backup codes. */
  readonly codes: string[];
}

interface Tokens {
  accessToken: string;
  refreshToken: string | null;
  deviceToken: string | null;
}

const tokens = 'accessToken refreshToken deviceToken';
const queries = {
  login: `mutation ($input: LoginInput!) { done: login(input: $input) { ... on SignedIn { ${tokens} } ... on SecondFactorRequired { challenge methods } } }`,
  complete: `mutation ($input: CompleteLoginInput!) { done: completeLogin(input: $input) { ${tokens} } }`,
  refresh: `mutation ($token: String) { done: refresh(refreshToken: $token) { ${tokens} } }`,
  logout: 'mutation { done: logout }',
  logoutAll: 'mutation { done: logoutAll }',
  revoke: 'mutation ($id: ID!) { done: revokeSession(id: $id) { id } }',
  changePassword: `mutation ($input: ChangePasswordInput!) { done: changePassword(input: $input) { ${tokens} } }`,
  requestReset: 'mutation ($email: String!) { done: requestPasswordReset(email: $email) }',
  reset: 'mutation ($input: ResetPasswordInput!) { done: resetPassword(input: $input) }',
  begin: 'mutation { done: beginTotp { secret } }',
  confirm: 'mutation ($code: String!) { done: confirmTotp(code: $code) { codes } }',
  disable: 'mutation ($input: ReauthenticateInput!) { done: disableTotp(input: $input) { id } }',
  reauthenticate: 'mutation ($input: ReauthenticateInput!) { done: reauthenticate(input: $input) }',
  me: '{ done: me { id } }',
  users: '{ done: users(first: 1) { edges { node { id } } } }',
} as const;

let lives = 0;

/**
 * The sessions of one user, in the service and in a model. The service is called over HTTP; the model is the fields of
 * this class. Every action happens in both, with the same result.
 */
export class Life {
  readonly sessions: Held[] = [];
  readonly access: AccessToken[] = [];
  readonly devices: KnownDevice[] = [];
  readonly challenges: Challenge[] = [];
  readonly resets: Reset[] = [];
  totp: SecondFactor | null = null;
  thefts = 0;
  isActive = true;
  roleUntil: number | null = null;
  #password = firstPassword;
  #passwords = 0;
  readonly #count: Count = { failures: 0, lockedUntil: null };
  readonly #user: User;

  private constructor(
    private readonly world: World,
    user: User,
  ) {
    this.#user = user;
  }

  /** Creates the user, optionally with a second factor. */
  static async begin(world: World, hasSecondFactor: boolean): Promise<Life> {
    const username = `life.${++lives}`;
    const { database, passwordHash, clock } = world;
    clock.turn(2); // the limits of the previous life have ended
    const user = new User({ username, email: `${username}@local.test`, passwordHash, firstName: 'Rosa', lastName: 'Delgado' });
    await database.orm.em.fork().persist(user).flush();
    const life = new Life(world, user);
    await life.holdRole(null);
    if (!hasSecondFactor) return life;
    await life.login(true, false, null, false);
    for (const held of life.access) await life.enrol(held, -1, false);
    return life;
  }

  get now(): number {
    return this.world.clock.now().valueOf() / 1000;
  }

  /** Future instants at which something should change. */
  get edges(): number[] {
    const all = [
      ...this.sessions.flatMap((held) => [
        held.startedAt + terms.absolute,
        held.refreshedAt + terms.idle,
        held.refreshedAt + terms.retry,
        (held.firstUsedAt ?? 0) + terms.grace,
        held.authenticatedAt + terms.stepUp,
        held.count.lockedUntil ?? 0,
      ]),
      ...this.access.map(({ at }) => at + terms.access + terms.tolerance),
      ...[...this.challenges, ...this.resets].map(({ until }) => until),
      ...[this.#count, ...this.devices.map(({ count }) => count)].map(({ lockedUntil }) => lockedUntil ?? 0),
      this.roleUntil ?? 0,
    ];
    return [...new Set(all)].filter((at) => at > this.now).sort((a, b) => a - b);
  }

  isLive(held: Held): boolean {
    return this.isActive && !held.hasEnded && this.now < held.startedAt + terms.absolute && this.now < held.refreshedAt + terms.idle;
  }

  /** Whether the previous refresh token still gets the latest one. */
  honors({ refreshedAt, firstUsedAt }: Held): boolean {
    return this.now < refreshedAt + terms.retry && this.now < (firstUsedAt ?? this.now) + terms.grace;
  }

  works({ session, at }: AccessToken): boolean {
    return this.isLive(session) && this.now < at + terms.access + terms.tolerance;
  }

  turn(seconds: number): void {
    this.world.clock.turn(seconds);
  }

  async setActive(isActive: boolean): Promise<void> {
    await this.world.database.run('update users set is_active = $1 where id = $2', [isActive, this.#user.id]);
    this.isActive = isActive;
  }

  /** Assigns the member role for some seconds, or permanently. */
  async holdRole(seconds: number | null): Promise<void> {
    const { run } = this.world.database;
    const until = seconds === null ? null : this.now + seconds;
    await run('delete from user_roles where user_id = $1', [this.#user.id]);
    await run(
      `insert into user_roles (id, created_at, updated_at, user_id, role_id, assigned_at, expires_at, review_levels)
       select gen_random_uuid(), now(), now(), $1, id, now(), $2, '{}' from roles where name = 'member'`,
      [this.#user.id, until === null ? null : new Date(until * 1000)],
    );
    this.roleUntil = until;
  }

  async cleanUp(): Promise<void> {
    const { database, keyring, clock } = this.world;
    const mail = { enqueue: () => Promise.resolve() };
    const tools = { keyring, mail, rules: { refusalsPerDay: 10_000 }, now: clock.now };
    expect(await cleanUp({ em: database.orm.em.fork() as SqlEntityManager, ...tools })).not.toBeNull();
    for (const device of this.devices) device.isGone ||= device.lastSeenAt <= this.now - terms.device;
  }

  async login(isRight: boolean, byAddress: boolean, deviceToken: string | null, cookie: boolean): Promise<void> {
    const identifier = byAddress ? this.#user.email : this.#user.username;
    const input = { identifier, password: this.#given(isRight), deviceToken, cookie };
    const reply = await this.#ask<Tokens & { challenge?: string; methods?: string[] }>(queries.login, { input });
    const device = this.devices.find((each) => !each.isGone && each.tokens.at(-1) === deviceToken) ?? null;
    if (!this.isActive || !this.#try(device?.count ?? this.#count, isRight)) return refused(reply, 'BAD_CREDENTIALS');
    clear(device?.count ?? this.#count);
    const done = answered(reply);
    if (this.totp === null) return this.#started(reply, cookie, device);
    expect(done.methods).toEqual(this.totp.codes.length > 0 ? ['TOTP', 'BACKUP_CODE'] : ['TOTP']);
    this.challenges.push({ token: done.challenge ?? '', until: this.now + terms.challenge, device, isSpent: false });
  }

  async complete(challenge: Challenge, { steps, backup }: Code): Promise<void> {
    const [code, isRight] = this.#code(steps, backup);
    const method = backup === null ? 'TOTP' : 'BACKUP_CODE';
    const reply = await this.#ask<Tokens>(queries.complete, { input: { challenge: challenge.token, code, method } });
    const isOpen = this.isActive && !challenge.isSpent && this.now < challenge.until;
    if (!isOpen || !isRight) return refused(reply, 'BAD_CREDENTIALS');
    this.#spend(code, steps, backup);
    challenge.isSpent = true;
    this.#started(reply, reply.headers.getSetCookie().length > 0, challenge.device, true);
  }

  async refresh(held: Held, place: number, byCookie: boolean): Promise<void> {
    const token = held.refreshTokens[place] ?? '';
    const reply = byCookie
      ? await this.#ask<Tokens>(queries.refresh, {}, { cookie: `unionhall_refresh=${token}` })
      : await this.#ask<Tokens>(queries.refresh, { token });
    const behind = held.refreshTokens.length - 1 - place;
    if (!this.isLive(held)) return unmoved(reply);
    if (behind === 0) {
      const { refreshToken } = taken(reply, byCookie);
      expect(held.refreshTokens).not.toContain(refreshToken);
      held.refreshTokens.push(refreshToken);
      Object.assign(held, { refreshedAt: this.now, firstUsedAt: null });
    } else if (behind === 1 && this.honors(held)) {
      expect(taken(reply, byCookie).refreshToken).toBe(held.refreshTokens.at(-1));
    } else {
      unmoved(reply);
      held.hasEnded = true;
      this.thefts += 1;
      return this.#alerted();
    }
    this.#granted(reply, held);
  }

  /** Sends a refresh token with one changed letter, and every other kind of token, which must all fail. */
  async forge(held: Held, place: number): Promise<void> {
    const token = held.refreshTokens.at(-1) ?? '';
    const at = token.length - 2 - (place % 40);
    const forged = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
    const others = [
      this.access.at(-1)?.token,
      this.devices.at(-1)?.tokens.at(-1),
      this.challenges.at(-1)?.token,
      this.resets.at(-1)?.token,
    ];
    for (const given of [forged, ...others.filter((each) => each !== undefined)])
      unmoved(await this.#ask(queries.refresh, { token: given }));
    for (const given of [token, ...others.slice(1)].filter((each) => each !== undefined))
      refused(await this.#ask(queries.me, {}, bearer(given)), 'UNAUTHENTICATED');
  }

  async logout(by: AccessToken): Promise<void> {
    const reply = await this.#ask<boolean>(queries.logout, {}, bearer(by.token));
    if (!this.works(by)) return refused(reply, 'UNAUTHENTICATED');
    expect(answered(reply)).toBe(true);
    expect(reply.headers.getSetCookie().join()).toMatch(/^unionhall_refresh=;/);
    by.session.hasEnded = true;
  }

  async logoutAll(by: AccessToken): Promise<void> {
    const reply = await this.#ask<boolean>(queries.logoutAll, {}, bearer(by.token));
    if (!this.works(by)) return refused(reply, 'UNAUTHENTICATED');
    expect(answered(reply)).toBe(true);
    this.#endAll();
  }

  async revoke(by: AccessToken, held: Held): Promise<void> {
    const reply = await this.#ask(queries.revoke, { id: held.id }, bearer(by.token));
    if (!this.works(by)) return refused(reply, 'UNAUTHENTICATED');
    if (!this.isLive(held)) return refused(reply, 'NOT_FOUND');
    expect(answered(reply)).toEqual({ id: held.id });
    held.hasEnded = true;
  }

  async changePassword(by: AccessToken, isRight: boolean): Promise<void> {
    const newPassword = this.#next();
    const input = { currentPassword: this.#given(isRight), newPassword };
    const reply = await this.#ask<Tokens>(queries.changePassword, { input }, bearer(by.token));
    if (!this.works(by)) return refused(reply, 'UNAUTHENTICATED');
    if (!this.#try(by.session.count, isRight)) return refused(reply, 'BAD_CREDENTIALS');
    clear(by.session.count);
    expect(answered(reply).refreshToken).toBe(by.session.refreshTokens.at(-1));
    this.#replaced(newPassword, by.session);
    this.#granted(reply, by.session);
  }

  async requestReset(): Promise<void> {
    expect(answered(await this.#ask<boolean>(queries.requestReset, { email: this.#user.email }))).toBe(true);
    if (!this.isActive) return;
    for (const earlier of this.resets) earlier.isSpent = true;
    const letters = await this.world.mailboxes.of(this.#user.email);
    const token = letters.findLast((letter) => letter.token !== '')?.token ?? '';
    expect(this.resets.map((each) => each.token)).not.toContain(token);
    this.resets.push({ token, until: this.now + terms.reset, isSpent: false });
  }

  async reset(reset: Reset): Promise<void> {
    const newPassword = this.#next();
    const reply = await this.#ask<boolean>(queries.reset, { input: { token: reset.token, newPassword } });
    if (!this.isActive || reset.isSpent || this.now >= reset.until) return refused(reply, 'BAD_INPUT');
    expect(answered(reply)).toBe(true);
    this.#replaced(newPassword);
    for (const count of [this.#count, ...this.devices.map((device) => device.count)]) clear(count);
  }

  /** Sets up a second factor, optionally with a wrong code first. */
  async enrol(by: AccessToken, steps: number, isWrongFirst: boolean): Promise<void> {
    const reply = await this.#ask<{ secret: string }>(queries.begin, {}, bearer(by.token));
    if (!this.#mayStepUp(by, reply)) return;
    if (this.totp !== null) return refused(reply, 'CONFLICT');
    const { secret } = answered(reply);
    const confirm = (code: string) => this.#ask<{ codes: string[] }>(queries.confirm, { code }, bearer(by.token));
    if (isWrongFirst) refused(await confirm(wrongFor(secret, this.world.clock.now())), 'BAD_CREDENTIALS');
    const confirmed = await confirm(shownBy(secret, this.world.clock.now(), steps));
    if (Math.abs(steps) > 1) return refused(confirmed, 'BAD_CREDENTIALS');
    this.totp = { secret, lastStep: this.#step + steps, codes: [...answered(confirmed).codes] };
  }

  async disable(by: AccessToken, isRight: boolean, given: Code): Promise<void> {
    const reply = await this.#prove(queries.disable, by, isRight, given);
    if (!this.#mayStepUp(by, reply)) return;
    if (this.totp === null) return refused(reply, 'CONFLICT');
    if (this.#proved(by, reply, isRight, given)) this.totp = null;
  }

  async reauthenticate(by: AccessToken, isRight: boolean, given: Code): Promise<void> {
    const reply = await this.#prove(queries.reauthenticate, by, isRight, given);
    if (!this.works(by)) return refused(reply, 'UNAUTHENTICATED');
    if (this.#proved(by, reply, isRight, given)) by.session.authenticatedAt = this.now;
  }

  /** Uses an access token, which must work exactly while it is valid. */
  async holds(held: AccessToken): Promise<void> {
    const reply = await this.#ask<{ id: string } | null>(queries.me, {}, bearer(held.token));
    if (this.works(held)) expect(answered(reply)).toEqual({ id: this.#user.id });
    else refused(reply, 'UNAUTHENTICATED');
  }

  /** Calls an operation that needs a role, which must work exactly while the user has one. */
  async holdsRole(held: AccessToken): Promise<void> {
    const reply = await this.#ask(queries.users, {}, bearer(held.token));
    if (!this.works(held)) refused(reply, 'UNAUTHENTICATED');
    else if (this.roleUntil !== null && this.now >= this.roleUntil) refused(reply, 'FORBIDDEN');
    else answered(reply);
  }

  /** Calls an operation that requires step-up, which must be refused exactly while step-up is missing. */
  async holdsProof(held: AccessToken): Promise<void> {
    const reply = await this.#ask(queries.begin, {}, bearer(held.token));
    if (!this.#mayStepUp(held, reply)) return;
    if (this.totp === null) answered(reply);
    else refused(reply, 'CONFLICT');
  }

  /** Locks the device or the account, returns when the lock expires, and uses the correct password. */
  async lapse(deviceToken: string | null, by: number): Promise<void> {
    for (let time = 0; time < terms.attempts; time++) await this.login(false, false, deviceToken, false);
    this.turn(terms.lock + by);
    await this.login(true, true, deviceToken, false);
  }

  /** Keeps a session active until its absolute end, by refreshing at the last moment. */
  async linger(held: Held, by: number): Promise<void> {
    const [last, end] = [() => held.refreshedAt + terms.idle - 1, held.startedAt + terms.absolute];
    while (this.isLive(held) && last() + 1 < end) {
      this.turn(Math.max(0, last() - this.now));
      await this.refresh(held, held.refreshTokens.length - 1, false);
    }
    this.turn(Math.max(0, end + by - this.now));
  }

  /** Tries all tokens so far, beginning with those that should end nothing. */
  async end(): Promise<void> {
    await this.#each();
    await this.setActive(true);
    await this.#each();
    for (const challenge of this.challenges) {
      this.turn(this.totp === null ? 0 : Math.max(0, (this.totp.lastStep + 1) * 30 - this.now)); // up to an unused code
      await this.complete(challenge, { steps: 0, backup: null });
    }
    for (const held of this.sessions) {
      if (this.isLive(held)) await this.refresh(held, held.refreshTokens.length - 1, false);
      await this.refresh(held, Math.max(0, held.refreshTokens.length - 2), true);
    }
    for (const held of this.access) await this.holds(held);
    for (const held of this.sessions)
      for (const place of held.refreshTokens.keys()) if (held.refreshTokens.length - place > 2) await this.refresh(held, place, false);
    for (const reset of this.resets) await this.reset(reset);
    for (const held of this.access) await this.holds(held);
    const [row] = await this.world.database.run(`select count(*)::int as ended from sessions where user_id = $1 and end_reason = 'reuse'`, [
      this.#user.id,
    ]);
    expect(row).toEqual({ ended: this.thefts });
  }

  async #each(): Promise<void> {
    for (const held of this.access) await this.holds(held);
    const last = this.access.at(-1);
    if (last) await this.holdsRole(last);
    const over = this.sessions.filter((held) => !this.isLive(held));
    for (const held of over) for (const place of held.refreshTokens.keys()) await this.refresh(held, place, place % 2 === 0);
  }

  #ask<Data = unknown>(query: string, variables: object = {}, headers: Record<string, string> = {}): Promise<Reply<{ done: Data }>> {
    const by = this.access.find(({ token }) => bearer(token)['authorization'] === headers['authorization']);
    if (by && this.works(by) && by.counter > 1 && by.counter === by.session.refreshTokens.length) by.session.firstUsedAt ??= this.now;
    return this.world.node.ask<{ done: Data }>(query, variables, headers);
  }

  #given(isRight: boolean): string {
    return isRight ? this.#password : `${this.#password}?`;
  }

  #next(): string {
    return `the hall is open ${++this.#passwords}`;
  }

  get #step(): number {
    return Math.floor(this.now / 30);
  }

  /** Counts an attempt. @returns whether it is checked and correct. */
  #try(count: Count, isRight: boolean): boolean {
    if (count.lockedUntil !== null && this.now < count.lockedUntil) return false;
    count.failures = (count.lockedUntil === null ? count.failures : 0) + 1;
    count.lockedUntil = count.failures >= terms.attempts ? this.now + terms.lock : null;
    return isRight;
  }

  /** Returns a code, and whether it is correct now. */
  #code(steps: number, backup: number | null): [code: string, isRight: boolean] {
    if (backup !== null) {
      const { codes = [] } = this.totp ?? {};
      const code = backup < 0 ? undefined : codes[backup % Math.max(1, codes.length)];
      return [code ?? 'AAAA-BBBB-CCCC-DDDD', code !== undefined];
    }
    if (this.totp === null) return ['000000', false];
    const isRight = Math.abs(steps) <= 1 && this.#step + steps > this.totp.lastStep;
    return [shownBy(this.totp.secret, this.world.clock.now(), steps), isRight];
  }

  #spend(code: string, steps: number, backup: number | null): void {
    if (this.totp === null) throw new Error('There is no second factor.');
    if (backup === null) this.totp.lastStep = this.#step + steps;
    else this.totp.codes.splice(this.totp.codes.indexOf(code), 1);
  }

  #mayStepUp(by: AccessToken, reply: Reply<unknown>): boolean {
    const code = this.works(by) ? 'STEP_UP_REQUIRED' : 'UNAUTHENTICATED';
    const isAllowed = this.works(by) && this.now < by.session.authenticatedAt + terms.stepUp;
    if (!isAllowed) refused(reply, code);
    return isAllowed;
  }

  #prove(query: string, by: AccessToken, isRight: boolean, { steps, backup }: Code): Promise<Reply<{ done: unknown }>> {
    const code = this.totp === null ? null : this.#code(steps, backup)[0];
    return this.#ask(query, { input: { password: this.#given(isRight), code } }, bearer(by.token));
  }

  #proved(by: AccessToken, reply: Reply<{ done: unknown }>, isRight: boolean, { steps, backup }: Code): boolean {
    const [code, isCode] = this.#code(steps, backup);
    const isProved = this.#try(by.session.count, isRight) && (this.totp === null || isCode);
    if (isProved) {
      answered(reply);
      if (this.totp !== null) this.#spend(code, steps, backup);
      clear(by.session.count);
    } else refused(reply, 'BAD_CREDENTIALS');
    return isProved;
  }

  #started(reply: Reply<{ done: Tokens }>, cookie: boolean, device: KnownDevice | null, isRenewed = false): void {
    const { accessToken, refreshToken, deviceToken } = taken(reply, cookie);
    const { sub, sid } = claimsOf(accessToken);
    expect(sub).toBe(this.#user.id);
    expect(this.sessions.map(({ id }) => id)).not.toContain(sid);
    const session = { id: sid, startedAt: this.now, refreshedAt: this.now, firstUsedAt: null, authenticatedAt: this.now, hasEnded: false };
    const held = { ...session, count: { failures: 0, lockedUntil: null }, refreshTokens: [refreshToken] };
    this.sessions.push(held);
    this.#granted(reply, held);
    this.#recognised(deviceToken ?? '', device, isRenewed);
  }

  #recognised(token: string, device: KnownDevice | null, isRenewed: boolean): void {
    if (device === null || device.isGone) {
      this.devices.push({ tokens: [token], count: { failures: 0, lockedUntil: null }, lastSeenAt: this.now, isGone: false });
      return;
    }
    if (isRenewed) {
      expect(device.tokens).not.toContain(token);
      device.tokens.push(token);
    } else expect(token).toBe(device.tokens.at(-1));
    device.lastSeenAt = this.now;
  }

  #granted(reply: Reply<{ done: Tokens }>, session: Held): void {
    const { accessToken } = answered(reply);
    expect(claimsOf(accessToken).sid).toBe(session.id);
    this.access.push({ token: accessToken, session, at: this.now, counter: session.refreshTokens.length });
  }

  /** Ends all sessions except one, and pending sign-ins. */
  #endAll(except?: Held): void {
    for (const held of this.sessions) held.hasEnded ||= held !== except;
    for (const challenge of this.challenges) challenge.isSpent = true;
  }

  #replaced(newPassword: string, except?: Held): void {
    this.#password = newPassword;
    this.#endAll(except);
    for (const reset of this.resets) reset.isSpent = true;
  }

  async #alerted(): Promise<void> {
    const letters = await this.world.mailboxes.of(this.#user.email);
    expect(letters.filter(({ subject }) => subject === 'You were signed out for your safety')).toHaveLength(this.thefts);
  }
}

/** A code for the second factor: some steps from now, or the backup code at an index; a negative one is invalid. */
export interface Code {
  readonly steps: number;
  readonly backup: number | null;
}

function clear(count: Count): void {
  Object.assign(count, { failures: 0, lockedUntil: null });
}

function answered<Data>(reply: Reply<{ done: Data }>): Data {
  expect(reply.codes).toEqual([]);
  return reply.data.done;
}

function refused(reply: Reply<unknown>, code: string): void {
  expect(reply.codes).toEqual([code]);
}

/** Checks that it is refused as anonymous, without a change of the caller's cookies. */
function unmoved(reply: Reply<unknown>): void {
  refused(reply, 'UNAUTHENTICATED');
  expect(reply.headers.getSetCookie()).toEqual([]);
}

/** Returns the tokens of a response, which must be in the right place only. */
function taken(reply: Reply<{ done: Tokens }>, byCookie: boolean): Tokens & { refreshToken: string } {
  const done = answered(reply);
  const cookies = Object.fromEntries(reply.headers.getSetCookie().map((line) => line.split(';')[0]?.split('=') ?? []));
  if (!byCookie) expect(cookies).toEqual({});
  else expect(done).toMatchObject({ refreshToken: null, deviceToken: null });
  const { refreshToken, deviceToken } = byCookie
    ? { refreshToken: cookies['unionhall_refresh'], deviceToken: cookies['unionhall_device'] ?? null }
    : done;
  expect(refreshToken).toMatch(/^rft1\./);
  return { accessToken: done.accessToken, refreshToken: refreshToken as string, deviceToken };
}

function claimsOf(accessToken: string): { sub: string; sid: string } {
  const [, payload = ''] = accessToken.split('.');
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sub: string; sid: string };
}
