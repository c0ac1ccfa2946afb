import { assertValid, forbidden, type FieldProblem } from '../errors.ts';
import {
  filterName,
  largestPage,
  longestSearch,
  mostNested,
  mostWords,
  usualPage,
  type Comparison,
  type Page,
} from '../entities/page.ts';
import { isLonger } from '../entities/text.ts';
import { validate as isUuid } from 'uuid';
import { fromCursor } from './cursor.ts';
import type { Projection } from './projection.ts';
import { searchesOf, type Condition, type ListShape, type Order, type Values } from './statement.ts';
import type { Column } from './mapping.ts';

/** The validated arguments of a list: the shape of its statement, and the values of its parameters. */
export interface ListQuery {
  readonly shape: ListShape;
  readonly values: Values;
  /** The maximum number of rows on the page. */
  readonly size: number;
}

/** The maximum number of values in one `in`. */
const longestList = 100;

/** Validates the arguments of a list. @throws BAD_INPUT with all invalid arguments, FORBIDDEN for deleted rows. */
export function readPage(projection: Projection, page: Page, foreignKey?: string): ListQuery {
  if (page.includeDeleted && !projection.seesDeleted) throw forbidden('Only admins may request deleted records.');
  const problems: FieldProblem[] = [...sizeProblems(page)];
  const order = orderOf(projection, page, problems);
  const { conditions, values } = filterOf(projection, page, problems);
  const words = searchOf(projection, page, problems);
  assertValid(problems);

  const isBackwards = page.last != null;
  const cursor = isBackwards ? page.before : page.after;
  const position =
    cursor == null
      ? null
      : fromCursor(cursor, order, columnOf(projection, order.property), isBackwards ? 'before' : 'after');
  const size = page.last ?? page.first ?? usualPage;
  return {
    shape: {
      filter: conditions,
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

function orderOf(projection: Projection, { orderBy }: Page, problems: FieldProblem[]): Order {
  const { by: [property, direction] = ['id', 'ASC'], next = {} } = projection.selection.mapping.listing ?? {};
  const isShown = (field: string) =>
    [field, next[field] ?? []].flat().every((each) => projection.visibility.shows(each) === 'always');
  if (!orderBy) return isShown(property) ? { property, direction } : { property: 'id', direction: 'ASC' };
  if (!isShown(orderBy.field)) {
    problems.push({ path: 'orderBy.field', message: 'is hidden from you: you cannot sort by it' });
  }
  return { property: orderBy.field, direction: orderBy.direction };
}

function filterOf(
  projection: Projection,
  { filter }: Page,
  problems: FieldProblem[],
): { conditions: Condition[]; values: Record<string, unknown> } {
  const values: Record<string, unknown> = {};
  const groupAt = (given: FilterInput, at: string): Condition[] => {
    const { group, ...read } = groupOf(projection, given, at);
    Object.assign(values, read.values);
    problems.push(...read.problems);
    return group;
  };
  const groupsAt = (name: 'or' | 'not'): Condition[][] | null => {
    const given = filter?.[name] as readonly FilterInput[] | null | undefined;
    if (!given) return null;
    const groups = given.map((each, place) => groupAt(each, `filter.${name}[${place}]`));
    if (groups.reduce((sum, group) => sum + Math.max(group.length, 1), 0) > mostNested)
      problems.push({ path: `filter.${name}`, message: `must not have more than ${mostNested} comparisons` });
    return groups;
  };
  const conditions = groupAt(filter ?? {}, 'filter');
  const [or, not] = [groupsAt('or'), groupsAt('not')];
  if (or) conditions.push({ or });
  if (not && not.length > 0) conditions.push(...not.map((group) => ({ not: group })));
  return { conditions, values };
}

/** Returns the conditions of one input object, in the order of their slots. @param at its path in the arguments. */
function groupOf(
  projection: Projection,
  given: FilterInput,
  at: string,
): { group: Condition[]; values: Record<string, unknown>; problems: FieldProblem[] } {
  const group = new Map<string, Condition>();
  const values: Record<string, unknown> = {};
  const problems: FieldProblem[] = [];
  for (const { name, property, comparisons } of filtersOf(projection, given)) {
    if (projection.visibility.shows(property) === 'never') {
      problems.push({ path: `${at}.${name}`, message: 'is hidden from you: you cannot filter by it' });
      continue;
    }
    for (const { path, by, value } of comparisons) {
      const parameter = `${at}.${path}`;
      problems.push(...problemsOf(parameter, { by, value }, columnOf(projection, property)));
      group.set(parameter, by === 'notIn' ? { not: [{ property, by: 'in', parameter }] } : { property, by, parameter });
      values[parameter] = by === 'contains' && typeof value === 'string' ? within(value) : value;
    }
  }
  return { group: [...group.keys()].sort().map((parameter) => group.get(parameter) as Condition), values, problems };
}

/** Returns a LIKE pattern that matches every text that contains this one. */
const within = (text: string): string => `%${text.replace(/[\\%_]/g, '\\$&')}%`;

/**
 * The number of characters of a word that are looked up in the index. The matches are then compared with the whole
 * word.
 */
const searchedBy = 12;

const wordsOf = (words: readonly string[]): Values =>
  Object.fromEntries(
    words.flatMap((word, place) => [
      [`word.${place}`, within(word)],
      [`digits.${place}`, within(digitsOf(word))],
      [`long.${place}`, within(word.slice(0, searchedBy).replace(/\p{Surrogate}$/u, ''))],
    ]),
  );

/** Splits a search into words. A whole telephone number counts as one word: its digits, in any notation. */
function searchOf(projection: Projection, { filter }: Page, problems: FieldProblem[]): string[] {
  const text = filter?.['search'];
  if (!projection.selection.mapping.listing?.search || typeof text !== 'string') return [];
  const path = 'filter.search';
  if (isLonger(text, longestSearch)) problems.push({ path, message: `must have at most ${longestSearch} characters` });
  const isPhone = /^[\d\s().+/-]+$/.test(text) && digitsOf(text).length >= fewestDigits;
  // also accepts the list's own notation: "Smith, Adam J."
  const words = isPhone ? [digitsOf(text)] : text.split(/[\s,;]+/).map((word) => word.replace(/(?<=[^.])\.+$/, ''));
  const found = words.filter((word) => word !== '');
  if (found.length > mostWords) problems.push({ path, message: `must have at most ${mostWords} words` });
  if (found.length > 0 && searchesOf(projection).length === 0)
    problems.push({ path, message: 'is hidden from you: you cannot filter by it' });
  return found;
}

/** Digits and the separators of a telephone number. */
const isTypedNumber = (word: string): boolean => /^[().+/-]*\d[\d().+/-]*$/.test(word) && /\D/.test(word);

/** Removes the leading 1 of a telephone number in the United States, which is optional. */
const digitsOf = (text: string): string => text.replace(/\D/g, '').replace(/^1(?=\d{10}$)/, '');

/** The number of digits of a local number, without the area code. */
const fewestDigits = 7;

/** An input object of a filter. */
type FilterInput = NonNullable<Page['filter']>;

/** One field of a filter, as submitted. */
interface FieldFilter {
  readonly name: string;
  readonly property: string;
  readonly comparisons: readonly (Operand & { readonly path: string })[];
}

/** A comparison and the value to compare a column with. */
interface Operand {
  readonly by: Comparison;
  readonly value: unknown;
}

/**
 * Groups the submitted filters by property, without nulls. A plain value is compared in the way that its list defines.
 */
function filtersOf({ selection: { mapping } }: Projection, given: FilterInput): FieldFilter[] {
  const { filter = [], plain, normalized } = mapping.listing ?? {};
  const properties = new Map(filter.map((property) => [filterName(mapping.entity, property), property]));
  return Object.entries(given).flatMap(([name, value]) => {
    const range = plain?.[name];
    const property = range?.[0] ?? properties.get(name);
    if (value == null || property === undefined) return [];
    if (plain) return [{ name, property, comparisons: [{ path: name, by: range?.[1] ?? 'eq', value }] }];
    const compared = Object.entries(value).filter(([, operand]) => operand != null) as [Comparison, unknown][];
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

/** @param path the path of the value. */
function problemsOf(path: string, { by, value }: Operand, { type }: Column): FieldProblem[] {
  if (by === 'contains' && typeof value === 'string' && isLonger(value, longestSearch))
    return [{ path, message: `must have at most ${longestSearch} characters` }];
  if (Array.isArray(value) && value.length > longestList)
    return [{ path, message: `must not list more than ${longestList} values` }];
  if (type !== 'uuid' || by === 'isNull') return [];
  if (!Array.isArray(value)) return isUuid(value) ? [] : [{ path, message: 'must be a UUID' }];
  return value.flatMap((each, place) =>
    isUuid(each) ? [] : [{ path: `${path}[${place}]`, message: 'must be a UUID' }],
  );
}

const columnOf = ({ selection }: Projection, property: string): Column =>
  selection.mapping.columns.get(property) as Column;
