import { creating } from './generated/creating.js';

/** Whether a document is a mutation that makes one thing, so that the same key makes it no harm to send it again. */
export function createsOne(document: string): boolean {
  const field = soleField(document);
  return field !== null && creating.has(field);
}

/** The one field that a mutation asks for; null for what is none, asks for several, or asks through a fragment. */
function soleField(document: string): string | null {
  const bare = document.replace(/"""[^]*?"""|"(?:\\.|[^"\\\n])*"|#.*/g, '');
  const inside = /^\s*mutation\b[^{(]*/m.exec(bare);
  if (inside === null) return null;
  const flat = without(/\([^()]*\)/g, bare.slice(inside.index));
  const selection = without(/\{[^{}]*\}/g, flat.slice(flat.indexOf('{') + 1)).split('}')[0] ?? '';
  return /^[\s,]*(?:\w+\s*:\s*)?(\w+)(?:[\s,]+|@\w+)*$/.exec(selection)?.[1] ?? null;
}

/** The text without what the pattern finds, also where one is inside another. */
function without(pattern: RegExp, text: string): string {
  const less = text.replace(pattern, ' ');
  return less === text ? text : without(pattern, less);
}
