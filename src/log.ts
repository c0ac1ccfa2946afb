import { destination, pino, type DestinationStream, type Logger } from 'pino';
import type { Config } from './config.ts';

// What a process writes about its own work: JSON, one object in a line, to its standard output.

/** What no line shows, wherever it stands in what is logged. */
const secrets = ['authorization', 'cookie', 'x-vault-token', 'password', 'setupToken', 'accessToken', 'refreshToken', 'token'];
const redact = [
  ...['authorization', 'cookie', '["x-vault-token"]'].map((name) => `req.headers${name.startsWith('[') ? '' : '.'}${name}`),
  ...secrets.flatMap((name) => (name.includes('-') ? [`["${name}"]`, `*["${name}"]`] : [name, `*.${name}`])),
];

/** Bytes of lines that are written together, and milliseconds that a line waits for others at most. */
const [together, wait] = [4_096, 200];

let output: ReturnType<typeof destination> | undefined;

/**
 * One for the process. It writes by itself and not through the threads that hash, which yield: whoever waits for one of
 * them would wait as long as they. What is left when the process ends is written then; one that is killed loses it.
 */
function standardOutput(): ReturnType<typeof destination> {
  if (output) return output;
  const opened = destination({ dest: 1, sync: true, minLength: together, periodicFlush: wait });
  process.once('exit', () => opened.flushSync());
  return (output = opened);
}

/** The log of a process, from a level on. */
export const openLog = (level: Config['logLevel'], to?: DestinationStream): Logger =>
  level === 'silent' ? pino({ level }) : pino({ level, redact }, to ?? standardOutput());

/** The same log, for lines that are made of nothing that could be secret: to look for that in each costs more than to write it. */
export const plain = (log: Logger): Logger => log.child({}, { redact: [] });
