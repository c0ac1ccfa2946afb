import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { buildSchema, graphqlSync, GraphQLError } from 'graphql';
import { badCredentials, conflict, Refusal, unavailable, vaultLocked } from '../src/errors.ts';
import { toPublic } from '../src/http/error-format.ts';
import { failuresTo, openLog, plain } from '../src/process/log.ts';

/** Returns what a log at level `info` writes. */
function written(log: (log: ReturnType<typeof openLog>) => void): readonly Record<string, unknown>[] {
  const lines: string[] = [];
  log(openLog('info', { write: (line) => void lines.push(line) }));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('the log', () => {
  it.each(['authorization', 'cookie', 'x-vault-token', 'password', 'setupToken', 'accessToken', 'refreshToken', 'token'])(
    'shows no %s, neither alone nor inside other values',
    (name) => {
      const [line] = written((log) => log.warn({ [name]: 'top', within: { [name]: 'inner', other: 'shown' } }, 'said'));
      expect(line).toMatchObject({ [name]: '[Redacted]', within: { [name]: '[Redacted]', other: 'shown' }, msg: 'said' });
    },
  );

  it('writes one object per line, from its level on, and plain lines unchanged', () => {
    const lines = written((log) => {
      log.debug('not at this level');
      plain(log).info({ operation: 'Asked' }, 'answered');
    });
    expect(lines).toEqual([expect.objectContaining({ level: 30, operation: 'Asked', msg: 'answered' })]);
  });
});

describe('a public error', () => {
  const reports = (error: unknown): boolean => {
    let isReported = false;
    toPublic({ message: '' }, error, 'id', (reported) => {
      expect(reported).toBe(error);
      isReported = true;
    });
    return isReported;
  };

  it.each<[string, unknown]>([
    ['none', conflict('There is one already.')],
    ['a private reason in words', vaultLocked('expired')],
    ['another one', badCredentials('another_kit')],
  ])('is not an internal error if it was refused with %s', (_, refusal) => {
    expect(reports(refusal)).toBe(false);
  });

  it.each<[string, unknown]>([
    ['is a fault', new Error('a fault')],
    ['is a fault in words', 'a fault'],
    ['is refused as one, in words', new Refusal('INTERNAL', undefined, {}, 'a fault')],
    ['came of another error', unavailable(new Error('away'))],
  ])('is an internal error if it %s', (_, error) => {
    expect(reports(error)).toBe(true);
  });
});

describe('a logged error', () => {
  const logged = (err: unknown) => written((log) => log.error({ err, requestId: 'r' }, 'failed'))[0] as { err: Record<string, string> };
  const secret = 'hunter2';

  it.each<[string, () => unknown]>([
    ['of GraphQL', () => new GraphQLError(`Argument "i" has invalid value {password: "${secret}"}.`)],
    ['of GraphQL, over several lines', () => new GraphQLError(`String cannot represent value:\n    at ${secret}\n    at x.ts:1:1`)],
    ['of another that came of one of GraphQL', () => new Error('broken', { cause: new GraphQLError(secret) })],
    [
      'that GraphQL raises while it executes',
      () => {
        const schema = buildSchema('type Query { f(i: Int! = 1, s: String): Int }');
        const source = `query ($n: Int) { f(i: $n, s: "${secret}") }`;
        return graphqlSync({ schema, source, rootValue: { f: () => secret }, variableValues: {} }).errors?.[0];
      },
    ],
    ['of data that PostgreSQL cannot convert', () => Object.assign(new Error(`invalid input syntax: "${secret}"`), { code: '22P02' })],
    ['with properties of its own', () => Object.assign(new Error('duplicate key'), { code: '23505', detail: `Key (x)=(${secret})` })],
    ['that is none', () => secret],
  ])('quotes no value: %s', (_, make) => {
    const line = logged(make());
    expect(line.err).toBeDefined();
    expect(JSON.stringify(line)).not.toContain(secret);
  });

  it('contains its type, code, own message, causes and stack', () => {
    const { err } = logged(Object.assign(new TypeError('x is not a function', { cause: new Error('deeper') }), { code: 'E_X' }));
    expect(err).toMatchObject({ type: 'TypeError', message: 'x is not a function: deeper', code: 'E_X' });
    expect(err['stack']).toMatch(/^TypeError: x is not a function\n\s+at .*log\.test\.ts[\s\S]*\ncaused by: Error: deeper\n\s+at /);
    const missing = 'Cannot return null for non-nullable field Query.me.';
    expect(logged(new GraphQLError(missing)).err).toMatchObject({ message: missing });
  });
});

describe('a logged outage', () => {
  afterEach(() => void jest.useRealTimers());

  it('is at most one line a second, with the number of refused requests, without a stack', () => {
    jest.useFakeTimers();
    const lines = written((log) => {
      const report = failuresTo(log);
      const away = () => unavailable(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
      for (let n = 0; n < 100; n += 1) report(away(), `r${n}`, 'UNAVAILABLE');
      jest.advanceTimersByTime(1_000);
      jest.advanceTimersByTime(1_000);
      report(away(), 'later', 'UNAVAILABLE');
      report(new Error('a fault'), 'fault', 'INTERNAL');
    });
    expect(lines.map(({ count, requestId }) => count ?? requestId)).toEqual([1, 99, 1, 'fault']);
    for (const line of lines.slice(0, 3)) {
      expect(line).toMatchObject({ level: 50, reason: expect.stringContaining('ECONNREFUSED') });
      expect(JSON.stringify(line)).not.toMatch(/\bat /);
    }
  });
});
