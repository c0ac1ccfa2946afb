import { createHash } from 'node:crypto';
import type { PGlite } from '@electric-sql/pglite';
import { types, type Pool, type QueryResult } from 'pg';
import { isAway } from '../errors.ts';
import { LRUCache } from 'lru-cache';
import type { Pipeline, Sender } from './pipeline.ts';

/**
 * Rows of one statement with parameters $1, $2, …; its values come out alike on every engine. A server plans it once, or
 * each time for these values where the best plan depends on them. What must be answered is tried again, for as long
 * as a
 * request may take, while no connection can be had.
 */
export type RunStatement = (
  text: string,
  params?: readonly unknown[],
  isForTheseValues?: boolean,
  mustAnswer?: boolean,
) => Promise<readonly Record<string, unknown>[]>;

/** How long a connection lives, in seconds: what was prepared on it ends with it. */
export const connectionLifetime = 3600;

/** The ways in which statements are run. */
export interface Runners {
  readonly run: RunStatement;
  readonly runFor: (user: string | null) => RunStatement;
  readonly runReserved: RunStatement;
}

/**
 * Runs through pipelines, as prepared statements where one plan does for all values: parsed and planned once a connection.
 * A pooler between may not know those. What must be answered goes over the pool for changes where no pipeline is to be had:
 * a change that was just stored left a connection there.
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

/** Runs all statements in the same way, where there are no connections to choose from. */
export const runOnOne = (run: RunStatement): Runners => ({ run, runFor: () => run, runReserved: run });

/** An instant as its text in UTC, which `pg` would work out in the zone of the process. */
const sent = (value: unknown): unknown => (value instanceof Date ? value.toISOString() : value);

/** Runs through the pool that entities are stored through, and prepares nothing: what every pooler between allows. */
export function runOnPool(pool: Pool): RunStatement {
  return async (text, params = []) => {
    const { rows } = (await pool.query({ text, values: [...params], types: valueTypes })) as QueryResult<
      Record<string, unknown>
    >;
    return rows;
  };
}

/** Waits, as every statement there does, for a transaction that is open. */
export function runOnPglite(pglite: PGlite): RunStatement {
  return async (text, params = []) =>
    (await pglite.query<Record<string, unknown>>(text, [...params], { parsers })).rows;
}

/**
 * Gives the texts used last a name to be prepared under. What is prepared stays in the memory of every connection for
 * its lifetime, so in that time only so many names are given, to texts of so many characters together; a text beyond them
 * runs unprepared.
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
/** Reads any array as its items' texts: what `pg` does for text[]. */
export const strings = types.getTypeParser(1009 as never) as unknown as (text: string) => (string | null)[];
const listOf =
  (parse: Parse): Parse =>
  (text) =>
    strings(text).map((item) => (item === null ? null : parse(item)));

/** Every type that is stored or counted here, by its number in PostgreSQL. A type that is not listed comes as its text. */
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
  1082: same, // date: a day, in no time zone
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

/** How `pg` reads values here, instead of with its own defaults. */
export const valueTypes = { getTypeParser: (oid: number) => parsers[oid] ?? same } as {
  getTypeParser: typeof types.getTypeParser;
};
