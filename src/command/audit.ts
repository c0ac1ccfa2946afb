import { open as openFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import type { Config } from '../config.ts';
import { isDay } from '../entities/scalars.ts';
import { exportAudit, readHead, tellFault, tellHead, verifyAudit, type Head } from '../services/audit/index.ts';
import { keyringProblem } from '../services/key.ts';
import { keyringOf, whileOpen } from './opening.ts';
import { CommandError, say, counted } from './operator.ts';

/** Walks through the whole audit log, and says what is wrong with it, or what its head is. */
export async function verify(config: Config, words: string[]): Promise<void> {
  const { values } = parseArgs({ args: words, options: { head: { type: 'string' }, after: { type: 'string' } } });
  const [kept, after] = [headOf(values.head, '--head'), headOf(values.after, '--after')];
  const keyring = await keyringOf(config);
  await whileOpen(config, async (database) => {
    const problem = await keyringProblem(database.run, keyring);
    if (problem !== null) throw new CommandError(`Nothing was verified. ${problem}`);
    const { head, unsealed, fault } = await verifyAudit(database.run, keyring, { ...(kept && { kept }), ...(after && { after }) });
    if (fault !== null) {
      const before = head.sequence === 0 ? 'It is the first.' : `All before it is as it was written, up to ${tellHead(head)}.`;
      throw new CommandError(`${tellFault(fault)}\n${before}`);
    }
    say(
      `${counted(head.sequence, 'event is', 'events are')} sealed, and as written; ${unsealed} more ${unsealed === 1 ? 'waits' : 'wait'} to be sealed.`,
    );
    if (after) say(`Of these, the first ${after.sequence} were not looked at.`);
    if (kept) say('The head that was kept is among them.');
    if (head.sequence > 0) say(`Keep this head elsewhere: ${tellHead(head)}`);
  });
}

/** Writes the audit log as JSON lines, to a file that is not there yet or to stdout. */
export async function exportEvents(config: Config, words: string[]): Promise<void> {
  const { values } = parseArgs({ args: words, options: { from: { type: 'string' }, to: { type: 'string' }, output: { type: 'string' } } });
  const [from, to] = [instantOf(values.from, '--from'), instantOf(values.to, '--to')];
  await whileOpen(config, async (database) => {
    const lines = Readable.from(exportAudit(database.run, { ...(from && { from }), ...(to && { to }) }));
    if (values.output === undefined) return await pipeline(lines, process.stdout, { end: false });
    const { output } = values;
    const file = await openFile(output, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
      throw new CommandError(error.code === 'EEXIST' ? `${output} is there already.` : `${output} cannot be written (${error.code}).`);
    });
    await pipeline(lines, file.createWriteStream());
  });
}

function headOf(text: string | undefined, option: string): Head | undefined {
  if (text === undefined) return undefined;
  const head = readHead(text);
  if (head === null) throw new CommandError(`${option} must be what audit:verify printed: a number, a colon and 43 characters.`);
  return head;
}

function instantOf(text: string | undefined, option: string): Date | undefined {
  if (text === undefined) return undefined;
  const isWritten = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(text);
  const at = new Date(text);
  if (!isWritten || !isDay(text.slice(0, 10)) || Number.isNaN(at.valueOf()))
    throw new CommandError(`${option} must be a day or an instant: 2026-03-01, or 2026-03-01T12:00:00Z.`);
  return at;
}
