/** A byte for whether the field is present, and its length. */
const headLength = 1 + 4;

/**
 * Joins fields so that two different lists never give the same bytes: each field is preceded by a presence byte and its
 * length. Used for everything that is signed, and for the inputs of key derivation.
 */
export function frame(...fields: readonly (string | number | Uint8Array | null)[]): Buffer {
  const parts = fields.map((field) => (typeof field === 'number' ? String(field) : field));
  // each byte is written below
  const framed = Buffer.allocUnsafe(
    parts.reduce((sum, part) => sum + (part === null ? 1 : headLength + Buffer.byteLength(part)), 0),
  );
  let at = 0;
  for (const part of parts) {
    if (part === null) at = framed.writeUInt8(0, at);
    else at += writePart(framed, at, part);
  }
  return framed;
}

function writePart(framed: Buffer, at: number, part: string | Uint8Array): number {
  const start = framed.writeUInt8(1, at) + 4;
  const length = typeof part === 'string' ? framed.write(part, start, 'utf8') : part.byteLength;
  if (typeof part === 'object') framed.set(part, start);
  framed.writeUInt32BE(length, at + 1);
  return headLength + length;
}

/** Decodes unpadded base64url. Null if the text is not the canonical encoding. */
export function fromBase64Url(text: string): Buffer | null {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) return null;
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
}
