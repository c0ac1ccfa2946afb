import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import pg from 'pg';

const project = join(import.meta.dirname, '..', '..');

interface Run {
  /** The address of the server. */
  readonly url: string;
  /** The prefix of the run's databases. */
  readonly run: string;
  /** The folder of the run, with the notes of `environment.ts`. */
  readonly folder: string;
  /** The parent of the tests' temporary folders. */
  readonly temporary: string;
}

/** The note of `environment.ts` about a test file. */
interface Note {
  readonly file: string;
  /** CPU seconds of its process and of those that it started, without PostgreSQL. */
  readonly cpu: number;
  readonly children: number;
  /** Elapsed seconds. */
  readonly wall: number;
  /** The kinds of its open handles. */
  readonly left: readonly string[];
}

/** Handles, processes, databases and folders that tests left behind. Removes them, and fails the run. */
export class Leftovers {
  readonly #run: Run;
  readonly #found: string[] = [];

  constructor(run: Run) {
    this.#run = run;
  }

  async collect(): Promise<void> {
    const notes = this.#notes();
    if (process.env['UNIONHALL_TEST_COSTS']) printCosts(notes);
    for (const { file, left } of notes) if (left.length > 0) this.#found.push(`${file}: ${left.join(', ')} still open`);
    for (const name of readdirSync(this.#run.temporary)) this.#found.push(`folder or file ${name}`);
    await this.#dropDatabases();
  }

  /** @throws {Error} if anything was left. */
  finish(): void {
    rmSync(this.#run.folder, { recursive: true, force: true });
    if (this.#found.length > 0) throw new Error(`The tests left behind:\n${this.#found.join('\n')}`);
  }

  #notes(): Note[] {
    const file = join(this.#run.folder, 'notes');
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    return lines.map((line) => JSON.parse(line) as Note).map((note) => ({ ...note, file: relative(project, note.file) }));
  }

  async #dropDatabases(): Promise<void> {
    const { url, run } = this.#run;
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      const { rows } = await client.query<{ datname: string }>('select datname from pg_database where starts_with(datname, $1)', [run]);
      for (const { datname } of rows) {
        if (!datname.startsWith(`${run}_template_`)) this.#found.push(`database ${datname}`);
        await client.query(`drop database if exists "${datname}" with (force)`);
      }
    } finally {
      await client.end();
    }
  }
}

function printCosts(notes: readonly Note[]): void {
  const columns = (...values: number[]): string => values.map((value) => value.toFixed(1).padStart(9)).join('');
  const sorted = notes.toSorted((a, b) => b.cpu + b.children - a.cpu - a.children);
  const lines = sorted.map(({ file, cpu, children, wall }) => `${columns(cpu, children, wall)}  ${file}`);
  const sum = (key: 'cpu' | 'children' | 'wall'): number => notes.reduce((total, note) => total + note[key], 0);
  const total = `${columns(sum('cpu'), sum('children'), sum('wall'))}  all`;
  process.stderr.write(`\nSeconds:\n      CPU children     wall\n${[...lines, total].join('\n')}\n`);
}
