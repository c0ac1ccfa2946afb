import type { Tables } from './row.ts';

/** Rows that are written together or not at all, by table: one main row, and the rows that belong to it. */
export type Dossier = { readonly [Table in keyof Tables]?: readonly Tables[Table][] };

/** The tables of the dossiers of a kind. */
export interface Kind {
  /** The table of the main row. */
  readonly table: keyof Tables;
  /** The tables of the other rows, in an order in which they can be written. */
  readonly parts: readonly (keyof Tables)[];
}

/** A kind with a fixed number of dossiers per block. */
export interface ScaledKind extends Kind {
  readonly perBlock: number;
  /**
   * Yields the dossiers of the first `scale` blocks in order. They are the same at every call, and a larger scale only
   * appends.
   */
  readonly dossiers: (scale: number) => Iterable<Dossier>;
}
