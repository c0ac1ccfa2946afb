/** Where tokens are kept between visits; `localStorage` has this form. */
export interface Storage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** The tokens of one session. */
export interface Tokens {
  readonly accessToken: string;
  /** Milliseconds since 1970, by this machine's clock, at which the access token is of no use. */
  readonly until: number;
  /** Null where the browser keeps it in a cookie. */
  readonly refreshToken: string | null;
}

const key = 'unionhall.session';

/**
 * The tokens, the same in every tab: by a storage that the tabs share, or, where the refresh token is in a cookie, by
 * telling each other the access token. Only one tab refreshes at a time.
 */
export class Session {
  #tokens: Tokens | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #channel: BroadcastChannel | null;

  constructor(
    private readonly storage: Storage | null,
    private readonly now: () => number,
    /** Tells sessions of several services apart. */
    private readonly name: string,
  ) {
    this.#channel =
      storage === null && typeof BroadcastChannel === 'function' && typeof document === 'object' ? new BroadcastChannel(this.key) : null;
    this.#channel?.addEventListener('message', ({ data }: MessageEvent<Tokens | null>) => {
      this.#tokens = data;
    });
  }

  /** The tokens as the last tab left them. */
  get tokens(): Tokens | null {
    if (this.storage === null) return this.#tokens;
    const kept = this.storage.getItem(this.key);
    return kept === null ? null : (JSON.parse(kept) as Tokens);
  }

  /** Whether the access token still works for a while, long enough to send it. */
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

  /** Runs one at a time: over all tabs where the browser has locks, in this one elsewhere. */
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

/** Keeps tokens for as long as the program runs. */
export function memory(): Storage {
  const kept = new Map<string, string>();
  return {
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => void kept.set(name, value),
    removeItem: (name) => void kept.delete(name),
  };
}
