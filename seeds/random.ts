import { base, en, Faker, generateMersenne53Randomizer } from '@faker-js/faker';
import { digest, seed } from './id.ts';

/**
 * The random generator of a kind of rows. It gets a new seed for each block, so a block is the same at every scale,
 * whether or not earlier blocks were generated.
 */
export class Dice {
  private readonly kind: number;
  private readonly randomizer = generateMersenne53Randomizer(seed);
  /** Uses the same random numbers as the methods, for values that only its lists provide. */
  readonly faker: Faker = new Faker({ locale: [en, base], randomizer: this.randomizer });

  constructor(kind: string) {
    this.kind = Number.parseInt(digest(kind).slice(0, 8), 16);
  }

  startBlock(block: number): void {
    this.randomizer.seed([seed, this.kind, block]);
  }

  /** Returns a whole number from `min` to `max`, both inclusive. If they are equal, it uses no random number. */
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
