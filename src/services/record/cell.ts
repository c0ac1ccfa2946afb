import { isDay } from '../../entities/scalars.ts';

/** How days are written in a file: 2026-03-01, or 3/1/2026. */
export const dateForms = ['iso', 'mdy'] as const;
export type DateForm = (typeof dateForms)[number];

/** Reads a cell that is not empty; undefined for what it cannot say. */
export interface Cell {
  readonly read: (text: string, dates: DateForm) => unknown;
  /** What is wrong with a cell that cannot be read, in words that go after the name of its column. */
  readonly message: string;
}

export const text: Cell = { read: (given) => given, message: '' };

export const day: Cell = {
  read: (given, dates) => {
    const text = dates === 'mdy' ? given.replace(/^(\d{1,2})\/(\d{1,2})\/(\d{4})$/, isoOf) : given;
    return isDay(text) ? text : undefined;
  },
  message: 'is not a day, like 2026-03-01; days like 3/1/2026 are read with --dates mdy',
};

const isoOf = (_: string, month: string, date: string, year: string): string =>
  `${year}-${month.padStart(2, '0')}-${date.padStart(2, '0')}`;

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
