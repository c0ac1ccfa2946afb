import { badInput, forbidden, type FieldProblem } from '../errors.ts';
import { filterName, largestPage, longestSearch, mostWords, usualPage, type Comparison, type Page } from '../entities/page.ts';
import { isLonger } from '../entities/text.ts';
import { validate as isUuid } from 'uuid';
import { fromCursor } from './cursor.ts';
import type { Lens } from './lens.ts';
import { searchesOf, slotOf, type Comparing, type ListShape, type Order, type Values } from './statement.ts';
import type { Column } from './subject.ts';

/** What a client asked of a list, checked: the shape of its statement, and the values that go into it. */
export interface Asked {
  readonly shape: ListShape;
  readonly values: Values;
  /** How many rows the page may have. */
  readonly size: number;
}

/** Values one `in` may list. */
const longestList = 100;

/** Checks what a client asked. @throws BAD_INPUT naming every argument that is wrong, FORBIDDEN for deleted rows. */
export function readPage(lens: Lens, page: Page, foreignKey?: string): Asked {
  if (page.includeDeleted && !lens.seesDeleted) throw forbidden('Only admins may request deleted records.');
  const problems: FieldProblem[] = [...sizeProblems(page)];
  const order = orderOf(lens, page, problems);
  const { comparing, values } = filterOf(lens, page, problems);
  const words = searchOf(lens, page, problems);
  if (problems.length > 0) throw badInput(...problems);

  const isBackwards = page.last != null;
  const cursor = isBackwards ? page.before : page.after;
  const position = cursor == null ? null : fromCursor(cursor, order, columnOf(lens, order.property), isBackwards ? 'before' : 'after');
  const size = page.last ?? page.first ?? usualPage;
  return {
    shape: {
      filter: comparing,
      words: words.map((word) => (word.length > searchedBy ? 'long' : isTypedNumber(word) ? 'number' : 'short')),
      order,
      hasCursor: position !== null,
      isBackwards,
      includesDeleted: page.includeDeleted ?? false,
      limit: size + 1,
      foreignKey,
    },
    values: { ...values, ...wordsOf(words), 'cursor.value': position?.value, 'cursor.id': position?.id },
    size,
  };
}

function sizeProblems({ first, last, after, before }: Page): FieldProblem[] {
  const outside = (size: number | null | undefined) => size != null && (size < 1 || size > largestPage);
  return [
    ...(outside(first) ? [{ path: 'first', message: `must be from 1 to ${largestPage}` }] : []),
    ...(outside(last) ? [{ path: 'last', message: `must be from 1 to ${largestPage}` }] : []),
    ...(first != null && last != null ? [{ path: 'last', message: 'must not be combined with first' }] : []),
    ...(before != null && last == null ? [{ path: 'before', message: 'requires last' }] : []),
    ...(after != null && last != null ? [{ path: 'after', message: 'requires first' }] : []),
  ];
}

function orderOf(lens: Lens, { orderBy }: Page, problems: FieldProblem[]): Order {
  const { by: [property, direction] = ['id', 'ASC'], next = {} } = lens.plan.subject.listing ?? {};
  const isShown = (field: string) => [field, next[field] ?? []].flat().every((each) => lens.sight.shows(each) === 'always');
  if (!orderBy) return isShown(property) ? { property, direction } : { property: 'id', direction: 'ASC' };
  if (!isShown(orderBy.field)) {
    problems.push({ path: 'orderBy.field', message: 'is hidden from you: you cannot sort by it' });
  }
  return { property: orderBy.field, direction: orderBy.direction };
}

function filterOf(lens: Lens, { filter }: Page, problems: FieldProblem[]): { comparing: Comparing[]; values: Record<string, unknown> } {
  const comparing: Comparing[] = [];
  const values: Record<string, unknown> = {};
  const isPlain = lens.plan.subject.listing?.plain !== undefined;
  for (const { name, property, comparisons } of filtersOf(lens, filter ?? {})) {
    if (lens.sight.shows(property) === 'never') {
      problems.push({ path: `filter.${name}`, message: 'is hidden from you: you cannot filter by it' });
      continue;
    }
    for (const { path, by, value } of comparisons) {
      problems.push(...problemsOf(`filter.${path}`, { by, value }, columnOf(lens, property), isPlain));
      comparing.push({ property, by });
      values[slotOf({ property, by })] = by === 'contains' && typeof value === 'string' ? within(value) : value;
    }
  }
  return { comparing: comparing.sort((a, b) => (slotOf(a) < slotOf(b) ? -1 : 1)), values };
}

/** What is like every text that this one is within. */
const within = (text: string): string => `%${text.replace(/[\\%_]/g, '\\$&')}%`;

/** Characters of a word that are looked up in the index; it is held against the whole word after that. */
const searchedBy = 12;

const wordsOf = (words: readonly string[]): Values =>
  Object.fromEntries(
    words.flatMap((word, place) => [
      [`word.${place}`, within(word)],
      [`digits.${place}`, within(digitsOf(word))],
      [`long.${place}`, within(word.slice(0, searchedBy).replace(/\p{Surrogate}$/u, ''))],
    ]),
  );

/** The words to be searched. A whole telephone number is one word, its digits, however it is written. */
function searchOf(lens: Lens, { filter }: Page, problems: FieldProblem[]): string[] {
  const text = filter?.['search'];
  if (!lens.plan.subject.listing?.search || typeof text !== 'string') return [];
  const path = 'filter.search';
  if (isLonger(text, longestSearch)) problems.push({ path, message: `must have at most ${longestSearch} characters` });
  const isPhone = /^[\d\s().+/-]+$/.test(text) && digitsOf(text).length >= fewestDigits;
  // "Smith, Adam J." is typed as a list shows it
  const words = isPhone ? [digitsOf(text)] : text.split(/[\s,;]+/).map((word) => word.replace(/(?<=[^.])\.+$/, ''));
  const found = words.filter((word) => word !== '');
  if (found.length > mostWords) problems.push({ path, message: `must have at most ${mostWords} words` });
  if (found.length > 0 && searchesOf(lens).length === 0) problems.push({ path, message: 'is hidden from you: you cannot filter by it' });
  return found;
}

/** Digits with what stands between those of a telephone number. */
const isTypedNumber = (word: string): boolean => /^[().+/-]*\d[\d().+/-]*$/.test(word) && /\D/.test(word);

/** Without the 1 that some dial before a number of the United States, and others leave out. */
const digitsOf = (text: string): string => text.replace(/\D/g, '').replace(/^1(?=\d{10}$)/, '');

/** Digits of a local number, without the area. */
const fewestDigits = 7;

/** One field of a filter, as it was given. */
interface Filter {
  readonly name: string;
  readonly property: string;
  readonly comparisons: readonly (Compared & { readonly path: string })[];
}

/** What a column is compared with, and how. */
interface Compared {
  readonly by: Comparison;
  readonly value: unknown;
}

/** What was given of a filter, by the properties it is about; a plain value is compared as its list says. */
function filtersOf({ plan: { subject } }: Lens, given: NonNullable<Page['filter']>): Filter[] {
  const { filter = [], plain, normalized } = subject.listing ?? {};
  const properties = new Map(filter.map((property) => [filterName(subject.entity, property), property]));
  return Object.entries(given).flatMap(([name, value]) => {
    const range = plain?.[name];
    const property = range?.[0] ?? properties.get(name);
    if (value === undefined || property === undefined) return [];
    if (plain) return [{ name, property, comparisons: [{ path: name, by: range?.[1] ?? 'eq', value }] }];
    if (value === null) return [];
    const compared = Object.entries(value).filter(([, operand]) => operand !== undefined) as [Comparison, unknown][];
    const stored = normalized?.[property];
    return [
      {
        name,
        property,
        comparisons: compared.map(([by, operand]) => ({
          path: `${name}.${by}`,
          by,
          value: stored && by !== 'contains' ? normalize(operand, stored) : operand,
        })),
      },
    ];
  });
}

function normalize(operand: unknown, stored: (text: string) => string): unknown {
  if (Array.isArray(operand)) return operand.map((each) => normalize(each, stored));
  return typeof operand === 'string' ? stored(operand) : operand;
}

/** @param path where the value stands. */
function problemsOf(path: string, { by, value }: Compared, { type }: Column, isPlain: boolean): FieldProblem[] {
  if (value === null) return [{ path, message: `must not be null: ${isPlain ? 'omit it instead' : 'use isNull instead'}` }];
  if (by === 'contains' && typeof value === 'string' && isLonger(value, longestSearch))
    return [{ path, message: `must have at most ${longestSearch} characters` }];
  if (Array.isArray(value) && value.length > longestList) return [{ path, message: `must not list more than ${longestList} values` }];
  if (type !== 'uuid' || by === 'isNull') return [];
  if (!Array.isArray(value)) return isUuid(value) ? [] : [{ path, message: 'must be a UUID' }];
  return value.flatMap((each, place) => (isUuid(each) ? [] : [{ path: `${path}[${place}]`, message: 'must be a UUID' }]));
}

const columnOf = ({ plan }: Lens, property: string): Column => plan.subject.columns.get(property) as Column;
