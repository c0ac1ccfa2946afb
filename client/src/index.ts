export { createClient, type AskOptions, type Client, type ClientOptions, type SignInInput, type SignInOutcome } from './client.js';
export type { Failure, FailureCode, FieldProblem, Refused, Result } from './failure.js';
export type { Document } from './document.js';
export type { Storage } from './session.js';
export { connections, keys, possibleTypes } from './generated/cache.js';
export * from './generated/graphql.js';
