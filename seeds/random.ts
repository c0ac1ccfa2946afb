import { hash } from 'node:crypto';
import { base, en, Faker, generateMersenne53Randomizer } from '@faker-js/faker';
import { daysAgo } from './calendar.ts';

const seed = 20_260_331;

/**
 * The one generator of a kind of rows. It is seeded anew for each block, so that a block is the same
 * whatever scale it is written at, and whether or not the blocks before it were generated.
 */
export class Dice {
  private readonly kind: number;
  private readonly randomizer = generateMersenne53Randomizer(seed);
  /** Draws from the same numbers as the methods, for what only its lists have. */
  readonly faker: Faker = new Faker({ locale: [en, base], randomizer: this.randomizer });

  constructor(kind: string) {
    this.kind = Number.parseInt(digest(kind).slice(0, 8), 16);
  }

  startBlock(block: number): void {
    this.randomizer.seed([seed, this.kind, block]);
  }

  /** A whole number from `min` to `max`, both included; where there is no choice, nothing is drawn. */
  between(min: number, max: number): number {
    return min === max ? min : Math.floor(this.randomizer.next() * (max - min + 1) + min);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.between(0, choices.length - 1)] as T;
  }

  chance(percent: number): boolean {
    return this.between(1, 100) <= percent;
  }
}

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

const digest = (text: string): string => hash('sha256', `${seed}/${text}`, 'hex');
