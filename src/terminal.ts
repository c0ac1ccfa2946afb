import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';

/** Where the operator is asked, and answers. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream;
}

/** Nobody answered. */
export class SilenceError extends Error {
  override readonly name = 'SilenceError';
}

/** Asks for as long as the work takes. */
export async function asking<T>(terminal: Terminal, work: (questions: Questions) => Promise<T>): Promise<T> {
  const questions = new Questions(terminal);
  try {
    return await work(questions);
  } finally {
    questions.close();
  }
}

/**
 * Asks one thing after the other, for as long as somebody answers. Where nobody sits at a terminal, nothing is shown, and
 * each line is an answer.
 */
export class Questions {
  readonly isTerminal: boolean;
  readonly #shown: Shown;
  readonly #lines: Interface;
  readonly #answers: string[] = [];
  #waiting: { readonly hear: (answer: string) => void; readonly fail: (error: Error) => void } | null = null;
  #hasEnded = false;

  constructor({ input, output }: Terminal) {
    this.isTerminal = input.isTTY === true;
    this.#shown = new Shown(output);
    this.#lines = createInterface({ input, output: this.#shown, terminal: this.isTerminal, historySize: 0, crlfDelay: Infinity });
    // several lines may come at once: one of them is the answer, the others are those to what is asked next
    this.#lines.on('line', (line) => {
      if (this.#waiting === null) this.#answers.push(line);
      else this.#waiting.hear(line);
      this.#waiting = null;
    });
    this.#lines.on('close', () => {
      this.#hasEnded = true;
      this.#waiting?.fail(silence());
    });
  }

  /** @throws {SilenceError} where there is no answer. */
  async ask(question: string): Promise<string> {
    if (this.isTerminal) this.#say(question);
    return await this.#next();
  }

  /** What is typed does not show. @throws {SilenceError} where there is no answer. */
  async askSecretly(question: string): Promise<string> {
    if (!this.isTerminal) return await this.#next();
    this.#say(`${question} (hidden): `);
    this.#shown.isMuted = true;
    try {
      return await this.#next();
    } finally {
      this.#shown.isMuted = false;
      this.#shown.write('\n');
    }
  }

  close(): void {
    this.#lines.close();
  }

  #say(question: string): void {
    if (this.#hasEnded) return;
    this.#lines.setPrompt(question);
    this.#lines.prompt();
  }

  async #next(): Promise<string> {
    const answer = this.#answers.shift();
    if (answer !== undefined) return answer;
    if (this.#hasEnded) throw silence();
    return await new Promise<string>((hear, fail) => (this.#waiting = { hear, fail }));
  }
}

const silence = (): SilenceError => new SilenceError('Nothing was changed: no input was given.');

/** What an operator sees of what is typed, while it may be seen. */
class Shown extends Writable {
  isMuted = false;

  constructor(private readonly output: NodeJS.WritableStream) {
    super();
  }

  override _write(text: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (!this.isMuted) this.output.write(text);
    done();
  }
}
