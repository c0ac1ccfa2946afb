import type { Database } from '../../src/database/index.ts';
import { agreement, words, type Agreed, type Role } from './agreement.ts';

export type Stored = Readonly<Record<string, unknown>> & { readonly id: string };

/** The callers as stored in the database. */
export interface Asker {
  readonly userId: string;
  readonly memberId: string | null;
  readonly roles: readonly Role[];
}

interface Seen {
  readonly row: Stored;
  readonly fields: ReadonlySet<string>;
}

/** Returns a user by username, with the roles in force. */
export async function askerOf(sql: Database['run'], username: string): Promise<Asker> {
  const rows = await sql(
    `select u.id, u.member_id, r.based_on from users u
     left join user_roles a on a.user_id = u.id and (a.expires_at is null or a.expires_at > now())
     left join roles r on r.id = a.role_id where u.username = $1`,
    [username],
  );
  return {
    userId: rows[0]?.['id'] as string,
    memberId: (rows[0]?.['member_id'] ?? null) as string | null,
    roles: rows.map(({ based_on }) => based_on as Role).filter((role) => role !== null),
  };
}

/**
 * All rows that the expected permissions show to one user, with their visible fields. Everything else must be
 * invisible.
 */
export class Ledger {
  private readonly families = new Map<string, ReadonlyMap<unknown, readonly string[]>>();

  private constructor(
    readonly asker: Asker,
    private readonly every: ReadonlyMap<string, readonly Stored[]>,
    private readonly seen: ReadonlyMap<string, ReadonlyMap<string, Seen>>,
  ) {}

  static async of(sql: Database['run'], asker: Asker): Promise<Ledger> {
    return Ledger.from(sql, asker, await everyRow(sql));
  }

  /** Creates a ledger for each of these users. */
  static async ofAll<Name extends string>(sql: Database['run'], usernames: readonly Name[]): Promise<ReadonlyMap<Name, Ledger>> {
    const stored = await everyRow(sql);
    const ledgers = new Map<Name, Ledger>();
    for (const username of usernames) ledgers.set(username, await Ledger.from(sql, await askerOf(sql, username), stored));
    return ledgers;
  }

  private static async from(sql: Database['run'], asker: Asker, stored: ReadonlyMap<string, readonly Stored[]>): Promise<Ledger> {
    const seen = new Map<string, ReadonlyMap<string, Seen>>();
    for (const [type, agreed] of Object.entries(agreement)) seen.set(type, await seenOf(sql, asker, agreed, stored.get(type) ?? []));
    return new Ledger(asker, stored, seen);
  }

  /** Whether any row of the type could be visible. */
  reads(type: string): boolean {
    return grantsOf(of(type), this.asker).length > 0;
  }

  /** Returns the ids of all rows, visible or not. */
  everyId(type: string): string[] {
    return this.stored(type).map(({ id }) => id);
  }

  /** Returns all rows, visible or not. */
  stored(type: string): readonly Stored[] {
    return this.every.get(type) ?? [];
  }

  /** Returns the ids of visible rows, including deleted ones only on request. */
  ids(type: string, { deleted = false } = {}): string[] {
    return this.rows(type, deleted).map(({ id }) => id);
  }

  /** Returns the ids of a record's visible children. */
  children(type: string, foreignKey: string, parent: string): readonly string[] {
    const key = `${type} ${foreignKey}`;
    const known = this.families.get(key) ?? grouped(this.rows(type, false), foreignKey);
    this.families.set(key, known);
    return known.get(parent) ?? [];
  }

  row(type: string, id: string): Stored | undefined {
    return this.seen.get(type)?.get(id)?.row;
  }

  sees(type: string, id: string, field: string): boolean {
    return this.seen.get(type)?.get(id)?.fields.has(field) ?? false;
  }

  /** Whether the field is visible on any row. */
  everSees(type: string, field: string): boolean {
    return grantsOf(of(type), this.asker).some(([, , parts]) => fieldsOf(of(type), parts).includes(field));
  }

  /** Whether a row is visible; a deleted one only on request. */
  has(type: string, id: string, { deleted = false } = {}): boolean {
    const row = this.row(type, id);
    return row !== undefined && (deleted || isAlive(row));
  }

  private rows(type: string, deleted: boolean): Stored[] {
    return [...(this.seen.get(type)?.values() ?? [])].map(({ row }) => row).filter((row) => deleted || isAlive(row));
  }
}

/** Reads all stored rows by type. */
async function everyRow(sql: Database['run']): Promise<ReadonlyMap<string, readonly Stored[]>> {
  const stored = new Map<string, readonly Stored[]>();
  for (const [type, { table, idOf }] of Object.entries(agreement)) {
    const rows = await sql(`select to_jsonb(r)::text as row from ${table} r order by id`, []);
    stored.set(
      type,
      rows.map(({ row }) => JSON.parse(row as string) as Stored).map((row) => (idOf ? { ...row, user_id: row.id, id: idOf(row.id) } : row)),
    );
  }
  return stored;
}

const isAlive = (row: Stored): boolean => (row['deleted_at'] ?? null) === null;

function grouped(rows: readonly Stored[], foreignKey: string): ReadonlyMap<unknown, readonly string[]> {
  const families = new Map<unknown, string[]>();
  for (const row of rows) families.set(row[foreignKey], [...(families.get(row[foreignKey]) ?? []), row.id]);
  return families;
}

async function seenOf(sql: Database['run'], asker: Asker, agreed: Agreed, rows: readonly Stored[]): Promise<ReadonlyMap<string, Seen>> {
  const fields = new Map<string, Set<string>>();
  for (const [, where, parts] of grantsOf(agreed, asker)) {
    for (const row of await sql(`select r.id from ${agreed.table} r where ${bound(where, asker)}`, [])) {
      const id = shownId(agreed, row['id'] as string);
      const shown = fields.get(id) ?? new Set();
      for (const field of fieldsOf(agreed, parts)) shown.add(field);
      fields.set(id, shown);
    }
  }
  return new Map(rows.flatMap((row) => (fields.has(row.id) ? [[row.id, { row, fields: fields.get(row.id) ?? new Set<string>() }]] : [])));
}

const grantsOf = ({ grants }: Agreed, asker: Asker) =>
  grants.filter(([to]) => words(to).some((role) => role === 'signed-in' || asker.roles.includes(role as Role)));

const fieldsOf = ({ parts }: Agreed, names: string): string[] => words(names).flatMap((name) => words(parts[name] ?? ''));

const bound = (where: string, { userId, memberId }: Asker): string =>
  where.replaceAll(':me', `'${userId}'::uuid`).replaceAll(':mine', memberId === null ? 'null::uuid' : `'${memberId}'::uuid`);

export function of(type: string): Agreed {
  const agreed = agreement[type];
  if (!agreed) throw new Error(`Nobody agreed on ${type} yet.`);
  return agreed;
}

/** Returns the id under which a stored row appears. */
export const shownId = ({ idOf }: Agreed, id: string): string => (idOf ? idOf(id) : id);
