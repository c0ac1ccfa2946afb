import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { DatabaseConnection, ConnectionSource } from '../../entities/setting.ts';
import type { PendingFile } from '../crypto/private-file.ts';

/** The location of the service's database, as the service reports it. */
export interface DatabaseLocation {
  readonly source: ConnectionSource;
  /** The connection without the password. Null if the database is embedded. */
  readonly server: Omit<DatabaseConnection, 'password' | 'ssl'> | null;
}

/** A connected, migrated and checked database to which the service has not moved yet. */
export interface PreparedDatabase {
  /** Moves the service to this database. New requests use it; running requests end on the earlier database. */
  adopt(): Promise<void>;
  /** Closes the database without moving to it. */
  discard(): Promise<void>;
}

/** The parts of a process that the settings need. */
export interface ConnectionManager {
  readonly place: DatabaseLocation;
  /** The current database. Null while it is not ready. */
  readonly em: SqlEntityManager | null;
  /** The version of the database server. Null if it does not answer. */
  serverVersion(): Promise<string | null>;
  readonly configDirectory: string;
  readonly isMailConfigured: boolean;
  readonly version: string;
  /** @throws if connecting or migrating fails. The service has not changed then. */
  prove(connection: DatabaseConnection): Promise<PreparedDatabase>;
  /** Writes a connection for later starts to a pending file. @throws {SavedError} if it cannot be written. */
  draft(connection: DatabaseConnection): Promise<PendingFile>;
  /** Called for entries that cannot be recorded without a database. */
  warn(message: string): void;
}

/** The same rate limit while there is no database, counted by this process alone. */
export class MemoryLimiter {
  #taken = new Map<string, number[]>();

  /** Returns 0 if the attempt was taken, otherwise the seconds to wait. */
  take(key: string, { turns, seconds }: { readonly turns: number; readonly seconds: number }, at: Date): number {
    const since = at.valueOf() - seconds * 1000;
    const taken = (this.#taken.get(key) ?? []).filter((each) => each > since);
    if (taken.length >= turns) return Math.max(1, Math.ceil(((taken[0] ?? 0) - since) / 1000));
    if (this.#taken.size >= 10_000) this.#taken.clear();
    this.#taken.set(key, [...taken, at.valueOf()]);
    return 0;
  }
}
