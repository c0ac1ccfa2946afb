import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';

/** An operation with the types of its answer and its variables, as text: what the generator writes. */
export type Document<Data, Variables> = DocumentTypeDecoration<Data, Variables> & { toString(): string };

/** What is given beside the operation; variables can be left out where it has none, or only such that can be left out. */
export type Given<Variables, Options> =
  Record<string, never> extends Variables ? [variables?: Variables, options?: Options] : [variables: Variables, options?: Options];
