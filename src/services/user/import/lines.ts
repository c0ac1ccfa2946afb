/** A line of a file: its number from 1, and its text or the reason why it cannot be read. */
export type TextLine = { readonly number: number } & ({ readonly text: string } | { readonly problem: string });

/** The maximum number of bytes in a line. A user takes a few hundred. */
export const longestLine = 16_384;

const newline = 0x0a;
const byteOrderMark = '\uFEFF';

/**
 * Yields the lines of a file that are not blank, for files of any length. Lines end with LF or CR LF. Skips a byte
 * order mark at the beginning. Reads lines beyond {@link longestLine} without keeping them.
 */
export async function* linesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<TextLine> {
  let line = new Gathered(1);
  for await (const chunk of source) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      line.add(chunk.subarray(start, end));
      yield* line.read();
      line = new Gathered(line.number + 1);
      start = end + 1;
    }
    line.add(chunk.subarray(start));
  }
  yield* line.read();
}

/** Collects the bytes of one line. */
class Gathered {
  #parts: Uint8Array[] = [];
  #length = 0;

  constructor(readonly number: number) {}

  add(part: Uint8Array): void {
    this.#length += part.byteLength;
    if (this.#length <= longestLine) this.#parts.push(part);
    else this.#parts = [];
  }

  /** Yields the line, or nothing if it is blank. */
  *read(): Generator<TextLine> {
    const { number } = this;
    const decoded = decode(Buffer.concat(this.#parts));
    if (this.#length > longestLine) yield { number, problem: `must have at most ${longestLine} bytes` };
    else if (decoded === null) yield { number, problem: 'must be encoded in UTF-8' };
    else yield* this.#readText(decoded);
  }

  *#readText(decoded: string): Generator<TextLine> {
    const { number } = this;
    const text = number === 1 && decoded.startsWith(byteOrderMark) ? decoded.slice(1) : decoded;
    if (text.trim() !== '') yield { number, text };
  }
}

function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
