import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { seededAccounts } from '../seeds/index.ts';
import { PasswordHasher } from '../src/services/crypto/hasher.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { environment, firstPassword, Life, StillClock, type Code, type World } from './life.kit.ts';
import { Mailboxes } from './support/mailbox.ts';
import { aNode, bearer, seededDatabase } from './support/node.ts';

// Set `LIFE_RUNS=500 LIFE_SEED=$RANDOM` for more and other lives. A failure prints the path that reproduces it.
const numRuns = Number(process.env['LIFE_RUNS'] ?? 20);
const seed = Number(process.env['LIFE_SEED'] ?? 1);
const roomy = ['LIMIT_SIGN_IN', 'LIMIT_SECOND_FACTOR', 'LIMIT_MAIL_ACCOUNT', 'LIMIT_MAIL_ADDRESS', 'LIMIT_REFRESH', 'LIMIT_TOKEN'];

let world: World;
beforeAll(async () => {
  const keyring = Keyring.parse(Keyring.generate());
  const [clock, database] = [new StillClock(), await seededDatabase(keyring)];
  const limits = Object.fromEntries(roomy.map((name) => [name, '1000/1']));
  const node = await aNode({ database, keyring, clock, environment: { ...environment, ...limits } });
  const passwordHash = await new PasswordHasher(keyring, { memory: 19_456, time: 2 }).hash(firstPassword);
  world = { node, database, keyring, clock, mailboxes: new Mailboxes({ database, keyring, now: clock.now }), passwordHash };
});

/** One action of a life, after which some of the tokens are tried. */
class Act implements fc.AsyncCommand<Life, Life> {
  constructor(
    private readonly text: string,
    private readonly can: (life: Life) => boolean,
    private readonly act: (life: Life) => Promise<void>,
    private readonly sample: number,
  ) {}

  check(life: Readonly<Life>): boolean {
    return this.can(life as Life);
  }

  async run(life: Life): Promise<void> {
    await this.act(life);
    for (const held of sampleOf(life, this.sample)) await life.holds(held);
    const last = life.access.at(-1);
    if (!last) return;
    await life.holdsRole(last);
    await life.holdsProof(last);
  }

  toString(): string {
    return this.text;
  }
}

/** Returns the latest access token of up to four sessions, and some other. */
function sampleOf({ access, sessions }: Life, place: number): Life['access'] {
  const latest = sessions.slice(-4).map((session) => access.findLast((held) => held.session === session));
  return [...new Set([...latest, access[place % Math.max(1, access.length)]])].filter((held) => held !== undefined);
}

const place = fc.nat({ max: 60 });
const mostly = fc.nat({ max: 3 }).map((number) => number > 0);
const steps = fc.constantFrom(-2, -1, 0, 0, 1, 1, 2);
const code = fc.record<Code>({ steps, backup: fc.option(fc.integer({ min: -1, max: 9 }), { freq: 2 }) });

const at = <T>(list: readonly T[], index: number): T => {
  const found = list[index % list.length];
  if (found === undefined) throw new Error('There is nothing to choose from.');
  return found;
};
/** Returns an access token, mostly a valid one. */
const anAccess = (life: Life, index: number) => {
  const working = life.access.filter((held) => life.works(held));
  return at(working.length > 0 && index % 4 > 0 ? working : life.access, Math.floor(index / 4));
};
const aSession = (life: Life, index: number) => {
  const living = life.sessions.filter((held) => life.isLive(held));
  return at(living.length > 0 && index % 4 > 0 ? living : life.sessions, Math.floor(index / 4));
};

function act<Given extends Record<string, unknown>>(
  name: string,
  given: { [Name in keyof Given]: fc.Arbitrary<Given[Name]> },
  work: (life: Life, given: Given) => Promise<void> | void,
  can: (life: Life) => boolean = () => true,
): fc.Arbitrary<Act> {
  return fc
    .tuple(fc.record(given) as fc.Arbitrary<Given>, place)
    .map(([values, sample]) => new Act(`${name}(${JSON.stringify(values)})`, can, async (life) => work(life, values), sample));
}

const isIn = (life: Life) => life.sessions.length > 0;
const aDevice = (life: Life, index: number | null): string | null => {
  const known = life.devices.flatMap(({ tokens }) => tokens);
  return index === null || known.length === 0 ? null : at(known, index);
};
const login = act('login', { isRight: mostly, byAddress: fc.boolean(), device: fc.option(place), cookie: fc.boolean() }, (life, given) => {
  return life.login(given.isRight, given.byAddress, aDevice(life, given.device), given.cookie);
});
const complete = act(
  'complete',
  { which: place, code },
  (life, given) =>
    life.complete(given.which % 3 > 0 ? at(life.challenges, life.challenges.length - 1) : at(life.challenges, given.which), given.code),
  (life) => life.challenges.length > 0,
);
const refresh = act(
  'refresh',
  { session: place, behind: fc.constantFrom(0, 0, 0, 0, 1, 1, 2, 7), byCookie: fc.boolean() },
  (life, given) => {
    const held = aSession(life, given.session);
    return life.refresh(held, Math.max(0, held.refreshTokens.length - 1 - given.behind), given.byCookie);
  },
  isIn,
);
const turn = act('turn', { seconds: fc.constantFrom(1, 5, 9, 30, 60, 240, 500, 1200, 2000, 86_400, 500 * 86_400) }, (life, { seconds }) =>
  life.turn(seconds),
);
/** Moves to an instant at which something should change, or a second before or after it. */
const turnTo = act(
  'turnTo',
  { edge: place, by: fc.constantFrom(-1, 0, 1) },
  (life, { edge, by }) => {
    const near = at(life.edges, edge % 3 > 0 ? edge % 4 : edge);
    life.turn(Math.max(0, near + by - life.now));
  },
  (life) => life.edges.length > 0,
);
const reauthenticate = act(
  'reauthenticate',
  { by: place, isRight: mostly, code },
  (life, given) => life.reauthenticate(anAccess(life, given.by), given.isRight, given.code),
  isIn,
);

const often = [login, login, login, login, complete, complete, complete, refresh, refresh, refresh, refresh, turn, turnTo, turnTo, turnTo];
const acts = [
  ...often,
  act('forge', { session: place, letter: place }, (life, given) => life.forge(aSession(life, given.session), given.letter), isIn),
  act('logout', { by: place }, (life, { by }) => life.logout(anAccess(life, by)), isIn),
  act('logoutAll', { by: place }, (life, { by }) => life.logoutAll(anAccess(life, by)), isIn),
  act('revoke', { by: place, session: place }, (life, given) => life.revoke(anAccess(life, given.by), aSession(life, given.session)), isIn),
  act(
    'changePassword',
    { by: place, isRight: mostly },
    (life, given) => life.changePassword(anAccess(life, given.by), given.isRight),
    isIn,
  ),
  act('requestReset', {}, (life) => life.requestReset()),
  act(
    'reset',
    { which: place },
    (life, { which }) => life.reset(at([...life.resets].reverse(), Math.max(0, which - 40))),
    (life) => life.resets.length > 0,
  ),
  act(
    'setActive',
    {},
    (life) => life.setActive(false),
    (life) => life.isActive,
  ),
  ...[1, 2].map(() =>
    act(
      'setActive again',
      {},
      (life) => life.setActive(true),
      (life) => !life.isActive,
    ),
  ),
  act('holdRole', { seconds: fc.constantFrom(null, 1, 60, 3600) }, (life, { seconds }) => life.holdRole(seconds)),
  act(
    'enrol',
    { by: place, steps, isWrongFirst: fc.boolean() },
    (life, given) => life.enrol(anAccess(life, given.by), given.steps, given.isWrongFirst),
    isIn,
  ),
  reauthenticate,
  act(
    'disable',
    { by: place, isRight: mostly, code },
    (life, given) => life.disable(anAccess(life, given.by), given.isRight, given.code),
    isIn,
  ),
  act('lapse', { device: fc.option(place), by: fc.constantFrom(-1, 0, 1) }, (life, { device, by }) =>
    life.lapse(aDevice(life, device), by),
  ),
  act(
    'linger',
    { session: place, by: fc.constantFrom(-1, 0, 1) },
    (life, { session, by }) => life.linger(aSession(life, session), by),
    isIn,
  ),
  act('cleanUp', {}, (life) => life.cleanUp()),
];

describe("a session's life", () => {
  it(
    'is correct: no token works too long, and none stops too early',
    async () => {
      const property = fc.asyncProperty(
        fc.boolean(),
        fc.commands(acts, { maxCommands: 40, size: 'max' }),
        async (hasSecondFactor, commands) => {
          const life = await Life.begin(world, hasSecondFactor);
          await fc.asyncModelRun(() => ({ model: life, real: life }), commands);
          await life.end();
        },
      );
      await fc.assert(property, { numRuns, seed });
    },
    200_000 + numRuns * 3000,
  );
});

describe('from the next request on, and not before, access ends', () => {
  const codesOf = async (query: string, token: string) => (await world.node.ask(query, {}, bearer(token))).codes;
  const [me, mine, users] = ['{ me { id } }', '{ sessions { id isCurrent } }', '{ users(first: 1) { edges { node { id } } } }'];
  const signIn = async (username: string): Promise<string> => {
    const query = 'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken } } }';
    const input = { identifier: username, password: seededAccounts.find((account) => account.username === username)?.password };
    return (await world.node.ask<{ login: { accessToken: string } }>(query, { input })).data.login.accessToken;
  };
  const set = (change: string, username: string, ...more: unknown[]) =>
    world.database.run(`update ${change} = (select id from users where username = $1)`, [username, ...more]);

  it('when a role expires: operations that need it are refused, and others are answered', async () => {
    const token = await signIn('member');
    const until = new Date(world.clock.now().valueOf() + 60_000);
    await set('user_roles set expires_at = $2 where user_id', 'member', until);
    world.clock.turn(59);
    expect(await codesOf(users, token)).toEqual([]);
    world.clock.turn(1);
    expect(await codesOf(users, token)).toEqual(['FORBIDDEN']);
    expect(await codesOf(me, token)).toEqual([]);
  });

  it.each(['is_active = false', 'deleted_at = now()'])('when the user is closed out by %s, on every device', async (change) => {
    const tokens = [await signIn('staff'), await signIn('staff')];
    for (const token of tokens) expect(await codesOf(users, token)).toEqual([]);
    await set(`users set ${change} where id`, 'staff');
    for (const token of tokens) for (const query of [users, me, mine]) expect(await codesOf(query, token)).toEqual(['UNAUTHENTICATED']);
    await set('users set is_active = true, deleted_at = null where id', 'staff');
    expect(await codesOf(me, tokens[0] ?? '')).toEqual([]);
  });

  it('when a session is revoked: only for this one, also for concurrent requests', async () => {
    const [kept, lost] = [await signIn('officer'), await signIn('officer')];
    const { data } = await world.node.ask<{ sessions: { id: string; isCurrent: boolean }[] }>(mine, {}, bearer(lost));
    const id = data.sessions.find(({ isCurrent }) => isCurrent)?.id;
    expect(await codesOf(users, lost)).toEqual([]);
    expect((await world.node.ask('mutation ($id: ID!) { revokeSession(id: $id) { id } }', { id }, bearer(kept))).codes).toEqual([]);
    const codes = await Promise.all(Array.from({ length: 8 }, () => codesOf(users, lost)));
    expect(codes).toEqual(codes.map(() => ['UNAUTHENTICATED']));
    expect(await codesOf(users, kept)).toEqual([]);
  });

  it.each(['mutation { logout }', 'mutation { logoutAll }'])('when the user asked for %s', async (mutation) => {
    const token = await signIn('organizer');
    expect(await codesOf(mutation, token)).toEqual([]);
    for (const query of [users, me, mine, mutation]) expect(await codesOf(query, token)).toEqual(['UNAUTHENTICATED']);
  });
});
