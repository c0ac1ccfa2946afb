import { createHmac } from 'node:crypto';
import { MikroORM } from '@mikro-orm/postgresql';
import pg from 'pg';
import { ormOptions } from '../mikro-orm.config.ts';
import { PasswordHasher } from '../src/services/crypto/hasher.ts';
import type { Keyring } from '../src/services/crypto/keyring.ts';
import type { RunSql } from '../src/services/scope.ts';
import type { SignedIn } from '../src/services/sign-in/start-session.ts';
import { SecondFactorRequired } from '../src/services/session/login.ts';
import { client, cost, Local, password } from './session.kit.ts';
import { serverDatabase } from './support/database.ts';

/** Computes the code of an authenticator, some steps from an instant. Written from RFC 6238, not from our code. */
export function shownBy(secret: string, at: Date, steps = 0): string {
  const bits = [...secret].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at.valueOf() / 30_000) + steps));
  const mac = createHmac('sha1', key).update(counter).digest();
  const number = mac.readUInt32BE((mac.at(-1) ?? 0) & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

/** Returns six digits that are invalid around an instant. */
export function wrongFor(secret: string, at: Date): string {
  const near = new Set([-2, -1, 0, 1, 2].map((steps) => shownBy(secret, at, steps)));
  return ['000000', '111111', '222222', '333333', '444444', '555555'].find((code) => !near.has(code)) ?? '';
}

/** Several nodes of one service, each with its own connections and hasher, on one database and keyring. */
export interface Nodes {
  readonly nodes: readonly Local[];
  /** The number of verifications per stored hash on all nodes. Null counts the dummy. */
  readonly held: (string | null)[];
  /** The number of backup codes and hashes that were compared. */
  readonly looked: number[];
  close(): Promise<void>;
}

/** Hashes without a queue, and records what is verified. */
class Noting extends PasswordHasher {
  constructor(
    keyring: Keyring,
    private readonly held: (string | null)[],
    private readonly looked: number[],
    most: number,
  ) {
    super(keyring, cost, { concurrent: most, waiting: most });
  }

  override async verify(text: string, choose: () => Promise<string | null>) {
    const proof = await super.verify(text, choose);
    this.held.push(proof.stored);
    return proof;
  }

  override async findCode(code: string, choose: () => Promise<readonly string[]>) {
    return super.findCode(code, async () => {
      const hashes = await choose();
      this.looked.push(hashes.length);
      return hashes;
    });
  }
}

/** Runs on a server, because the embedded database hides races. */
export async function severalNodes(count: number, connections = 16): Promise<Nodes> {
  const { url, drop } = await serverDatabase();
  const orms = await Promise.all(
    Array.from({ length: count }, () => MikroORM.init({ ...ormOptions, clientUrl: url, pool: { min: 0, max: connections } })),
  );
  await orms[0]?.schema.create();
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  pool.on('error', () => {}); // dropping the database can end a connection that is about to close
  const runSql: RunSql = async (text, params) => (await pool.query<Record<string, unknown>>(text, [...params])).rows;
  const [held, looked]: [(string | null)[], number[]] = [[], []];
  const nodes = orms.map((orm) => {
    const hashers = new WeakMap<Keyring, Noting>();
    const hasherOf = (keyring: Keyring): Noting => {
      const hasher = hashers.get(keyring) ?? new Noting(keyring, held, looked, 2 * connections);
      hashers.set(keyring, hasher);
      return hasher;
    };
    return new Local(orm, runSql, hasherOf);
  });
  const [first] = nodes;
  for (const node of nodes.slice(1)) Object.assign(node, { keyring: first?.keyring, clock: first?.clock, mailed: first?.mailed });
  const close = async (): Promise<void> => {
    await pool.end();
    await Promise.all(orms.map((orm) => orm.close()));
    await drop();
  };
  return { nodes, held, looked, close };
}

/** Creates one user on all nodes. */
export async function settleOn(nodes: readonly Local[], username: string): Promise<Local> {
  const [first, ...others] = nodes;
  if (first === undefined) throw new Error('There is no node');
  await first.settle(username);
  for (const other of others) other.user = first.user;
  return first;
}

/** Sets up a second factor, and moves past its step. @returns the secret and the backup codes. */
export async function enrol(local: Local): Promise<{ secret: string; codes: string[] }> {
  const { accessToken } = await local.login();
  const viewer = await local.viewer(accessToken);
  if (viewer === null) throw new Error('Nobody is signed in');
  const { secret } = await local.sessions.beginTotp(viewer, client);
  const { codes } = await local.sessions.confirmTotp(viewer, shownBy(secret, local.clock.now()), client);
  local.clock.turn(30);
  return { secret, codes };
}

/** Does the first step of a sign-in with a second factor. @returns the challenge. */
export async function challengeOf(local: Local, input: object = {}): Promise<string> {
  const asked: SignedIn | SecondFactorRequired = await local.sessions.login(
    { identifier: local.user.username, password, ...input },
    client,
  );
  if (!(asked instanceof SecondFactorRequired)) throw new Error('No second factor was asked');
  return asked.challenge;
}
