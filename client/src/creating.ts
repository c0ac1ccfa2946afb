import { creating } from './generated/creating.js';

/** Whether a document is a mutation that creates one record, so that it can be repeated safely with the same key. */
export function createsOne(document: string): boolean {
  const field = soleField(document);
  return field !== null && creating.has(field);
}

/** Returns the only root field of a mutation. Null for other operations, several fields or a fragment. */
function soleField(document: string): string | null {
  const bare = document.replace(/"""[^]*?"""|"(?:\\.|[^"\\\n])*"|#.*/g, '');
  const inside = /^\s*mutation\b[^{(]*/m.exec(bare);
  if (inside === null) return null;
  const flat = without(/\([^()]*\)/g, bare.slice(inside.index));
  const selection = without(/\{[^{}]*\}/g, flat.slice(flat.indexOf('{') + 1)).split('}')[0] ?? '';
  return /^[\s,]*(?:\w+\s*:\s*)?(\w+)(?:[\s,]+|@\w+)*$/.exec(selection)?.[1] ?? null;
}

/** Returns the text without matches of the pattern, also nested ones. */
function without(pattern: RegExp, text: string): string {
  const less = text.replace(pattern, ' ');
  return less === text ? text : without(pattern, less);
}
