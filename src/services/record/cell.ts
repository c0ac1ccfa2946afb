import { isDay } from '../../entities/scalars.ts';

/** Reads a cell that is not empty; undefined for what it cannot say. */
export interface Cell {
  readonly read: (text: string) => unknown;
  /** What is wrong with a cell that cannot be read, in words that go after the name of its column. */
  readonly message: string;
}

export const text: Cell = { read: (given) => given, message: '' };

export const day: Cell = { read: (given) => (isDay(given) ? given : undefined), message: 'is not a day, like 2026-03-01' };

export const wholeNumber: Cell = {
  read: (given) => (/^-?\d{1,9}$/.test(given) ? Number(given) : undefined),
  message: 'is not a whole number',
};

/** `apprentice_1`, `APPRENTICE_1` and `Apprentice 1` are one value. */
export function oneOf(values: readonly string[]): Cell {
  const plain = (given: string): string => given.toLowerCase().replace(/[\s-]+/g, '_');
  return {
    read: (given) => values.find((value) => value === plain(given)),
    message: `is none of ${values.join(', ')}`,
  };
}
