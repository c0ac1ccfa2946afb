import { GraphQLScalarType, Kind, type ValueNode } from 'graphql';
import { GraphQLDateTime } from 'graphql-scalars';
import { Malformed } from '../errors.ts';

/** An instant in RFC 3339. Serialized in UTC with milliseconds. */
export const DateTimeScalar = new GraphQLScalarType<Date, string>({
  name: 'DateTime',
  description:
    'A date and time in RFC 3339 format. Returned in UTC, for example `2026-03-01T14:30:00.000Z`. Years range from 0001 to 9999.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339',
  serialize: (value) => (value as Date).toISOString(),
  parseValue: instantOf,
  parseLiteral: (node) => instantOf(textOf(node)),
});

/** @throws without quoting the value, as the library's error would. */
function instantOf(value: unknown): Date {
  const instant = readInstant(value);
  if (instant === undefined) throw new Malformed('DateTime', 'a string like "2026-03-01T14:30:00.000Z"');
  return instant;
}

/** PostgreSQL has no year 0. */
function readInstant(value: unknown): Date | undefined {
  try {
    const instant = GraphQLDateTime.parseValue(value);
    const year = instant.getUTCFullYear();
    return year < 1 || year > 9999 ? undefined : instant;
  } catch {
    return undefined;
  }
}

/** A calendar day without a time. Stays the text `YYYY-MM-DD` from the database to the response. */
export const DateScalar = textScalar(
  'Date',
  'A calendar date in the format `YYYY-MM-DD`. Years range from 0001 to 9999.',
  '2026-03-01',
  (text) => (isDay(text) ? text : undefined),
);

/** An amount of money as text with two decimal places, so that no float is involved. */
export const DecimalScalar = textScalar(
  'Decimal',
  'An amount of money as a string, for example `"1250.00"`. Returned with two decimal places. ' +
    'Accepts up to ten digits before the decimal point and two after it. Numbers are refused because ' +
    'floats lose precision.',
  '1250.00',
  toMoney,
);

/** Whether the text is an existing day of the (proleptic Gregorian) calendar. */
export function isDay(text: string): boolean {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? [];
  if (year === undefined || year === '0000') return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.valueOf()) && date.getUTCMonth() + 1 === Number(month) && date.getUTCDate() === Number(day);
}

const calendars = new Map<string, Intl.DateTimeFormat>();

/** Returns the day of an instant in an IANA time zone. */
export function dayIn(timeZone: string, instant: Date): string {
  const calendar =
    calendars.get(timeZone) ??
    new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
  calendars.set(timeZone, calendar);
  return calendar.format(instant);
}

/** `12.5` → `12.50`. Undefined if the text is not an amount with at most ten digits before and two after the point. */
export function toMoney(text: string): string | undefined {
  const [, sign, whole, cents = ''] = /^(-?)(\d{1,10})(?:\.(\d{1,2}))?$/.exec(text) ?? [];
  return whole === undefined ? undefined : `${sign}${BigInt(whole)}.${cents.padEnd(2, '0')}`;
}

function textScalar(
  name: string,
  description: string,
  example: string,
  read: (text: string) => string | undefined,
): GraphQLScalarType<string, string> {
  const parse = (value: unknown): string => {
    const text = typeof value === 'string' ? read(value) : undefined;
    if (text === undefined) throw new Malformed(name, `a string like "${example}"`);
    return text;
  };
  return new GraphQLScalarType({
    name,
    description,
    serialize: (value) => value as string, // comes from a typed column
    parseValue: parse,
    parseLiteral: (node) => parse(textOf(node)),
  });
}

const textOf = (node: ValueNode): string | undefined => (node.kind === Kind.STRING ? node.value : undefined);

/** Converts an amount to cents, to compare and add it without floats. */
export const cents = (amount: string): bigint => BigInt((toMoney(amount) ?? fail(amount)).replace('.', ''));

function fail(amount: string): never {
  throw new TypeError(`Not an amount of money: ${amount.length} characters`);
}
