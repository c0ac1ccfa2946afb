import { AsyncLocalStorage } from 'node:async_hooks';
import { HeaderMap } from '@apollo/server';
import { GraphQLError } from 'graphql';
import { isAway, Refusal, retryAfter, unavailable } from '../errors.ts';
import type { Explanation } from './explain.ts';
import { isDone, newProgress, type Execute } from './execution.ts';
import { rootFields } from './selection.ts';
import type { CallerIds } from './transport.ts';

/** A request in progress. Its times are those of `performance.now()`. */
export interface TimedRequest {
  readonly id: string;
  readonly callerIds: CallerIds;
  readonly beganAt: number;
  /** The deadline of the response. */
  readonly endsAt: number;
  /** Set if the request asked for an explanation, in development. */
  readonly explanation?: Explanation;
}

/** The request in progress, for code that has no context. */
export const current = new AsyncLocalStorage<TimedRequest>();

/** Starts the clock of a request with a time limit in seconds. */
export function timedRequest(id: string, seconds: number, callerIds: CallerIds = {}): TimedRequest {
  const beganAt = performance.now();
  return { id, callerIds, beganAt, endsAt: beganAt + seconds * 1000 };
}

/**
 * Deadlines of timers are rounded up to a multiple of this, in milliseconds, because timers of the same length are
 * cheaper.
 */
const grain = 100;

/** Waits for work until the deadline, then throws UNAVAILABLE. The work in the database ends by the same time-out. */
export function withDeadline<T>(begun: Promise<T>, endsAt: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const over = () => reject(unavailable());
    const timer = setTimeout(over, Math.max(0, Math.ceil((endsAt - performance.now()) / grain) * grain));
    begun.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: Error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

/** UNAVAILABLE as the response to a whole request. */
export const requestError = (cause: unknown): GraphQLError =>
  new GraphQLError('unavailable', {
    originalError: cause instanceof Refusal ? cause : unavailable(cause),
    extensions: {
      code: 'UNAVAILABLE',
      http: { status: 503, headers: new HeaderMap([['retry-after', String(retryAfter)]]) },
    },
  });

/** If the caller cannot be authenticated, the whole request fails as unavailable. */
export async function orUnavailable<T>(context: Promise<T>): Promise<T> {
  const request = current.getStore();
  try {
    return await (request ? withDeadline(context, request.endsAt) : context);
  } catch (error) {
    throw isAway(error) || (error instanceof Refusal && error.code === 'UNAVAILABLE') ? requestError(error) : error;
  }
}

/** Operations without a time limit: switching the database has time-outs of its own. */
const unbounded: ReadonlySet<string> = new Set(['saveConnection']);

/** Wraps an executor so that it ends at the deadline of the request. */
export const bounding =
  (execute: Execute): Execute =>
  async (execution) => {
    const endsAt = current.getStore()?.endsAt;
    if (endsAt === undefined || rootFields(execution).some(({ name }) => unbounded.has(name)))
      return await execute(execution);
    const progress = newProgress();
    try {
      return await withDeadline(execute({ ...execution, progress }), endsAt);
    } catch (error) {
      progress.isOver = true;
      if (!(error instanceof Refusal)) throw error;
      const completed = { ...progress.completed };
      return {
        data: null,
        errors: [requestError(error)],
        ...(isDone(execution, completed) && { extensions: { completed } }),
      };
    }
  };
