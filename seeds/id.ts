import { hash } from 'node:crypto';
import { daysAgo } from './calendar.ts';

/** What all that is drawn and every id are made from. */
export const seed = 20_260_331;

/**
 * The id of the index-th row of a kind: a UUIDv7 of the instant it was recorded whose random part is a digest
 * of the seed, the kind and the index, so that a row is referred to without generating it.
 */
export function idOf(kind: string, index: number | string, at: Date): string {
  const random = digest(`${kind}/${index}`);
  const variant = '89ab'.charAt(Number.parseInt(random.charAt(3), 16) & 0x3);
  return `${timeOf(at)}-7${random.slice(0, 3)}-${variant}${random.slice(4, 7)}-${random.slice(7, 19)}`;
}

/** Milliseconds in hexadecimal, in two halves: a number of more than 32 bits takes long to print. */
function timeOf(at: Date): string {
  const high = Math.floor(at.getTime() / 0x10000);
  const low = at.getTime() - high * 0x10000;
  return `${high.toString(16).padStart(8, '0')}-${low.toString(16).padStart(4, '0')}`;
}

const firstTakenOver = Date.parse(`${daysAgo(818)}T14:00:00Z`);

/** When the index-th row of the register was recorded: one a second from the day on which the books were taken over. */
export const takenOverAt = (index: number): Date => new Date(firstTakenOver + index * 1000);

/** A digest of the seed and a text, in hexadecimal. */
export const digest = (text: string): string => hash('sha256', `${seed}/${text}`, 'hex');
