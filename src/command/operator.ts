import type { Terminal } from './terminal.ts';
import { OperatorError } from '../errors.ts';

/** The operator used a command wrongly, or it cannot run. The message says what to do. */
export class CommandError extends OperatorError {}

/** Formats a number with its noun: `1 user`, `2 users`. */
export const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;
/** Prints a line to stderr. */
export const warn = (message: string): void => void process.stderr.write(`${message}\n`);
/** Prints a line to stdout. */
export const say = (text: string): void => void process.stdout.write(`${text}\n`);
/** Prints a value to stdout as JSON, for programs. */
export const sayJson = (value: unknown): void => say(JSON.stringify(value, null, 2));
/** The terminal for questions. Uses stderr, so that prompts do not mix with the output on stdout. */
export const processTerminal = (): Terminal => ({ input: process.stdin, output: process.stderr });
