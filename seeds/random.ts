import { base, en, Faker, generateMersenne53Randomizer } from '@faker-js/faker';
import { digest, seed } from './id.ts';

/**
 * The one generator of a kind of rows. It is seeded again for each block, so that a block is the same
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
