import type { Terminal } from '../terminal.ts';

/** The operator has to ask otherwise; the message says how. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** A number with its noun: `1 user`, `2 users`. */
export const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;
/** Says something on stderr. */
export const warn = (message: string): void => void process.stderr.write(`${message}\n`);
/** Says something on stdout. */
export const say = (text: string): void => void process.stdout.write(`${text}\n`);
/** Where the operator is asked: what is shown there is not what the command says on stdout. */
export const here = (): Terminal => ({ input: process.stdin, output: process.stderr });
