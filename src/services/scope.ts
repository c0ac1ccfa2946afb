import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { CompiledQuery } from 'kysely';
import type { SessionConfig, VaultConfig } from '../config.ts';
import type { ReviewThresholds } from '../entities/benevolence.ts';
import { dayIn } from '../entities/scalars.ts';
import { Viewer } from '../entities/viewer.ts';
import type { PasswordHasher } from './crypto/hasher.ts';
import type { AccessTokens } from './crypto/jwt.ts';
import type { Keyring } from './crypto/keyring.ts';
import type { MailQueue } from './mail/index.ts';
import type { ConnectionManager, MemoryLimiter } from './setting/connection-manager.ts';

/** Runs one statement with `$1` parameters and returns its rows. */
export type RunSql = (text: string, parameters: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>;

/**
 * Runs statements in the open transaction of an entity manager. Without a transaction, each uses a pooled connection.
 */
export function runOn(em: SqlEntityManager): RunSql {
  const connection = em.getTransactionContext() ?? em.getKysely();
  return async (text, parameters) =>
    (await connection.executeQuery(CompiledQuery.raw(text, [...parameters]))).rows as Record<string, unknown>[];
}

/** The origin of a request. */
export interface Client {
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly requestId: string;
}

/** A row of an entity's table. */
export interface RowReference {
  readonly entity: abstract new (...args: never[]) => object;
  readonly id: string;
}

/** The metadata of the entities. */
export type Metadata = Pick<SqlEntityManager, 'getMetadata' | 'getComparator'>;

/** Answers whether the viewer can see rows. */
export interface Visibility {
  /** Whether the viewer can see all of these rows and none of them is deleted. */
  sees(...rows: readonly [RowReference, ...RowReference[]]): Promise<boolean>;
}

/** The parts that all requests and jobs of a process share: keys, rules and the services they call. */
export interface Services {
  readonly keyring: Keyring;
  readonly passwords: PasswordHasher;
  readonly tokens: AccessTokens;
  readonly mail: Pick<MailQueue, 'enqueue'>;
  /** Whether a password is known from a breach. False if that cannot be determined. */
  readonly breached: { has(password: string): Promise<boolean> };
  /** The set-up token, which proves the right to claim an instance that has no owner. */
  readonly setup: { isToken(text: string): Promise<boolean>; forget(): Promise<void> };
  readonly rules: SessionConfig;
  readonly vault: VaultConfig;
  /** The amounts from which each review level of the benevolence fund must decide. */
  readonly thresholds: ReviewThresholds;
  /** The time zone of the local's calendar days. */
  readonly timeZone: string;
  readonly now: () => Date;
  readonly warn: (message: string) => void;
  /** The database connection of this process, which the settings show and change. */
  readonly connections: ConnectionManager;
  /** Counts set-up attempts while there is no database to count them in. */
  readonly turns: MemoryLimiter;
}

/** One request, or one run of a job or command. Every use case takes it first. */
export interface Scope extends Services {
  /** Reads and writes through the viewer's row filter; inside `transaction`, that transaction. */
  readonly em: SqlEntityManager;
  /** Runs a statement outside of `em`: on the pipelined connections, or in the transaction of an idempotent request. */
  readonly run: RunSql;
  /** The metadata of the entities, for statements that need no entity manager. */
  readonly metadata: Metadata;
  readonly viewer: Viewer;
  readonly client: Client;
  /** The `x-vault-token` header. */
  readonly vaultToken: string | null;
  readonly visibility: Visibility;
  /** Runs `work` with the same scope inside a transaction. Rolls back when it throws. */
  transaction<Result>(work: (scope: Scope) => Promise<Result>): Promise<Result>;
}

/** The parts of a scope that reading and writing entities needs. */
export type EntityScope = Pick<Scope, 'em'>;

/** The parts of a scope that differ within a process. */
export type ScopeSource = Pick<Scope, 'run' | 'metadata' | 'viewer' | 'client' | 'vaultToken' | 'visibility'> & {
  /** Called once, when the entity manager is first needed: most requests only read. */
  readonly openEm: () => SqlEntityManager;
};

export function createScope(services: Services, { openEm, ...facts }: ScopeSource): Scope {
  let em: SqlEntityManager | undefined;
  return {
    ...services,
    ...facts,
    get em() {
      return (em ??= openEm());
    },
    transaction(work) {
      return this.em.transactional((em) => work({ ...this, em }));
    },
  };
}

/** Creates the scope of the service itself, for startup or a job. Nobody is signed in. */
export const serviceScope = (services: Services, em: SqlEntityManager, run: RunSql, requestId: string): Scope =>
  createScope(services, {
    run,
    metadata: em,
    viewer: Viewer.anonymous,
    client: { ipAddress: null, userAgent: null, requestId },
    vaultToken: null,
    visibility: { sees: () => Promise.resolve(false) },
    openEm: () => em.fork(),
  });

/** The current day in the local's time zone, as `YYYY-MM-DD`. */
export const todayOf = ({ timeZone, now }: Pick<Services, 'timeZone' | 'now'>): string => dayIn(timeZone, now());

type UseCase = (scope: Scope, ...args: never[]) => unknown;

/** The use cases of a domain without their first parameter. */
export type BoundUseCases<UseCases> = {
  readonly [Name in keyof UseCases]: UseCases[Name] extends (scope: Scope, ...args: infer Args) => infer Result
    ? (...args: Args) => Result
    : never;
};

/** Binds the use cases of a domain to a scope: `bind(scope, grievances).settle(input)`. */
export const bind = <UseCases extends Readonly<Record<string, UseCase>>>(
  scope: Scope,
  useCases: UseCases,
): BoundUseCases<UseCases> =>
  new Proxy(useCases, {
    get:
      (all, name: string) =>
      (...args: never[]) =>
        all[name]?.(scope, ...args),
  }) as unknown as BoundUseCases<UseCases>;
