import { open as openFile, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Config } from '../config.ts';
import type { Database } from '../database/index.ts';
import { systemClock } from '../entities/clock.ts';
import { isDay } from '../entities/scalars.ts';
import { unwritableReason } from '../errors.ts';
import {
  archiveLines,
  checkArchive,
  exportAudit,
  findArchive,
  planArchive,
  readHead,
  removeArchived,
  formatVerifiedPart,
  formatFault,
  formatHead,
  verifyArchive,
  verifyAudit,
  type ArchiveFile,
  type ArchivePlan,
  type ChainHead,
} from '../services/audit/index.ts';
import type { Keyring } from '../services/crypto/keyring.ts';
import { keyringProblem } from '../services/key.ts';
import { existingKeyring, keyringFor, whileOpen } from './opening.ts';
import { CommandError, counted, say, sayJson, warn } from './operator.ts';

export interface VerifyFlags {
  readonly head?: string;
  readonly after?: string;
  readonly archive?: string;
  readonly json?: boolean;
}

/** Verifies the whole audit log, or an archive of it, and prints the first fault or the head. */
export async function verify(config: Config, values: VerifyFlags): Promise<void> {
  if (values.after !== undefined && values.archive !== undefined)
    throw new CommandError('--after and --archive cannot be combined: an archive file is verified as a whole.');
  const [kept, after] = [headOf(values.head, '--head'), headOf(values.after, '--after')];
  const keyring = await existingKeyring(config);
  await whileOpen(config, async (database) => {
    const problem = await keyringProblem(database.run, keyring);
    if (problem !== null) throw new CommandError(`Nothing was verified. ${problem}`);
    if (values.archive !== undefined) {
      const file = await readArchive(values.archive, keyring, kept);
      await checkArchive(database.run, keyring, file);
      if (values.json) {
        const { from, to, before } = file;
        return sayJson({ archive: values.archive, after: from.sequence, head: formatHead(to), before });
      }
      return say(
        `${values.archive} is unchanged: ${formatArchive(file)}.${kept ? ' It contains the given head.' : ''}`,
      );
    }
    const { head, unsealed, fault } = await verifyAudit(database.run, keyring, {
      ...(kept && { kept }),
      ...(after && { after }),
    });
    if (fault !== null) {
      throw new CommandError([formatFault(fault), formatVerifiedPart(fault, head)].filter(Boolean).join('\n'));
    }
    if (values.json) return sayJson({ sealed: head.sequence, unsealed, head: formatHead(head) });
    say(
      `${counted(head.sequence, 'event is', 'events are')} sealed and unchanged; ${unsealed} more ${unsealed === 1 ? 'is' : 'are'} waiting to be sealed.`,
    );
    const archive = await findArchive(database.run);
    if (archive && !after)
      say(`Of these, the first ${archive.head.sequence} are archived. Verify each file with --archive FILE.`);
    if (after) say(`Of these, the first ${after.sequence} were not verified.`);
    if (kept) say('The log contains the given head.');
    if (head.sequence > 0) say(`Store this head outside the database: ${formatHead(head)}`);
  });
}

export interface ExportFlags {
  readonly from?: string;
  readonly to?: string;
  readonly output?: string;
}

/** Exports the audit log as JSON lines, to a new file or to stdout. */
export async function exportEvents(config: Config, values: ExportFlags): Promise<void> {
  const [from, to] = [instantOf(values.from, '--from'), instantOf(values.to, '--to')];
  await whileOpen(config, async (database) => {
    let isEmpty = true;
    const noting = async function* (lines: AsyncIterable<string>): AsyncGenerator<string> {
      for await (const line of lines) {
        isEmpty = false;
        yield line;
      }
    };
    const lines = Readable.from(noting(exportAudit(database.run, { ...(from && { from }), ...(to && { to }) })));
    if (values.output === undefined) await pipeline(lines, process.stdout, { end: false });
    else await pipeline(lines, (await newFile(values.output)).createWriteStream());
    if (isEmpty) warn(`The audit log has no events${from || to ? ' in this range' : ''}.`);
  });
}

/**
 * Writes the beginning of the audit log to a new file, verifies the file, and then deletes its events from the database.
 * The service may run meanwhile.
 */
export async function archive(
  config: Config,
  { before, output }: { readonly before: string; readonly output: string },
): Promise<void> {
  if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(before) || before > systemClock().toISOString().slice(0, 7))
    throw new CommandError(
      '--before must be a month that has begun, for example 2026-06. Events before that month are archived.',
    );
  await whileOpen(config, async (database) => {
    const keyring = await keyringFor(config, database);
    const plan = await planArchive(database.run, keyring, before);
    const file = await writeArchive(database, keyring, plan, output);
    const em = database.orm.em.fork() as SqlEntityManager;
    const count = await removeArchived({ em, keyring, now: systemClock }, file);
    say(
      `${counted(count, 'event is', 'events are')} archived in ${output} and deleted from the database: ${formatArchive(file)}.`,
    );
    say(`Store this head and the file outside the database: ${formatHead(file.to)}`);
  });
}

/** Writes the file and verifies it. Removes a faulty file: no event has been deleted yet. */
async function writeArchive(
  { run }: Database,
  keyring: Keyring,
  plan: ArchivePlan,
  output: string,
): Promise<ArchiveFile> {
  const file = await newFile(output);
  try {
    await pipeline(Readable.from(archiveLines(run, plan)), file.createWriteStream({ flush: true }));
    await flushFolder(dirname(output));
    return await readArchive(output, keyring, plan.to);
  } catch (error) {
    await rm(output, { force: true });
    const reason = unwritableReason(error);
    throw reason === null ? error : new CommandError(`Nothing was archived. ${output} cannot be written: ${reason}.`);
  }
}

/** Flushes the folder, so that a new file survives a power failure. Windows cannot open a folder for this. */
async function flushFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await openFile(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function newFile(path: string): Promise<FileHandle> {
  return await openFile(path, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(
      error.code === 'EEXIST' ? `${path} already exists.` : `${path} cannot be written (${error.code}).`,
    );
  });
}

async function readArchive(path: string, keyring: Keyring, kept: ChainHead | undefined): Promise<ArchiveFile> {
  return await verifyArchive(path, keyring, kept).catch((error: NodeJS.ErrnoException) => {
    throw error.syscall === undefined ? error : new CommandError(`${path} cannot be read (${error.code}).`);
  });
}

const formatArchive = ({ from, to, before }: ArchiveFile): string =>
  `events ${from.sequence + 1} to ${to.sequence} of the chain, written before ${before}`;

function headOf(text: string | undefined, option: string): ChainHead | undefined {
  if (text === undefined) return undefined;
  const head = readHead(text);
  if (head === null)
    throw new CommandError(`${option} must be a head as audit:verify prints it: a number, a colon and 43 characters.`);
  return head;
}

function instantOf(text: string | undefined, option: string): Date | undefined {
  if (text === undefined) return undefined;
  const isWritten = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(text);
  const at = new Date(text);
  if (!isWritten || !isDay(text.slice(0, 10)) || Number.isNaN(at.valueOf()))
    throw new CommandError(`${option} must be a date or a date and time: 2026-03-01 or 2026-03-01T12:00:00Z.`);
  return at;
}
