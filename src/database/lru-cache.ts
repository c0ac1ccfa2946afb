/** A cache with a fixed capacity: what was used least recently makes room for what is new. */
export class LruCache<Key, Value> {
  readonly #entries = new Map<Key, { readonly value: Value; readonly size: number }>();
  #size = 0;

  /** @param capacity the largest total size of all entries, in the unit that `set` is given. */
  constructor(readonly capacity: number) {}

  /** The total size of all entries. */
  get size(): number {
    return this.#size;
  }

  get(key: Key): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Stores a value, unless it alone is larger than a tenth of the capacity. */
  set(key: Key, value: Value, size: number): void {
    this.delete(key);
    if (size > this.capacity / 10) return;
    this.#entries.set(key, { value, size });
    this.#size += size;
    for (const oldest of this.#entries.keys()) {
      if (this.#size <= this.capacity) return;
      this.delete(oldest);
    }
  }

  delete(key: Key): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#size -= entry.size;
  }
}
