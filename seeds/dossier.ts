import type { Tables } from './row.ts';

/** Rows that are written together or not at all, by their tables: one that can stand alone, and those that belong to it. */
export type Dossier = { readonly [Table in keyof Tables]?: readonly Tables[Table][] };

/** What the dossiers of a kind are made of. */
export interface Kind {
  /** The table of the row that can stand alone. */
  readonly table: keyof Tables;
  /** The tables of what belongs to it, in an order in which they can be written. */
  readonly parts: readonly (keyof Tables)[];
}

/** A kind of which every block has so many. */
export interface ScaledKind extends Kind {
  readonly perBlock: number;
  /** Those of the first `scale` blocks, one after the other: the same at every call, those of a lower scale at the head. */
  readonly dossiers: (scale: number) => Iterable<Dossier>;
}
