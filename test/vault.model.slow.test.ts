import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../src/database/index.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { retireKey } from '../src/services/key.ts';
import { Clock } from './support/local.ts';
import { Mailboxes } from './support/mailbox.ts';
import { aNode, bearer, seededDatabase, type Node } from './support/node.ts';
import { asks, Keeper, type Operation } from './vault.kit.ts';

const runs = Number(process.env['RUNS'] ?? 12);
const seed = Number(process.env['MODEL_SEED'] ?? 1);
const clock = new Clock();
const people = ['admin', 'officer', 'staff'] as const;
type Person = (typeof people)[number];

/** A reproducible random generator: mulberry32. */
class Dice {
  constructor(private state: number) {}

  roll(sides: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * sides);
  }

  pick<T>(of: readonly T[]): T {
    return of[this.roll(of.length)] as T;
  }
}

/** The model's state of a user. */
interface Known {
  keeper: Keeper;
  id: string;
  isGranted: boolean;
  isUnlocked: boolean;
}

let database: Database;
let node: Node;
let keyText = Keyring.generate();
let mailboxes: Mailboxes;
const passwords: Record<Person, string> = { admin: 'unionhall-dev', officer: 'unionhall-dev', staff: 'unionhall-dev' };

const sql = (text: string, ...values: unknown[]) => database.run(text, values);
const environment = { LIMIT_SIGN_IN: '9999/1', LIMIT_MAIL_ACCOUNT: '9999/1', LIMIT_MAIL_ADDRESS: '9999/1', LIMIT_SECOND_FACTOR: '9999/1' };

/** Restarts the service with a new system key before the earlier ones. */
async function restart(): Promise<void> {
  await node?.stop();
  const keyring = Keyring.parse(keyText);
  mailboxes = new Mailboxes({ database, keyring, now: clock.now });
  node = await aNode({ database, keyring, clock, environment });
}

beforeAll(async () => {
  database = await seededDatabase(Keyring.parse(keyText));
  await sql(`update users set is_owner = true where username = 'admin'`);
  await sql('create sequence interruption');
  await restart();
}, 120_000);

async function signIn(who: Person): Promise<Keeper> {
  const query = 'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken } } }';
  const { data, codes } = await node.ask<{ login: { accessToken: string } }>(query, {
    input: { identifier: who, password: passwords[who] },
  });
  expect([who, codes]).toEqual([who, []]);
  const authorization = bearer(data.login.accessToken);
  return new Keeper((text, given, headers) => node.ask(text, given, { ...authorization, ...headers }) as never, passwords[who]);
}

/** The expected content of a vault, and who should be able to read it. */
class Model {
  readonly secrets = new Map<string, string[]>();
  readonly log: string[] = [];
  private people!: Record<Person, Known>;
  private recoveryKit = '';
  private count = 0;

  constructor(private readonly dice: Dice) {}

  async begin(): Promise<void> {
    for (const table of ['vault_sessions', 'vault_grants', 'secrets', 'vault_keys', 'vaults', 'user_keys'])
      await sql(`delete from ${table}`);
    const known: Partial<Record<Person, Known>> = {};
    for (const who of people) {
      const id = (await sql('select id from users where username = $1', who))[0]?.['id'] as string;
      known[who] = { keeper: await signIn(who), id, isGranted: who === 'admin', isUnlocked: false };
    }
    this.people = known as Record<Person, Known>;
    this.recoveryKit = (await this.people.admin.keeper.see('createVault', { password: passwords.admin })).recoveryKit;
  }

  /** Does one random step, and compares the response with the model. */
  async step(): Promise<void> {
    const who = this.dice.pick(people);
    const name = this.dice.pick(['a', 'b', 'c']);
    const steps: readonly (readonly [weight: number, what: string, act: () => Promise<void>])[] = [
      [5, `${who} unlocks`, () => this.unlock(who)],
      [6, `${who} stores ${name}`, () => this.store(who, name)],
      [5, `${who} reveals ${name}`, () => this.reveal(who, name)],
      [2, `${who} renames ${name}`, () => this.rename(who, name)],
      [2, `${who} restores ${name}`, () => this.restore(who, name)],
      [1, `${who} deletes ${name}`, () => this.delete(who, name)],
      [3, `${who} grants`, () => this.grant(who, this.dice.pick(people))],
      [1, 'admin revokes', () => this.revoke(this.dice.pick(['officer', 'staff']))],
      [2, 'admin rotates', () => this.rotate()],
      [2, 'admin rotates, and is interrupted', () => this.interrupted()],
      [1, `${who} locks`, () => this.lock(who)],
      [1, `${who} changes the password`, () => this.changePassword(who)],
      [1, `${who} resets the password`, () => this.resetPassword(who)],
      [1, 'admin recovers', () => this.recover()],
      [1, 'the system key is replaced', () => this.replaceSystemKey()],
    ];
    let left = this.dice.roll(steps.reduce((sum, [weight]) => sum + weight, 0));
    const [, what, act] = steps.find(([weight]) => (left -= weight) < 0) as (typeof steps)[number];
    this.log.push(what);
    await act();
  }

  /** Checks that all users with a grant can read everything, and others nothing. */
  async examine(): Promise<void> {
    for (const who of people) {
      await this.unlock(who);
      for (const [name, versions] of this.secrets)
        for (const at of versions.keys()) {
          // Only the last ten are kept.
          const expected = at < versions.length - 10 ? 'NOT_FOUND' : (versions[at] as string);
          expect([who, name, at, await this.people[who].keeper.reveal(name, at + 1)]).toEqual([
            who,
            name,
            at,
            this.people[who].isUnlocked ? expected : 'VAULT_LOCKED',
          ]);
        }
    }
    if (!this.people.admin.isUnlocked) return;
    expect(await this.people.admin.keeper.see('vault')).toMatchObject({ secretCount: this.secrets.size, rewrapsLeft: 0 });
    expect(await sql(`select state, count(*)::int as count from vault_keys where state <> 'destroyed' group by 1`)).toEqual([
      { state: 'active', count: 1 },
    ]);
  }

  private async unlock(who: Person): Promise<void> {
    const known = this.people[who];
    const { codes, is } = await known.keeper.ask('unlockVault', { password: passwords[who] });
    expect([who, codes]).toEqual([who, known.isGranted ? [] : ['CONFLICT']]);
    known.keeper.vaultToken = is?.vaultToken ?? known.keeper.vaultToken;
    known.isUnlocked = known.isGranted;
  }

  /** Sends a request and expects the model's result: `possible` if the vault is unlocked, otherwise a refusal. */
  private async ask(who: Person, operation: Operation, given: object, possible: string | null): Promise<boolean> {
    const { keeper, isUnlocked } = this.people[who];
    const { codes } = await keeper.ask(operation, given);
    const expected = isUnlocked ? possible : 'VAULT_LOCKED';
    expect([who, operation, codes]).toEqual([who, operation, expected === null ? [] : [expected]]);
    return expected === null;
  }

  private async store(who: Person, keyName: string): Promise<void> {
    const value = `value ${(this.count += 1)} ${randomBytes(this.dice.roll(40)).toString('hex')}`;
    if (!(await this.ask(who, 'storeSecret', { input: { keyName, value } }, null))) return;
    this.secrets.set(keyName, [...(this.secrets.get(keyName) ?? []), value]);
  }

  private async reveal(who: Person, name: string): Promise<void> {
    const value = this.secrets.get(name)?.at(-1) ?? 'NOT_FOUND';
    expect([who, name, await this.people[who].keeper.reveal(name)]).toEqual([
      who,
      name,
      this.people[who].isUnlocked ? value : 'VAULT_LOCKED',
    ]);
  }

  private async rename(who: Person, keyName: string): Promise<void> {
    const newKeyName = this.dice.pick(['a', 'b', 'c', 'd']);
    const versions = this.secrets.get(keyName);
    const isTaken = newKeyName !== keyName && this.secrets.has(newKeyName);
    const refusal = versions === undefined ? 'NOT_FOUND' : isTaken ? 'BAD_INPUT' : null;
    if (!(await this.ask(who, 'renameSecret', { keyName, newKeyName }, refusal)) || versions === undefined) return;
    this.secrets.delete(keyName);
    this.secrets.set(newKeyName, versions);
  }

  private async restore(who: Person, keyName: string): Promise<void> {
    const versions = this.secrets.get(keyName) ?? [];
    const version = 1 + this.dice.roll(versions.length + 1);
    const isKept = version <= versions.length && version > versions.length - 10;
    if (!(await this.ask(who, 'restoreSecretVersion', { keyName, version }, isKept ? null : 'NOT_FOUND'))) return;
    this.secrets.set(keyName, [...versions, versions[version - 1] as string]);
  }

  private async delete(who: Person, keyName: string): Promise<void> {
    if (await this.ask(who, 'deleteSecret', { keyName }, this.secrets.has(keyName) ? null : 'NOT_FOUND')) this.secrets.delete(keyName);
  }

  private async grant(who: Person, to: Person): Promise<void> {
    const { id } = this.people[to];
    // A caller who cannot see all users cannot name another one.
    const refusal = who === 'staff' && to !== 'staff' ? 'NOT_FOUND' : null;
    if (await this.ask(who, 'grantVaultAccess', { userId: id }, refusal)) this.people[to].isGranted = true;
  }

  private async revoke(from: Person): Promise<void> {
    const { id, isGranted } = this.people[from];
    if (!(await this.ask('admin', 'revokeVaultAccess', { userId: id }, isGranted ? null : 'CONFLICT'))) return;
    this.people[from].isGranted = false;
    this.lockOthers();
  }

  private async rotate(): Promise<void> {
    if (await this.ask('admin', 'rotateVaultKey', {}, null)) this.lockOthers();
  }

  /**
   * Starts a rotation that a database error interrupts after some values. It continues later, or another one follows.
   */
  private async interrupted(): Promise<void> {
    await sql(`select setval('interruption', 1)`);
    const most = 1 + this.dice.roll(8);
    await sql(`create or replace function interrupt() returns trigger language plpgsql as
      $$ begin if nextval('interruption') > ${most} then raise exception 'the server is gone'; end if; return new; end $$`);
    await sql('create trigger interrupt before update of vault_key_id on secret_versions for each row execute function interrupt()');
    try {
      await this.rotate();
    } finally {
      await sql('drop trigger interrupt on secret_versions');
    }
  }

  private async lock(who: Person): Promise<void> {
    await this.people[who].keeper.see('lockVault');
    this.people[who].isUnlocked = false;
  }

  private async changePassword(who: Person): Promise<void> {
    const newPassword = `the word ${randomBytes(8).toString('hex')}`;
    const input = { currentPassword: passwords[who], newPassword };
    const query = 'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }';
    const { keeper } = this.people[who];
    const { codes } = await (
      keeper as unknown as { asking: (text: string, given: object, headers: object) => Promise<{ codes: string[] }> }
    ).asking(query, { input }, {});
    expect([who, codes]).toEqual([who, []]);
    passwords[who] = newPassword;
    this.people[who].isUnlocked = false;
  }

  /** All grants are void. */
  private async resetPassword(who: Person): Promise<void> {
    await node.ask(`mutation { requestPasswordReset(email: "${who}@unionhall.test") }`);
    const input = { token: await mailboxes.tokenOf(`${who}@unionhall.test`), newPassword: `the word ${randomBytes(8).toString('hex')}` };
    const { codes } = await node.ask('mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) }', { input });
    expect([who, codes]).toEqual([who, []]);
    passwords[who] = input.newPassword;
    Object.assign(this.people[who], { keeper: await signIn(who), isGranted: false, isUnlocked: false });
  }

  private async recover(): Promise<void> {
    const { admin } = this.people;
    const { vaultToken } = await admin.keeper.see('recoverVault', { recoveryKit: this.recoveryKit, password: passwords.admin });
    admin.keeper.vaultToken = vaultToken;
    Object.assign(admin, { isGranted: true, isUnlocked: true });
  }

  /** Everything continues, because the key that wraps unlocked vaults is still known. */
  private async replaceSystemKey(): Promise<void> {
    const keys = [Keyring.generate(), ...keyText.split(',')];
    for (const gone of keys.slice(8)) await retireKey(database.run, gone.split(':')[0] as string);
    keyText = keys.slice(0, 8).join(',');
    await restart();
  }

  private lockOthers(): void {
    for (const who of people) if (who !== 'admin') this.people[who].isUnlocked = false;
  }
}

describe(`random sequences (MODEL_SEED=${seed} RUNS=${runs})`, () => {
  it.each(Array.from({ length: runs }, (_, at) => at))('number %i: who can read what matches the model', async (run) => {
    const dice = new Dice(seed + run);
    const model = new Model(dice);
    await model.begin();
    try {
      for (let step = 0; step < 24; step += 1) await model.step();
      await model.examine();
    } catch (error) {
      throw new Error(`after: ${model.log.join('; ')}\n${String(error)}`, { cause: error });
    }
    expect(Object.keys(asks)).toContain('revealSecret');
  });
});
