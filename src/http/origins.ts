import type { FastifyBaseLogger, FastifyRequest } from 'fastify';
import type { Config } from '../config.ts';

/** Any port of this machine, for front ends under development. */
const localhost = /^https?:\/\/((?:[a-z0-9-]+\.)*localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;

/** The minimum delay between two log lines about refused origins, in milliseconds. */
const logEvery = 60_000;

/** The maximum number of characters of an origin in the log. */
const longestLogged = 200;

/** The origins whose pages may use the service, over HTTP and WebSockets. */
export class Origins {
  /** The origins for the CORS plugin. The service's own origin needs no entry. */
  readonly allowed: (string | RegExp)[];
  #refused = 0;
  #loggedAt = -Infinity;

  constructor(
    { environment, corsOrigins }: Pick<Config, 'environment' | 'corsOrigins'>,
    private readonly log: Pick<FastifyBaseLogger, 'warn'>,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.allowed = [...corsOrigins, ...(environment === 'development' ? [localhost] : [])];
  }

  /**
   * Whether a request comes from an allowed origin, from the service's own origin, or from a client other than a
   * browser. Logs a refusal.
   */
  admits({ headers, host }: Pick<FastifyRequest, 'headers' | 'host'>): boolean {
    const { origin, 'sec-fetch-site': site } = headers;
    // no script can set Sec-Fetch-Site, so it is reliable even behind a proxy that changes the host
    if (origin === undefined || site === 'same-origin' || isSame(origin, host)) return true;
    if (this.allowed.some((each) => (typeof each === 'string' ? each === origin : each.test(origin)))) return true;
    this.#report(origin);
    return false;
  }

  /** Logs at most one line a minute, because any page can cause it. */
  #report(origin: string): void {
    this.#refused += 1;
    const now = this.now();
    if (now - this.#loggedAt < logEvery) return;
    this.log.warn(
      { origin: origin.slice(0, longestLogged), refused: this.#refused },
      'Origin refused: CORS_ORIGINS does not list it, so browsers block its requests and WebSockets',
    );
    this.#refused = 0;
    this.#loggedAt = now;
  }
}

const isSame = (origin: string, host: string): boolean =>
  URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
