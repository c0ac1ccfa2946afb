import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';

/** An operation as text, with the types of its result and its variables. Written by the generator. */
export type Document<Data, Variables> = DocumentTypeDecoration<Data, Variables> & { toString(): string };

/** The arguments after the operation. Variables may be omitted if all of them are optional. */
export type Given<Variables, Options> =
  Record<string, never> extends Variables ? [variables?: Variables, options?: Options] : [variables: Variables, options?: Options];
