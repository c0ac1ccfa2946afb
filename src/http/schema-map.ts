import { isObjectType, type GraphQLSchema } from 'graphql';
import type { Metadata } from '../services/scope.ts';
import { escapeHtml } from './mail-window.ts';

/** The metadata of the entities. */
export type Entities = Pick<Metadata, 'getMetadata'>;

/** A type on the map. */
interface Box {
  readonly name: string;
  readonly description: string;
  /** The types that it refers to. */
  readonly refersTo: readonly string[];
}

/** The sizes of the drawing, in pixels. */
const box = { width: 168, height: 28, gapX: 60, gapY: 14 };

/** Draws the stored types of the schema as SVG: one box per type, and a line for each reference to another type. */
export function drawSchema(entities: Entities, schema: GraphQLSchema): string {
  const columns = columnsOf(boxesOf(entities, schema));
  const height = Math.max(...columns.map((column) => column.length)) * (box.height + box.gapY);
  const places = new Map(
    columns.flatMap((column, x) => {
      const top = (height - column.length * (box.height + box.gapY)) / 2;
      return column.map(({ name }, y) => [
        name,
        { x: x * (box.width + box.gapX) + 1, y: top + y * (box.height + box.gapY) + 1 },
      ]);
    }),
  );
  const at = (name: string) => places.get(name) ?? { x: 0, y: 0 };
  const all = columns.flat();
  const lines = all.flatMap(({ name, refersTo }) => refersTo.map((other) => lineBetween(at(name), at(other))));
  const drawn = all.map(({ name, description }) => {
    const { x, y } = at(name);
    return (
      `<g><title>${escapeHtml(description)}</title>` +
      `<rect x="${x}" y="${y}" width="${box.width}" height="${box.height}" rx="5"/>` +
      `<text x="${x + box.width / 2}" y="${y + box.height / 2 + 4}">${escapeHtml(name)}</text></g>`
    );
  });
  const width = columns.length * (box.width + box.gapX) - box.gapX + 2;
  const label = `${all.length} types and the references between them`;
  return `<svg role="img" aria-label="${label}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">${lines.join('')}${drawn.join('')}</svg>`;
}

/** Reads the types and their references from the entities. Omits tables that the schema does not show. */
function boxesOf(entities: Entities, schema: GraphQLSchema): Box[] {
  const shown = [...entities.getMetadata().getAll().values()].filter(({ className, tableName }) => {
    return tableName && isObjectType(schema.getType(className));
  });
  const names = new Set(shown.map(({ className }) => className));
  return shown.map(({ className, relations }) => {
    const targets = relations.filter(({ kind, owner }) => kind === 'm:1' || (kind === '1:1' && owner));
    const refersTo = new Set(targets.map(({ type }) => type).filter((type) => type !== className && names.has(type)));
    return { name: className, description: schema.getType(className)?.description ?? '', refersTo: [...refersTo] };
  });
}

/** Puts each type into a column to the right of all types that it refers to, near them. */
function columnsOf(boxes: readonly Box[]): Box[][] {
  const byName = new Map(boxes.map((each) => [each.name, each]));
  const depths = new Map<string, number>();
  const depthOf = ({ name, refersTo }: Box): number => {
    const known = depths.get(name);
    if (known !== undefined) return known;
    depths.set(name, 0); // ends a circle of references
    const depth = Math.max(-1, ...refersTo.map((other) => depthOf(byName.get(other) as Box))) + 1;
    depths.set(name, depth);
    return depth;
  };
  const columns: Box[][] = [];
  for (const each of boxes.toSorted((one, other) => one.name.localeCompare(other.name)))
    (columns[depthOf(each)] ??= []).push(each);
  const heights = new Map<string, number>();
  return columns.map((column) => {
    const heightOf = ({ refersTo }: Box): number =>
      refersTo.reduce((sum, other) => sum + (heights.get(other) ?? 0), 0) / Math.max(refersTo.length, 1);
    const sorted = column.toSorted((one, other) => heightOf(one) - heightOf(other));
    sorted.forEach(({ name }, index) => heights.set(name, (index + 1) / (sorted.length + 1)));
    return sorted;
  });
}

/** A curve from the left side of one box to the right side of another. */
function lineBetween(from: { x: number; y: number }, to: { x: number; y: number }): string {
  const middle = box.height / 2;
  const end = to.x + box.width;
  const bend = (from.x + end) / 2;
  return `<path d="M${from.x} ${from.y + middle}C${bend} ${from.y + middle} ${bend} ${to.y + middle} ${end} ${to.y + middle}"/>`;
}
