import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';
import { OperatorError } from '../errors.ts';

/** The streams for questions to the operator and for the answers. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream;
}

/** The input ended before an answer. */
export class SilenceError extends OperatorError {}

/** Runs work that asks questions, and closes the input afterwards. */
export async function withQuestions<T>(terminal: Terminal, work: (questions: Questions) => Promise<T>): Promise<T> {
  const questions = new Questions(terminal);
  try {
    return await work(questions);
  } finally {
    questions.close();
  }
}

/**
 * Asks questions one after the other until the input ends. Without a terminal, it prints no prompts, and each line is an
 * answer.
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
    this.#lines = createInterface({
      input,
      output: this.#shown,
      terminal: this.isTerminal,
      historySize: 0,
      crlfDelay: Infinity,
    });
    // several lines may arrive at once: the first is the answer, and the others answer the next questions
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

  /** @throws {SilenceError} if the input ends first. */
  async ask(question: string): Promise<string> {
    if (this.isTerminal) this.#say(question);
    return await this.#next();
  }

  /** Asks without showing the typed text. @throws {SilenceError} if the input ends first. */
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

/** Echoes the typed text unless it is muted. */
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
