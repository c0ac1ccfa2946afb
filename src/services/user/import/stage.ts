import { v7 as uuidv7 } from 'uuid';
import { parseUser, type ImportedUser, type LineProblem } from './draft.ts';
import type { EntityScope } from '../../scope.ts';
import type { TextLine } from './lines.ts';

/** The number of lines per batch. */
const batchSize = 500;

/** A staged line: the valid values of the future user's row. */
interface Staged extends Partial<ImportedUser> {
  readonly line: number;
  readonly id: string;
}

/**
 * Writes the lines and their problems into tables that last until the caller's transaction ends. So the database
 * compares them, and no file is too long for memory.
 * @returns the number of lines.
 */
export async function stage(
  scope: EntityScope,
  lines: AsyncIterable<TextLine>,
  progress: (lines: number) => void,
): Promise<number> {
  for (const table of tables) await scope.em.execute(table);
  let count = 0;
  for await (const batch of inBatches(lines)) {
    await add(scope, batch);
    count += batch.length;
    progress(count);
  }
  await scope.em.execute('analyze import_lines');
  return count;
}

const tables = [
  `create temporary table import_lines (
     line int primary key, id uuid not null, username text collate "C", email text collate "C", first_name text, last_name text,
     hash text, member_number text collate "C", is_active boolean, roles jsonb not null,
     by_username uuid, by_email uuid, by_member uuid, member_id uuid
   ) on commit drop`,
  'create temporary table import_problems (line int not null, path text not null, message text not null) on commit drop',
  'create index on import_problems (line)',
];

async function* inBatches(lines: AsyncIterable<TextLine>): AsyncGenerator<TextLine[]> {
  let batch: TextLine[] = [];
  for await (const line of lines) {
    batch.push(line);
    if (batch.length < batchSize) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function add(scope: EntityScope, batch: readonly TextLine[]): Promise<void> {
  const read = batch.map((line) => ({
    line: line.number,
    ...('text' in line ? parseUser(line.text) : unread(line.problem)),
  }));
  await stageDrafts(
    scope,
    read.map(({ line, draft }) => ({ line, id: uuidv7(), ...draft })),
  );
  await stageProblems(
    scope,
    read.flatMap(({ line, problems }) => problems.map((problem) => ({ line, ...problem }))),
  );
}

const unread = (message: string) => ({ draft: {}, problems: [{ path: '', message }] });

async function stageDrafts({ em }: EntityScope, drafts: readonly Staged[]): Promise<void> {
  const rows = drafts.map(({ roles = [], ...draft }) => ({
    ...draft,
    roles: roles.map((name) => ({ id: uuidv7(), name })),
  }));
  await em.execute(
    `insert into import_lines (line, id, username, email, first_name, last_name, hash, member_number, is_active, roles)
     select line, id, username, email, "firstName", "lastName", hash, "memberNumber", "isActive", roles
     from jsonb_to_recordset(cast(? as jsonb)) as given (line int, id uuid, username text, email text, "firstName" text, "lastName" text,
       hash text, "memberNumber" text, "isActive" boolean, roles jsonb)`,
    [JSON.stringify(rows)],
  );
}

async function stageProblems(
  { em }: EntityScope,
  problems: readonly ({ line: number } & LineProblem)[],
): Promise<void> {
  if (problems.length === 0) return;
  await em.execute(
    `insert into import_problems select line, path, message
     from jsonb_to_recordset(cast(? as jsonb)) as given (line int, path text, message text)`,
    [JSON.stringify(problems)],
  );
}
