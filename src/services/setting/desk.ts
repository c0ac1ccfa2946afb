import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { DatabaseConnection, ConnectionSource } from '../../entities/setting.ts';
import type { PendingFile } from '../crypto/private-file.ts';

/** Where the service's database is, as it says itself. */
export interface Place {
  readonly source: ConnectionSource;
  /** All but the password; null where it is embedded. */
  readonly server: Omit<DatabaseConnection, 'password' | 'ssl'> | null;
}

/** A database that was opened, brought up to date and found fit for the service, which is not there yet. */
export interface PreparedDatabase {
  /** Moves the service there: new requests use it; running requests end on the earlier database. */
  adopt(): Promise<void>;
  /** Lets it be. */
  discard(): Promise<void>;
}

/** What the settings ask of the process that they are the settings of. */
export interface Desk {
  readonly place: Place;
  /** The database that the service works on; null while it is not ready. */
  readonly em: SqlEntityManager | null;
  /** The version of its server; null where it does not answer. */
  serverVersion(): Promise<string | null>;
  readonly configDirectory: string;
  readonly isMailConfigured: boolean;
  readonly version: string;
  /** @throws where it cannot be connected to or brought up to date. Nothing of the service has changed then. */
  prove(connection: DatabaseConnection): Promise<PreparedDatabase>;
  /** Writes a connection down for the starts to come, if it is kept. @throws {SavedError} where that cannot be done. */
  draft(connection: DatabaseConnection): Promise<PendingFile>;
  /** Hears what cannot be recorded because there is no database. */
  warn(message: string): void;
}

/** The same limit while there is no database to count in: by this process alone. */
export class MemoryLimiter {
  #taken = new Map<string, number[]>();

  /** 0 for a turn taken, else the seconds until there is one. */
  take(key: string, { turns, seconds }: { readonly turns: number; readonly seconds: number }, at: Date): number {
    const since = at.valueOf() - seconds * 1000;
    const taken = (this.#taken.get(key) ?? []).filter((each) => each > since);
    if (taken.length >= turns) return Math.max(1, Math.ceil(((taken[0] ?? 0) - since) / 1000));
    if (this.#taken.size >= 10_000) this.#taken.clear();
    this.#taken.set(key, [...taken, at.valueOf()]);
    return 0;
  }
}
