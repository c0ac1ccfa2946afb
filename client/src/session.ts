/** A store for tokens. `localStorage` is compatible. */
export interface Storage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** The tokens of one session. */
export interface Tokens {
  readonly accessToken: string;
  /** When the access token stops being used, in milliseconds since 1970 by the clock of this machine. */
  readonly until: number;
  /** Null if the browser keeps it in a cookie. */
  readonly refreshToken: string | null;
}

const key = 'unionhall.session';

/**
 * Shares the tokens between all tabs: through a common storage, or by messages with the access token if the refresh
 * token is in a cookie. Only one tab refreshes at a time.
 */
export class Session {
  #tokens: Tokens | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #channel: BroadcastChannel | null;

  constructor(
    private readonly storage: Storage | null,
    private readonly now: () => number,
    /** Distinguishes the sessions of several services. */
    private readonly name: string,
  ) {
    this.#channel =
      storage === null && typeof BroadcastChannel === 'function' && typeof document === 'object' ? new BroadcastChannel(this.key) : null;
    this.#channel?.addEventListener('message', ({ data }: MessageEvent<Tokens | null>) => {
      this.#tokens = data;
    });
  }

  /** The tokens that any tab stored last. */
  get tokens(): Tokens | null {
    if (this.storage === null) return this.#tokens;
    const kept = this.storage.getItem(this.key);
    return kept === null ? null : (JSON.parse(kept) as Tokens);
  }

  /** Whether the access token is valid for long enough to send it. */
  get isFresh(): boolean {
    const { tokens } = this;
    return tokens !== null && tokens.until - this.now() > 5_000;
  }

  keep(tokens: Tokens): void {
    this.#put(tokens);
  }

  forget(): void {
    this.#put(null);
  }

  get deviceToken(): string | null {
    return this.storage?.getItem(`${this.key}.device`) ?? null;
  }

  keepDevice(token: string | null | undefined): void {
    if (token) this.storage?.setItem(`${this.key}.device`, token);
  }

  /** Runs one function at a time: across all tabs if the browser supports locks, otherwise in this tab. */
  async alone<Outcome>(act: () => Promise<Outcome>): Promise<Outcome> {
    const mine = this.#turn.then(() => this.#locked(act));
    this.#turn = mine.catch(() => undefined);
    return await mine;
  }

  close(): void {
    this.#channel?.close();
  }

  async #locked<Outcome>(act: () => Promise<Outcome>): Promise<Outcome> {
    const locks = typeof document === 'object' && typeof navigator === 'object' ? (navigator.locks as LockManager | undefined) : undefined;
    return locks ? await locks.request(this.key, act) : await act();
  }

  #put(tokens: Tokens | null): void {
    this.#tokens = tokens;
    if (tokens === null) this.storage?.removeItem(this.key);
    else this.storage?.setItem(this.key, JSON.stringify(tokens));
    this.#channel?.postMessage(tokens);
  }

  private get key(): string {
    return `${key}:${this.name}`;
  }
}

/** Creates a store in memory. */
export function memory(): Storage {
  const kept = new Map<string, string>();
  return {
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => void kept.set(name, value),
    removeItem: (name) => void kept.delete(name),
  };
}
