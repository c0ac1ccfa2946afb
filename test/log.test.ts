import { describe, expect, it } from '@jest/globals';
import { badCredentials, conflict, Refusal, unavailable, vaultLocked } from '../src/errors.ts';
import { toPublic } from '../src/translate.ts';
import { openLog, plain } from '../src/log.ts';

/** What a log that begins at `info` writes. */
function written(log: (log: ReturnType<typeof openLog>) => void): readonly Record<string, unknown>[] {
  const lines: string[] = [];
  log(openLog('info', { write: (line) => void lines.push(line) }));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('the log', () => {
  it.each(['authorization', 'cookie', 'x-vault-token', 'password', 'setupToken', 'accessToken', 'refreshToken', 'token'])(
    'shows no %s, neither by itself nor within what is logged',
    (name) => {
      const [line] = written((log) => log.warn({ [name]: 'top', within: { [name]: 'inner', other: 'shown' } }, 'said'));
      expect(line).toMatchObject({ [name]: '[Redacted]', within: { [name]: '[Redacted]', other: 'shown' }, msg: 'said' });
    },
  );

  it('writes one object to a line, from its level on, and plain lines as they are', () => {
    const lines = written((log) => {
      log.debug('not at this level');
      plain(log).info({ operation: 'Asked' }, 'answered');
    });
    expect(lines).toEqual([expect.objectContaining({ level: 30, operation: 'Asked', msg: 'answered' })]);
  });
});

describe('what a client is told of an error', () => {
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
  ])('is no error of the service where it was refused with %s', (_, refusal) => {
    expect(reports(refusal)).toBe(false);
  });

  it.each<[string, unknown]>([
    ['is a fault', new Error('a fault')],
    ['is a fault in words', 'a fault'],
    ['is refused as one, in words', new Refusal('INTERNAL', undefined, {}, 'a fault')],
    ['came of another error', unavailable(new Error('away'))],
  ])('is one of the service where it %s', (_, error) => {
    expect(reports(error)).toBe(true);
  });
});
