import { isDay } from '../../entities/scalars.ts';

/** The forms of dates in a file: 2026-03-01, or 3/1/2026. */
export const dateForms = ['iso', 'mdy'] as const;
export type DateForm = (typeof dateForms)[number];

/** Parses a cell that is not empty. Undefined if its text is invalid. */
export interface Cell {
  readonly read: (text: string, dates: DateForm) => unknown;
  /** The problem of an invalid cell, as a text that follows the name of its column. */
  readonly message: string;
  /** Other common names of the column. */
  readonly names?: readonly string[];
  /** The problem of an empty cell that each record needs. */
  readonly missing?: string;
}

/** Adds other names to the column of a cell. Names ignore case, blanks and punctuation. */
export const named = (cell: Cell, ...names: readonly string[]): Cell => ({ ...cell, names });

export const text: Cell = { read: (given) => given, message: '' };

export const day: Cell = {
  read: (given, dates) => {
    const text = dates === 'mdy' ? given.replace(/^(\d{1,2})\/(\d{1,2})\/(\d{4})$/, isoOf) : given;
    return isDay(text) ? text : undefined;
  },
  message: 'must be a date like 2026-03-01; for dates like 3/1/2026, use --dates mdy',
};

const isoOf = (_: string, month: string, date: string, year: string): string =>
  `${year}-${month.padStart(2, '0')}-${date.padStart(2, '0')}`;

export const wholeNumber: Cell = {
  read: (given) => (/^-?\d{1,9}$/.test(given) ? Number(given) : undefined),
  message: 'must be a whole number',
};

/** `apprentice_1`, `APPRENTICE_1` and `Apprentice 1` are the same value. */
export function oneOf(values: readonly string[]): Cell {
  const plain = (given: string): string => given.toLowerCase().replace(/[\s-]+/g, '_');
  return {
    read: (given) => values.find((value) => value === plain(given)),
    message: `must be one of ${values.join(', ')}`,
  };
}

/** The contact columns that members and organizations share. */
export const contactColumns = {
  address: named(text, 'Street', 'Street address', 'Mailing address', 'Address 1', 'Address line 1'),
  city: named(text, 'Town'),
  state: text,
  zipCode: named(text, 'ZIP', 'Postal code'),
  phone: named(
    text,
    'Phone number',
    'Telephone',
    'Telephone number',
    'Cell',
    'Cell phone',
    'Mobile',
    'Mobile phone',
    'Home phone',
  ),
  email: named(text, 'E-mail address'),
} as const;
