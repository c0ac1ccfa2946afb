import type { RunSql } from '../scope.ts';
import { eventColumns, eventOf } from './row.ts';

export interface ExportOptions {
  /** The first instant. The beginning of the log if omitted. */
  readonly from?: Date;
  /** The last instant. The end of the log if omitted. */
  readonly to?: Date;
  /** The number of rows per page. */
  readonly most?: number;
}

/**
 * Exports the log as JSON lines, the earliest event first, with all columns and the seal. Reads a page of rows at a
 * time.
 */
export async function* exportAudit(run: RunSql, { from, to, most = 1000 }: ExportOptions = {}): AsyncGenerator<string> {
  let last: readonly [at: Date | null, id: string | null] = [null, null];
  for (;;) {
    const rows = await run(text(most, last[1] !== null), [from ?? null, to ?? null, ...(last[1] === null ? [] : last)]);
    for (const row of rows) yield `${JSON.stringify(lineOf(row))}\n`;
    const end = rows.at(-1);
    if (end === undefined || rows.length < most) return;
    last = [end['at'] as Date, end['id'] as string];
  }
}

const text = (most: number, goesOn: boolean): string =>
  `select ${eventColumns}, s.sequence as seal_sequence, s.kid as seal_kid, s.hash as seal_hash
   from audit_events e left join audit_seals s on s.event_id = e.id
   where ($1::timestamptz is null or e.at >= $1) and ($2::timestamptz is null or e.at <= $2) ${goesOn ? 'and (e.at, e.id) > ($3::timestamptz, $4::uuid)' : ''}
   order by e.at, e.id limit ${most}`;

/** Converts an event and its seal to the object of one JSON line. */
export function lineOf(row: Record<string, unknown>): object {
  const { actor, ...event } = eventOf(row);
  const seal =
    row['seal_sequence'] === null
      ? null
      : { sequence: Number(row['seal_sequence']), kid: row['seal_kid'], hash: row['seal_hash'] };
  return { ...event, actorId: actor?.id ?? null, seal };
}
