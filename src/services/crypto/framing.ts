/**
 * Joins fields so that no two different lists of them give the same bytes: each is preceded by whether it is there and
 * by its length. What is signed, and what tells one key from another, is built with this.
 */
export function frame(...fields: readonly (string | number | Uint8Array | null)[]): Buffer {
  return Buffer.concat(fields.flatMap((field) => framed(field)));
}

function framed(field: string | number | Uint8Array | null): Uint8Array[] {
  if (field === null) return [Buffer.from([0])];
  const bytes = typeof field === 'object' ? field : Buffer.from(String(field), 'utf8');
  const head = Buffer.alloc(5);
  head.writeUInt8(1, 0);
  head.writeUInt32BE(bytes.byteLength, 1);
  return [head, bytes];
}

/** The bytes of unpadded base64url, or null where the text is not the one way to write them. */
export function fromBase64Url(text: string): Buffer | null {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) return null;
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
}
