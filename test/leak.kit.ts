import type { Database } from '../src/database/index.ts';

/** A text that may be found only where it was delivered. */
export interface Secret {
  readonly name: string;
  readonly text: string;
  /** Its bytes, if the text is an encoding of them. */
  readonly bytes: Buffer;
  /** True if it is so short that only whole words count. */
  readonly isWord: boolean;
}

/** Texts to search, by their origin. */
export type Places = ReadonlyMap<string, string>;

/** All secrets that were sent to or received from the service, by name. */
export class Secrets {
  readonly #all = new Map<string, Secret>();

  /** Stores a secret and returns it. */
  add(name: string, text: string, bytes: Buffer = Buffer.from(text)): string {
    const isWord = /^\d{6}$/.test(text);
    if (text.length < 6) throw new Error(`${name} is too short to be looked for.`);
    if (!this.#all.has(text)) this.#all.set(text, { name, text, bytes, isWord });
    return text;
  }

  get all(): readonly Secret[] {
    return [...this.#all.values()];
  }

  /** Searches for all secrets, except those that a place may contain. Returns one sentence for each. */
  foundIn(places: Places, mayHave: (place: string, secret: Secret) => boolean = () => false): string[] {
    return [...places].flatMap(([place, text]) => {
      const searched = new Searched(text);
      const found = this.all.filter((secret) => !mayHave(place, secret) && searched.has(secret));
      return found.map(({ name }) => `${name} in ${place}`);
    });
  }
}

/** A text in its original form, in lower case, and decoded. */
class Searched {
  readonly #plain: string;
  readonly #low: string;
  readonly #unpacked: string;

  constructor(text: string) {
    this.#plain = text;
    this.#low = text.toLowerCase();
    this.#unpacked = unpacked(text);
  }

  has({ text, bytes, isWord }: Secret): boolean {
    if (isWord) return new RegExp(`(?<![\\w.:-])${text}(?![\\w.:-])`).test(this.#plain);
    const written = [
      text,
      JSON.stringify(text).slice(1, -1),
      encodeURIComponent(text),
      [...text].reverse().join(''),
      ...base64Of(bytes),
      ...base64Of(Buffer.from(text)),
    ];
    if (written.some((form) => this.#plain.includes(form))) return true;
    if ([text.toLowerCase(), bytes.toString('hex'), Buffer.from(text).toString('hex')].some((form) => this.#low.includes(form)))
      return true;
    return [bytes, Buffer.from(text)].some((form) => this.#unpacked.includes(form.toString('latin1')));
  }
}

/**
 * Returns how bytes appear in base64 and base64url at any offset, without the letters that depend on their neighbors.
 */
function base64Of(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((before) => {
    const padded = Buffer.concat([Buffer.alloc(before), bytes]);
    const [from, to] = [before === 0 ? 0 : before + 1, Math.floor((padded.byteLength * 8) / 6)];
    return [padded.toString('base64').slice(from, to), padded.toString('base64url').slice(from, to)];
  });
}

/** Decodes runs of base64, base64url, hex and URL encoding in a text as Latin-1. */
function unpacked(text: string): string {
  const base64 = [...text.matchAll(/[A-Za-z0-9+/_-]{12,}/g)].map(([run]) => Buffer.from(run, 'base64').toString('latin1'));
  const hex = [...text.matchAll(/(?:[0-9a-fA-F]{2}){6,}/g)].map(([run]) => Buffer.from(run, 'hex').toString('latin1'));
  const urls = [...text.matchAll(/(?:[\w.~-]|%[0-9a-fA-F]{2})*%[0-9a-fA-F]{2}(?:[\w.~-]|%[0-9a-fA-F]{2})*/g)].map(([run]) => unescape(run));
  return [...base64, ...hex, ...urls].join('\n');
}

const unescape = (run: string): string =>
  run.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** Returns all rows of all tables of the service and its queue as text. */
export async function dumpOf({ run }: Pick<Database, 'run'>): Promise<Map<string, string>> {
  const tables = await run(
    `select table_schema as schema, table_name as name from information_schema.tables
     where table_schema in ('public', 'pgboss') and table_type = 'BASE TABLE' order by 1, 2`,
  );
  const dump = new Map<string, string>();
  for (const { schema, name } of tables) {
    const rows = await run(`select t::text as whole from "${String(schema)}"."${String(name)}" t`);
    dump.set(`${String(schema)}.${String(name)}`, rows.map(({ whole }) => String(whole)).join('\n'));
  }
  return dump;
}
