import { hash } from 'node:crypto';
import { base, en, Faker } from '@faker-js/faker';
import { daysAgo } from './calendar.ts';

const seed = 20_260_331;

/**
 * The one generator of a kind of rows. It is seeded anew for each block, so that a block is the same
 * whatever scale it is written at, and whether or not the blocks before it were generated.
 */
export class Dice {
  readonly faker: Faker = new Faker({ locale: [en, base], seed });
  private readonly kind: number;

  constructor(kind: string) {
    this.kind = Number.parseInt(digest(kind).slice(0, 8), 16);
  }

  startBlock(block: number): void {
    this.faker.seed([seed, this.kind, block]);
  }

  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number {
    return this.faker.number.int({ min, max });
  }

  pick<T>(choices: readonly T[]): T {
    return this.faker.helpers.arrayElement(choices);
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
  const time = at.getTime().toString(16).padStart(12, '0');
  const random = digest(`${kind}/${index}`);
  const variant = ((Number.parseInt(random.charAt(3), 16) & 0x3) | 0x8).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-${variant}${random.slice(4, 7)}-${random.slice(7, 19)}`;
}

/** When the index-th row of the register was recorded: one a second from the day on which the books were taken over. */
export const takenOverAt = (index: number): Date => new Date(Date.parse(`${daysAgo(818)}T14:00:00Z`) + index * 1000);

const digest = (text: string): string => hash('sha256', `${seed}/${text}`, 'hex');
