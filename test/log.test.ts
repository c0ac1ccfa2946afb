import { describe, expect, it } from '@jest/globals';
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
