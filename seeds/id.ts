import { hash } from 'node:crypto';
import { daysAgo } from './calendar.ts';

/** The seed of all random values and ids. */
export const seed = 20_260_331;

/**
 * Returns the id of a row by its kind and index. It is a UUIDv7 of the time at which the row was recorded. Its random
 * part is a digest of the seed, the kind and the index, so other rows can refer to it before it is generated.
 */
export function idOf(kind: string, index: number | string, at: Date): string {
  const random = digest(`${kind}/${index}`);
  const variant = '89ab'.charAt(Number.parseInt(random.charAt(3), 16) & 0x3);
  return `${timeOf(at)}-7${random.slice(0, 3)}-${variant}${random.slice(4, 7)}-${random.slice(7, 19)}`;
}

/** Formats milliseconds in hexadecimal in two halves, because a number of more than 32 bits is slow to format. */
function timeOf(at: Date): string {
  const high = Math.floor(at.getTime() / 0x10000);
  const low = at.getTime() - high * 0x10000;
  return `${high.toString(16).padStart(8, '0')}-${low.toString(16).padStart(4, '0')}`;
}

const firstTakenOver = Date.parse(`${daysAgo(818)}T14:00:00Z`);

/** Returns when a row of the register was recorded: one per second, from the day on which the register was imported. */
export const takenOverAt = (index: number): Date => new Date(firstTakenOver + index * 1000);

/** Returns a digest of the seed and a text, in hexadecimal. */
export const digest = (text: string): string => hash('sha256', `${seed}/${text}`, 'hex');
