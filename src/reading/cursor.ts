import { validate as isUuid } from 'uuid';
import { badInput } from '../errors.ts';
import { isDay, toMoney } from '../entities/scalars.ts';
import type { Order } from './statement.ts';
import type { Column } from './mapping.ts';

/** The position of a row in an order: the value that it is sorted by, and its id. */
export interface Position {
  readonly value: unknown;
  readonly id: string;
}

/** Increase it when the sort value of rows changes, because older cursors would then point to a wrong position. */
const version = 2;

/** Encodes a position as an opaque text for the client. */
export const toCursor = ({ property, direction }: Order, { value, id }: Position): string =>
  Buffer.from(JSON.stringify([version, property, direction, value, id])).toString('base64url');

/**
 * Decodes a cursor from a client. It may be forged, so its value is validated against the column's type.
 *
 * @param path the argument that contains it, for the error.
 */
export function fromCursor(text: string, order: Order, column: Column, path: string): Position {
  const [made, property, direction, value, id] = parse(text);
  if (property === 'ASC' || property === 'DESC')
    throw badInput({ path, message: 'is a cursor from an earlier version: request the first page again' });
  if (made !== version) throw badInput({ path, message: 'must be a cursor from this list' });
  if (typeof property !== 'string' || typeof id !== 'string' || !isUuid(id))
    throw badInput({ path, message: 'must be a cursor from this list' });
  if (property !== order.property || direction !== order.direction)
    throw badInput({ path, message: 'is a cursor from another sort order: request the first page again' });
  if (!fits(value, column.sort.type)) throw badInput({ path, message: 'must be a cursor from this list' });
  return { value, id };
}

function parse(text: string): unknown[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    return Array.isArray(parts) ? parts : [];
  } catch {
    return [];
  }
}

function fits(value: unknown, type: string): boolean {
  if (type === 'int') return Number.isInteger(value) && Math.abs(value as number) < 2 ** 31;
  if (type === 'boolean') return typeof value === 'boolean';
  if (typeof value !== 'string' || value.includes('\0')) return false;
  if (type === 'date') return isDay(value) || value === 'infinity';
  if (type === 'numeric') return toMoney(value) !== undefined;
  if (type === 'uuid') return isUuid(value);
  if (type === 'timestamptz')
    return (
      isDay(value.slice(0, 10)) &&
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value) &&
      !Number.isNaN(Date.parse(value))
    );
  return true;
}
