import { createHash } from 'node:crypto';
import type { PGlite } from '@electric-sql/pglite';
import { types, type Pool, type QueryResult } from 'pg';
import { isAway } from '../errors.ts';
import { LRUCache } from 'lru-cache';
import type { Pipeline, Sender } from './pipeline.ts';

/**
 * Runs one statement with parameters $1, $2, … Values have the same form on every engine. The server plans the
 * statement once, or each time if the best plan depends on the values. While no connection is available, a statement
 * that must be answered is retried until the time limit of a request.
 */
export type RunStatement = (
  text: string,
  params?: readonly unknown[],
  isForTheseValues?: boolean,
  mustAnswer?: boolean,
) => Promise<readonly Record<string, unknown>[]>;

/** The lifetime of a connection in seconds. Its prepared statements end with it. */
export const connectionLifetime = 3600;

/** The different ways to run statements. */
export interface Runners {
  readonly run: RunStatement;
  readonly runFor: (user: string | null) => RunStatement;
  readonly runReserved: RunStatement;
}

/**
 * Runs statements through pipelines. A statement with one plan for all values is prepared: parsed and planned once per
 * connection. Poolers may not support this. If no pipeline connection is available, a statement that must be answered
 * uses the pool for changes, where the stored change has left a connection.
 */
export function runOnPipelines(reads: Pipeline, reserved: Pipeline, prepares: boolean, changes: RunStatement): Runners {
  const names = new StatementNames();
  const on =
    (pipeline: Pipeline, sender?: Sender): RunStatement =>
    (text, params = [], isForTheseValues = false, mustAnswer = false) => {
      const name = isForTheseValues || !prepares ? undefined : names.of(text);
      return pipeline.query({ text, values: params.map(sent), name }, mustAnswer ? { ...sender, mustAnswer } : sender);
    };
  const answering =
    (read: RunStatement): RunStatement =>
    async (text, params, isForTheseValues, mustAnswer = false) => {
      try {
        return await read(text, params, isForTheseValues);
      } catch (error) {
        if (!mustAnswer || !isAway(error)) throw error;
        return await changes(text, params).catch(() => read(text, params, isForTheseValues, true));
      }
    };
  return {
    run: on(reads),
    runFor: (user) => answering(on(reads, { user: user ?? undefined, mayRepeat: true })),
    runReserved: on(reserved, { mayRepeat: true }),
  };
}

/** Runs all statements in the same way, if there is only one kind of connection. */
export const runOnOne = (run: RunStatement): Runners => ({ run, runFor: () => run, runReserved: run });

/** Formats an instant as UTC. `pg` would use the time zone of the process. */
const sent = (value: unknown): unknown => (value instanceof Date ? value.toISOString() : value);

/** Runs unprepared statements on the pool of the entity manager. Every pooler supports this. */
export function runOnPool(pool: Pool): RunStatement {
  return async (text, params = []) => {
    const { rows } = (await pool.query({ text, values: [...params], types: valueTypes })) as QueryResult<
      Record<string, unknown>
    >;
    return rows;
  };
}

/** Statements wait for an open transaction, because PGlite has only one connection. */
export function runOnPglite(pglite: PGlite): RunStatement {
  return async (text, params = []) =>
    (await pglite.query<Record<string, unknown>>(text, [...params], { parsers })).rows;
}

/**
 * Names the most recently used statements, so that they are prepared. Each connection keeps prepared statements in
 * memory for its lifetime, so their number and total length are limited during that time. Statements beyond the limits
 * run unprepared.
 */
export class StatementNames {
  readonly #names: LRUCache<string, string>;
  #given = 0;
  #characters = 0;
  #since = Date.now();

  constructor(
    private readonly most = 500,
    private readonly period = connectionLifetime * 1000,
    mostCharacters = 1_000_000,
  ) {
    this.#names = new LRUCache({ maxSize: mostCharacters, maxEntrySize: mostCharacters / 10 });
  }

  of(text: string): string | undefined {
    return this.#names.get(text) ?? this.#give(text);
  }

  #give(text: string): string | undefined {
    const now = Date.now();
    if (now - this.#since >= this.period) {
      this.#given = 0;
      this.#characters = 0;
      this.#since = now;
    }
    if (this.#given >= this.most || this.#characters + text.length > this.#names.maxSize) return undefined;
    this.#given += 1;
    this.#characters += text.length;
    const name = `uh_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
    this.#names.set(text, name, { size: text.length });
    return name;
  }
}

type Parse = (text: string) => unknown;

const same: Parse = (text) => text;
const integer: Parse = (text) => (Number.isSafeInteger(Number(text)) ? Number(text) : text);
const instant: Parse = (text) => new Date(`${text.replace(' ', 'T')}${/[+-]\d\d$/.test(text) ? ':00' : ''}`);
const bytes: Parse = (text) => Buffer.from(text.slice(2), 'hex');
/** Parses an array of any type as texts, as `pg` does for text[]. */
export const strings = types.getTypeParser(1009 as never) as unknown as (text: string) => (string | null)[];
const listOf =
  (parse: Parse): Parse =>
  (text) =>
    strings(text).map((item) => (item === null ? null : parse(item)));

/** The parsers of all types that are used here, by PostgreSQL's type number. Values of other types stay text. */
const parsers: Record<number, Parse> = {
  16: (text) => text === 't', // bool
  17: bytes, // bytea
  20: integer, // int8
  21: Number, // int2
  23: Number, // int4
  25: same, // text
  114: JSON.parse, // json
  700: Number, // float4
  701: Number, // float8
  1007: listOf(Number), // int4[]
  1009: strings, // text[]
  1015: strings, // varchar[]
  1016: listOf(integer), // int8[]
  1043: same, // varchar
  1082: same, // date: a day without a time zone
  1114: same, // timestamp
  1115: strings, // timestamp[]
  1182: strings, // date[]
  1184: instant, // timestamptz
  1185: listOf(instant), // timestamptz[]
  1231: strings, // numeric[]
  1700: same, // numeric
  2950: same, // uuid
  2951: strings, // uuid[]
  3802: JSON.parse, // jsonb
  3807: listOf(JSON.parse), // jsonb[]
};

/** Replaces `pg`'s default parsers. */
export const valueTypes = { getTypeParser: (oid: number) => parsers[oid] ?? same } as {
  getTypeParser: typeof types.getTypeParser;
};
