import type { Database } from '../src/database/index.ts';

/** Something that must be found nowhere but where it was handed out. */
export interface Secret {
  readonly name: string;
  readonly text: string;
  /** Its bytes, where the text is but a way to write them. */
  readonly bytes: Buffer;
  /** What is too short to be found by anything but a whole word. */
  readonly isWord: boolean;
}

/** Text that is searched, by where it came from. */
export type Places = ReadonlyMap<string, string>;

/** Everything that was given to the service or came from it in secret, and what each is called. */
export class Secrets {
  readonly #all = new Map<string, Secret>();

  /** Notes a secret, and answers it. */
  add(name: string, text: string, bytes: Buffer = Buffer.from(text)): string {
    const isWord = /^\d{6}$/.test(text);
    if (text.length < 6) throw new Error(`${name} is too short to be looked for.`);
    if (!this.#all.has(text)) this.#all.set(text, { name, text, bytes, isWord });
    return text;
  }

  get all(): readonly Secret[] {
    return [...this.#all.values()];
  }

  /** Where any of them is found, but for what a place may have: one sentence each. */
  foundIn(places: Places, mayHave: (place: string, secret: Secret) => boolean = () => false): string[] {
    return [...places].flatMap(([place, text]) => {
      const searched = new Searched(text);
      const found = this.all.filter((secret) => !mayHave(place, secret) && searched.has(secret));
      return found.map(({ name }) => `${name} in ${place}`);
    });
  }
}

/** A text as it is, without regard to case where that does not count, and with what was packed in it unpacked. */
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

/** How bytes read in base64 and base64url wherever they begin in what is encoded: without the letters that others share. */
function base64Of(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((before) => {
    const padded = Buffer.concat([Buffer.alloc(before), bytes]);
    const [from, to] = [before === 0 ? 0 : before + 1, Math.floor((padded.byteLength * 8) / 6)];
    return [padded.toString('base64').slice(from, to), padded.toString('base64url').slice(from, to)];
  });
}

/** What runs of base64, base64url, hex and URL encoding in a text stand for, each as Latin-1. */
function unpacked(text: string): string {
  const base64 = [...text.matchAll(/[A-Za-z0-9+/_-]{12,}/g)].map(([run]) => Buffer.from(run, 'base64').toString('latin1'));
  const hex = [...text.matchAll(/(?:[0-9a-fA-F]{2}){6,}/g)].map(([run]) => Buffer.from(run, 'hex').toString('latin1'));
  const urls = [...text.matchAll(/(?:[\w.~-]|%[0-9a-fA-F]{2})*%[0-9a-fA-F]{2}(?:[\w.~-]|%[0-9a-fA-F]{2})*/g)].map(([run]) => unescape(run));
  return [...base64, ...hex, ...urls].join('\n');
}

const unescape = (run: string): string =>
  run.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** All rows of all tables of the service and of its queue, as text. */
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
