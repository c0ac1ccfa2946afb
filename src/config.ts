import { accessSync, constants, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { OperatorError } from './errors.ts';

const seconds = (fallback: number, most = 365 * 86_400) => z.coerce.number().int().min(1).max(most).default(fallback);
const bound = (fallback: number, most: number) => z.coerce.number().int().min(1).max(most).default(fallback);
/** @param problem returns what is wrong with an item, or null. */
const list = (problem: (item: string) => string | null = () => null) =>
  z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((item) => item.trim())
        .filter(Boolean),
    )
    .superRefine((items, context) => addProblems(context, items.map(problem)));
const postgres = z.string().superRefine((text, context) => addProblems(context, [postgresProblem(text)]));
const limit = (turns: number, seconds: number) =>
  z
    .string()
    .regex(
      /^[1-9]\d{0,3}\/[1-9]\d{0,5}$/,
      'must have the form count/seconds: a count from 1 to 9999 and 1 to 999999 seconds',
    )
    .default(`${turns}/${seconds}`)
    .transform((text) => {
      const [turns = 0, seconds = 0] = text.split('/').map(Number);
      return { turns, seconds };
    });
const amount = (fallback: string) =>
  z
    .string()
    .regex(/^\d{1,10}(\.\d{1,2})?$/, 'must be an amount with at most two decimal places, like 500 or 499.50')
    .default(fallback);
const barePercent = /%(?![0-9A-Fa-f]{2})/;
const percentProblem = 'has a % that is not followed by two hexadecimal digits: write %25 for a literal %';
const flag = z.enum(['0', '1']).transform((text) => text === '1');

/** Secret variables that can be read from a file instead of the environment: `<name>_FILE` has its path. */
const secretNames = ['DATABASE_URL', 'DATABASE_DIRECT_URL', 'ADMIN_PASSWORD', 'SMTP_URL'] as const;
const fileOf = (name: (typeof secretNames)[number]) =>
  z.string().min(1).optional().describe(`The path of a file that contains ${name}. Set only one of the two.`);

const pwnedPasswords = 'https://api.pwnedpasswords.com';

/**
 * Every environment variable of the service: its form, default and description. A test compares `.env.example` with
 * this.
 */
export const variables = {
  NODE_ENV: z
    .enum(['development', 'test', 'production'])
    .default('development')
    .describe(
      '`development` seeds the embedded database, and offers introspection and the playground. `production` does none of these, ' +
        'but PLAYGROUND can turn the playground on.',
    ),
  HOST: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('The IP address or host name to listen on. `0.0.0.0` listens on all addresses.'),
  PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(4000)
    .describe('The port to listen on. `0` picks any free port.'),
  DATABASE_URL: postgres
    .optional()
    .describe(
      'The PostgreSQL database: postgres://user:password@host:5432/database, or postgres://user@/database?host=/folder for a ' +
        'Unix socket. Without it, the saved connection is used, or else the embedded database.',
    ),
  DATABASE_URL_FILE: fileOf('DATABASE_URL'),
  DATABASE_POOL_SIZE: z.coerce
    .number()
    .int()
    .min(1)
    .max(500)
    .default(10)
    .describe('The maximum number of connections to the PostgreSQL server. See docs/operations.md.'),
  DATABASE_DIRECT_URL: postgres
    .optional()
    .describe(
      'The direct address of the same server. Set it if DATABASE_URL points to a connection pooler. Used for migrations and LISTEN.',
    ),
  DATABASE_DIRECT_URL_FILE: fileOf('DATABASE_DIRECT_URL'),
  DATABASE_PREPARED: z
    .enum(['on', 'off'])
    .default('on')
    .describe('`off` disables prepared statements. Set it for a transaction-mode pooler that does not support them.'),
  SEED: flag
    .optional()
    .describe(
      '`1` seeds an empty database at start; `0` does not. By default, only the embedded database is seeded. ' +
        'In production, no database is seeded, and `1` is refused.',
    ),
  UNIONHALL_DATA_DIR: z.string().min(1).default('.unionhall/data').describe('The folder of the embedded database.'),
  UNIONHALL_CONFIG_DIR: z
    .string()
    .min(1)
    .optional()
    .describe(
      'The folder of the keyring, the set-up token and the saved connection. By default, a folder in the configuration ' +
        'directory of the current user.',
    ),
  UNIONHALL_KEYS: z
    .string()
    .min(1)
    .optional()
    .describe(
      'The system keyring: comma-separated keys of the form kid:base64, 32 bytes each, the active key first; or the path of a ' +
        'file that contains them. In production, a missing keyring is created only if UNIONHALL_CONFIG_DIR is set.',
    ),
  UNIONHALL_TIME_ZONE: z
    .string()
    .refine(isTimeZone, 'must be a time zone of the IANA database, like America/New_York')
    .default('America/New_York')
    .describe('The IANA time zone that decides the current date. Mails show times in it.'),
  BENEVOLENCE_ADMIN_FROM: amount('500').describe(
    'The amount in US dollars from which an application also needs a review at level admin.',
  ),
  BENEVOLENCE_MANAGER_FROM: amount('2000').describe(
    'The amount in US dollars from which an application also needs a review at level manager.',
  ),
  BENEVOLENCE_PRESIDENT_FROM: amount('5000').describe(
    'The amount in US dollars from which an application also needs a review at level president.',
  ),
  ACCESS_TOKEN_TTL: seconds(1800, 86_400).describe('The lifetime of an access token, in seconds.'),
  REFRESH_GRACE: z.coerce
    .number()
    .int()
    .min(0)
    .max(60)
    .default(10)
    .describe('How long a replaced refresh token stays valid after the first use of its successor, in seconds.'),
  REFRESH_RETRY: z.coerce
    .number()
    .int()
    .min(0)
    .max(604_800)
    .default(86_400)
    .describe(
      'How long a replaced refresh token stays valid while its successor is unused, in seconds. Covers lost responses.',
    ),
  SESSION_MAX_AGE: seconds(30 * 86_400).describe('The maximum lifetime of a session, in seconds.'),
  SESSION_IDLE_AGE: seconds(7 * 86_400).describe('How long an unused session lasts, in seconds.'),
  REUSE_ENDS: z
    .enum(['session', 'user'])
    .default('session')
    .describe('What ends when an old refresh token is reused: its session, or all sessions of the user.'),
  LOGIN_ATTEMPTS: z.coerce
    .number()
    .int()
    .min(1)
    .max(100)
    .default(5)
    .describe('The number of wrong passwords that locks an account.'),
  LOGIN_LOCK: seconds(1800).describe('How long an account stays locked, in seconds.'),
  INVITATION_TTL: seconds(7 * 86_400).describe(
    'How long an invitation to choose the first password is valid, in seconds.',
  ),
  STEP_UP_AGE: seconds(600, 86_400).describe(
    'How long a sign-in or `reauthenticate` counts as recent for operations with step-up authentication, in seconds.',
  ),
  REQUIRE_SECOND_FACTOR: list()
    .pipe(z.array(z.enum(['admin', 'officer', 'staff', 'organizer', 'instructor', 'member'])))
    .describe(
      'Roles whose users must set up a second factor before doing anything else, comma-separated, for example admin,officer.',
    ),
  LIMIT_SIGN_IN: limit(20, 300).describe(
    'The rate limit for failed sign-ins per IP address, per known device and per session, as count/seconds.',
  ),
  LIMIT_SECOND_FACTOR: limit(10, 900).describe(
    'The rate limit for wrong second-factor codes per account, as count/seconds.',
  ),
  LIMIT_MAIL_ACCOUNT: limit(3, 900).describe(
    'The rate limit for requested reset and verification mails per account, as count/seconds.',
  ),
  LIMIT_MAIL_ADDRESS: limit(20, 3600).describe(
    'The rate limit for requested reset and verification mails per IP address, as count/seconds.',
  ),
  LIMIT_REGISTER: limit(5, 3600).describe(
    'The rate limit for registrations per IP address, and for changes of a username per user, as count/seconds.',
  ),
  LIMIT_REFRESH: limit(60, 60).describe('The rate limit for token refreshes per session, as count/seconds.'),
  LIMIT_CONNECTION: limit(10, 60).describe(
    'The rate limit for testing and saving database connections per IP address, as count/seconds.',
  ),
  LIMIT_TOKEN: limit(20, 300).describe(
    'The rate limit for wrong reset, verification and set-up tokens per IP address, as count/seconds. ' +
      'Wrong refresh tokens are counted separately with the same limit.',
  ),
  LIMIT_REFUSAL: limit(100, 3600).describe(
    'How many refused operations on secrets and settings get an audit event each, per user, as count/seconds. ' +
      'Further refusals are only counted.',
  ),
  AUDIT_REFUSALS_PER_DAY: bound(5000, 1_000_000).describe(
    'The maximum number of audit events per day for refusals. It applies separately to signed-in callers, to anonymous callers ' +
      'who target an account, and to other anonymous callers. Further refusals are counted per operation and hour.',
  ),
  CLEANUP_EVERY: seconds(60, 86_400).describe(
    'The interval between cleanups, in seconds. A cleanup deletes expired records and writes counted refusals to the audit log.',
  ),
  AUDIT_SEAL_EVERY: seconds(10, 86_400).describe('The interval between runs that seal new audit events, in seconds.'),
  ARGON2_MEMORY: z.coerce
    .number()
    .int()
    .min(19_456)
    .max(262_144)
    .default(19_456)
    .describe('The Argon2id memory cost of a password hash, in KiB.'),
  ARGON2_TIME: z.coerce
    .number()
    .int()
    .min(2)
    .max(20)
    .default(2)
    .describe('The Argon2id time cost of a password hash, in passes.'),
  PBKDF2_ITERATIONS: z.coerce
    .number()
    .int()
    .min(480_000)
    .max(10_000_000)
    .default(480_000)
    .describe(
      'The PBKDF2 iterations that derive the key from a password to protect the vault key of a user. ' +
        'A higher value takes effect when the user next unlocks the vault.',
    ),
  VAULT_IDLE_TTL: seconds(600, 3600).describe('How long an unused vault stays unlocked, in seconds.'),
  VAULT_MAX_TTL: seconds(3600, 86_400).describe('The maximum time that a vault stays unlocked, in seconds.'),
  SECRET_VERSIONS: z.coerce
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(10)
    .describe('The number of versions kept of each secret.'),
  PASSWORD_MIN_LENGTH: z.coerce
    .number()
    .int()
    .min(8)
    .max(64)
    .default(8)
    .describe('The minimum length of a new password, in characters.'),
  HIBP_URL: z
    .union([z.literal('off'), z.url({ protocol: /^https?$/ })])
    .optional()
    .meta({
      default: pwnedPasswords,
      description:
        'The Have I Been Pwned service that checks new passwords: https://api.pwnedpasswords.com or a mirror. `off` disables the ' +
        'check, which is the default in tests. Only 5 of the 40 digits of a password hash are sent.',
    }),
  REGISTRATION: z
    .enum(['off', 'open'])
    .default('off')
    .describe(
      '`open` lets anyone register. A self-registered account can do almost nothing until its e-mail address is verified.',
    ),
  VERIFIED_OPERATIONS: list().describe(
    'Operations that require a verified e-mail address from every user, comma-separated. ' +
      'Self-registered users need a verified address in any case.',
  ),
  ADMIN_EMAIL: z
    .email()
    .max(254)
    .optional()
    .describe(
      'The e-mail address of the first admin. The account is created at start if the instance has no owner and no admin. ' +
        'Its password must be changed at the first sign-in.',
    ),
  ADMIN_PASSWORD: z
    .string()
    .min(8)
    .max(128)
    .optional()
    .describe('The password of the first admin. Set it together with ADMIN_EMAIL.'),
  ADMIN_PASSWORD_FILE: fileOf('ADMIN_PASSWORD'),
  ADMIN_USERNAME: z
    .string()
    .regex(/^[A-Za-z0-9._-]{2,50}$/, 'must have 2 to 50 characters: unaccented letters, digits, ".", "_" and "-"')
    .optional()
    .describe('The username of the first admin. By default, the part of ADMIN_EMAIL before the @.'),
  SMTP_URL: z
    .url({ protocol: /^smtps?$/ })
    .refine((text) => !barePercent.test(text), percentProblem)
    .optional()
    .describe(
      'The mail server: smtp://user:password@host:587 or smtps://host. TLS is required unless the URL ends in ' +
        '?ignoreTLS=true&requireTLS=false. Without it, `development` prints mails, and `production` keeps them in the queue.',
    ),
  SMTP_URL_FILE: fileOf('SMTP_URL'),
  MAIL_FROM: z
    .string()
    .max(300)
    .regex(
      /^(?:(?:"[^"<>\r\n]*"\s*|[^<>:;\r\n]*)<[^\s<>@,]+@[^\s<>@,]+>|[^\s<>@,]+@[^\s<>@,]+)$/,
      'must be an e-mail address, or a name and an e-mail address: Name <name@example.org>. Put a name that contains : or ; in double quotes',
    )
    .default('Unionhall <no-reply@localhost>')
    .describe('The sender of mails. Required when SMTP_URL is set.'),
  PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .refine((text) => !/[?@]/.test(text), 'must have no user and no query: paths of the front end are added to it')
    .optional()
    .describe('The URL of the front end. Without it, mails contain codes but no links.'),
  COOKIE_PATH: z
    .string()
    .regex(/^\/[A-Za-z0-9/._~-]*$/, 'must begin with / and contain only letters, digits and the characters / . _ ~ -')
    .optional()
    .describe('The path of the cookies. By default, the path of PUBLIC_URL followed by /graphql.'),
  COOKIE_SECURE: flag
    .optional()
    .describe(
      '`1` makes browsers send the cookies only over HTTPS. By default, `1` in production or if PUBLIC_URL uses https.',
    ),
  COOKIE_SAME_SITE: z
    .enum(['strict', 'lax', 'none'])
    .default('strict')
    .describe(
      'The SameSite attribute of the cookies. `none` lets a front end on another site use them: list it in CORS_ORIGINS, and use HTTPS.',
    ),
  COOKIE_NAME: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,50}$/, 'must be 1 to 50 letters, digits and -')
    .default('unionhall')
    .describe('The prefix of the cookie names. Use a different one for each instance on the same host.'),
  MAIL_WORKER: flag.default(true).describe('`0` leaves sending mail to `npm run worker`.'),
  PLAYGROUND: flag
    .optional()
    .describe(
      '`1` offers the playground; `0` does not. By default, it is offered outside production unless TRUSTED_DOCUMENTS is set.',
    ),
  CORS_ORIGINS: list(originProblem).describe(
    'The allowed origins of browser clients, comma-separated. By default, none. In development, every port of localhost is ' +
      'allowed as well.',
  ),
  TRUSTED_PROXIES: list(networkProblem).describe(
    'The IP addresses or networks of proxies whose X-Forwarded-For header is trusted, comma-separated.',
  ),
  TRUSTED_DOCUMENTS: z
    .string()
    .min(1)
    .optional()
    .describe('The path of a manifest of persisted documents. If set, only those documents are executed.'),
  MAX_DEPTH: bound(8, 50).describe(
    'The maximum nesting depth of an operation. The fields edges, node and nodes do not count.',
  ),
  MAX_ALIASES: bound(10, 1000).describe('The maximum number of aliases in an operation.'),
  MAX_ROOT_FIELDS: bound(10, 1000).describe('The maximum number of root fields in an operation.'),
  MAX_COST: bound(5000, 1_000_000_000_000).describe(
    'The maximum number of objects that an operation may request, counted by its page sizes.',
  ),
  SUBSCRIPTION_CHECK_EVERY: seconds(30, 3600).describe(
    'The interval between checks that a subscriber is still authorized, in seconds. Each event is checked too.',
  ),
  SUBSCRIPTIONS_PER_SOCKET: bound(10, 1000).describe('The maximum number of concurrent subscriptions per WebSocket.'),
  SUBSCRIPTION_BACKLOG: bound(500, 100_000).describe(
    'The maximum number of undelivered changes per subscription. More close its WebSocket.',
  ),
  SOCKETS_PER_USER: bound(20, 10_000).describe(
    'The maximum number of WebSockets per node for a user, or for an IP address without a sign-in.',
  ),
  SOCKET_INIT_WAIT: seconds(3, 60).describe('How long a new WebSocket may take to send connection_init, in seconds.'),
  SOCKET_PING_EVERY: seconds(15, 3600).describe(
    'The interval between pings of a WebSocket, in seconds. A WebSocket that does not answer is closed.',
  ),
  REQUEST_TIMEOUT: seconds(10, 300).describe(
    'The maximum duration of a request, in seconds. On PostgreSQL, its statements are then canceled.',
  ),
  STOP_DELAY: z.coerce
    .number()
    .int()
    .min(0)
    .max(60)
    .default(1)
    .describe(
      'How long the service still accepts requests after a stop signal, in seconds. Meanwhile, /health reports that it is stopping.',
    ),
  STOP_GRACE: seconds(10, 300).describe(
    'How long running requests and jobs may take to finish after STOP_DELAY, in seconds.',
  ),
  METRICS_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .describe('The port that serves /metrics for Prometheus. `0` picks any free port. Without it, metrics are off.'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/, error: 'must be a URL such as http://localhost:4318' })
    .optional()
    .describe('The URL of an OpenTelemetry collector that receives traces over OTLP/HTTP. Without it, tracing is off.'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent'])
    .default('info')
    .describe('The minimum level of the log lines that are written.'),
};

type Values = z.infer<z.ZodObject<typeof variables>>;

/** The validated, complete and frozen configuration. */
export interface Config {
  readonly environment: Values['NODE_ENV'];
  readonly host: string;
  readonly port: number;
  /** Null for the embedded database. */
  readonly databaseUrl: string | null;
  readonly databasePoolSize: number;
  /** The address that bypasses the connection pooler. Null if it is not set. */
  readonly directUrl: string | null;
  readonly preparesStatements: boolean;
  /** Null if it depends on the engine. */
  readonly seedWhenEmpty: boolean | null;
  readonly dataDirectory: string;
  readonly configDirectory: string;
  readonly keys: string | null;
  /** Whether a missing keyring is created. */
  readonly mayMakeKeys: boolean;
  readonly timeZone: string;
  /** The amounts in US dollars from which each further review level is required. */
  readonly reviewThresholds: Readonly<Record<'admin' | 'manager' | 'president', string>>;
  readonly offersPlayground: boolean;
  readonly corsOrigins: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly cookies: CookieConfig;
  /** The path of the manifest of trusted documents. Null if every document is executed. */
  readonly trustedDocuments: string | null;
  readonly logLevel: Values['LOG_LEVEL'];
  /** Null if metrics are off. */
  readonly metricsPort: number | null;
  /** The endpoint for traces. Null if tracing is off. */
  readonly traceEndpoint: string | null;
  /** All in seconds. */
  readonly patience: { readonly request: number; readonly stopDelay: number; readonly stop: number };
  /** The limits of one operation. */
  readonly bounds: {
    readonly depth: number;
    readonly aliases: number;
    readonly rootFields: number;
    readonly cost: number;
  };
  readonly sockets: SocketConfig;
  readonly passwordCost: { readonly memory: number; readonly time: number };
  readonly sessions: SessionConfig;
  readonly vault: VaultConfig;
  /** Seconds. */
  readonly cleanupEvery: number;
  /** Seconds. */
  readonly sealEvery: number;
  /** The URL of the Have I Been Pwned service. Null if the check is off. */
  readonly breachUrl: string | null;
  /** The first admin, who is created if the instance has no owner. Null if not configured. */
  readonly firstAdmin: { readonly email: string; readonly password: string; readonly username: string } | null;
  readonly mail: MailConfig;
}

/** The cookies that keep the tokens of a sign-in. */
export interface CookieConfig {
  readonly path: string;
  readonly secure: boolean;
  readonly sameSite: Values['COOKIE_SAME_SITE'];
  readonly names: { readonly refreshToken: string; readonly deviceToken: string };
}

/** The settings of WebSockets. All times are in seconds. */
export interface SocketConfig {
  readonly checkEvery: number;
  readonly pingEvery: number;
  readonly initWait: number;
  readonly perUser: number;
  readonly subscriptions: number;
  /** The maximum number of undelivered changes per subscription. */
  readonly backlog: number;
}

export interface MailConfig {
  /** Null if no mail server is configured. */
  readonly smtp: { readonly url: string; readonly from: string } | null;
  readonly publicUrl: string | null;
  /** Whether this process sends mail. */
  readonly sends: boolean;
}

export interface VaultConfig {
  /** Seconds. */
  readonly idleTtl: number;
  /** Seconds. */
  readonly maxTtl: number;
  readonly versionsKept: number;
  /** The number of values that a key rotation re-encrypts per transaction. */
  readonly batch: number;
}

/** All times are in seconds. */
export interface SessionConfig {
  readonly accessTokenTtl: number;
  readonly refreshGrace: number;
  readonly refreshRetry: number;
  readonly maxAge: number;
  readonly idleAge: number;
  readonly reuseEnds: 'session' | 'user';
  readonly loginAttempts: number;
  readonly loginLock: number;
  readonly invitationTtl: number;
  readonly stepUpAge: number;
  /** PBKDF2 iterations. */
  readonly keyIterations: number;
  /** Characters. */
  readonly passwordMinLength: number;
  readonly refusesGuessablePasswords: boolean;
  readonly isRegistrationOpen: boolean;
  /** Operations that require a verified address from every user. */
  readonly verifiedOperations: readonly string[];
  /** Roles that require a second factor. */
  readonly secondFactorRoles: readonly string[];
  readonly limits: Readonly<
    Record<
      | 'sign-in'
      | 'second-factor'
      | 'mail-account'
      | 'mail-address'
      | 'register'
      | 'refresh'
      | 'connection'
      | 'token'
      | 'refusal',
      { readonly turns: number; readonly seconds: number }
    >
  >;
  /** The daily maximum of audit events for refusals, per kind of caller. */
  readonly refusalsPerDay: number;
}

/** Lists all invalid variables, never their values. */
export class ConfigError extends OperatorError {
  constructor(readonly problems: readonly string[]) {
    super(`The configuration is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  }
}

/** Reads and validates the configuration. @throws {ConfigError} with all problems at once. */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([name, value]) => name in variables && value !== ''),
  );
  const unread = readSecrets(given);
  if (unread.length > 0) throw new ConfigError(unread);
  const { success, data, error } = z.object(variables).safeParse(given);
  if (!success)
    throw new ConfigError(
      error.issues.map(({ path, code, message }) => `${String(path[0])} ${problem(code, message)}`),
    );
  const problems = contradictions(data);
  if (problems.length > 0) throw new ConfigError(problems);
  return freeze(toConfig(data));
}

/**
 * Adds the variables that are given as files. Only the file of SMTP_URL may be empty: no mail is sent then. @returns
 * the problems.
 */
function readSecrets(given: Record<string, string | undefined>): string[] {
  return secretNames.flatMap((name) => {
    const path = given[`${name}_FILE`];
    if (path === undefined) return [];
    if (given[name] !== undefined) return [`${name} and ${name}_FILE must not both be set`];
    try {
      const text = readFileSync(path, 'utf8').trim();
      if (text === '') return name === 'SMTP_URL' ? [] : [`${name}_FILE must name a file that is not empty`];
      given[name] = text;
      return [];
    } catch (error) {
      return [`${name}_FILE names a file that cannot be read (${(error as NodeJS.ErrnoException).code})`];
    }
  });
}

/** Finds settings that contradict each other. */
function contradictions(values: Values): string[] {
  const { NODE_ENV, SEED, SMTP_URL, MAIL_FROM, ADMIN_EMAIL, ADMIN_PASSWORD } = values;
  const problems: string[] = [];
  const [admin, manager, president] = [
    values.BENEVOLENCE_ADMIN_FROM,
    values.BENEVOLENCE_MANAGER_FROM,
    values.BENEVOLENCE_PRESIDENT_FROM,
  ];
  if (Number(admin) > Number(manager) || Number(manager) > Number(president))
    problems.push(
      'BENEVOLENCE_ADMIN_FROM, BENEVOLENCE_MANAGER_FROM and BENEVOLENCE_PRESIDENT_FROM must not decrease in this order',
    );
  if (values.DATABASE_DIRECT_URL !== undefined && values.DATABASE_URL === undefined)
    problems.push('DATABASE_DIRECT_URL requires DATABASE_URL: it is another address of the same server');
  if (values.PLAYGROUND && values.TRUSTED_DOCUMENTS !== undefined)
    problems.push(
      'PLAYGROUND=1 cannot be combined with TRUSTED_DOCUMENTS: the manifest does not have the documents of the playground',
    );
  if (NODE_ENV === 'production' && SEED)
    problems.push('SEED must not be set in production: seeded accounts have known passwords');
  if (SMTP_URL !== undefined && MAIL_FROM === variables.MAIL_FROM.parse(undefined))
    problems.push('MAIL_FROM must be set when SMTP_URL is set: mail servers refuse mail from localhost');
  if (values.COOKIE_SAME_SITE === 'none' && !cookies(values).secure)
    problems.push('COOKIE_SAME_SITE=none requires secure cookies: set COOKIE_SECURE=1 and serve over HTTPS');
  if ((ADMIN_EMAIL === undefined) !== (ADMIN_PASSWORD === undefined))
    problems.push('ADMIN_EMAIL and ADMIN_PASSWORD must be set together');
  return problems;
}

function addProblems(context: z.RefinementCtx, problems: readonly (string | null)[]): void {
  for (const message of problems) if (message !== null) context.addIssue({ code: 'custom', message });
}

/** An origin is what a browser sends: scheme, host and port. */
function originProblem(text: string): string | null {
  const { protocol, origin } = URL.parse(text) ?? {};
  if (origin === text && /^https?:$/.test(protocol ?? '') && !text.includes('*')) return null;
  return 'must list origins like https://app.example.org, without a path, a trailing slash or *';
}

function networkProblem(text: string): string | null {
  const [address = '', bits, ...rest] = text.split('/');
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  const isNetwork =
    most > 0 && rest.length === 0 && (bits === undefined || (/^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= most));
  return isNetwork ? null : 'must list IP addresses or networks, like 10.0.0.2 or 10.0.0.0/8, not host names';
}

/**
 * The allowed parameters of a PostgreSQL address. In `pg`, others could override the time-outs and time zone of the
 * service.
 */
const postgresParameters = [
  'host',
  'port',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'sslnegotiation',
  'uselibpqcompat',
  'application_name',
];

/** The values that `pg` knows. It treats any other as `verify-full`. */
const sslModes = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

/** The environment of this process with more variables, for a program that it starts. */
export const environmentWith = (more: Readonly<Record<string, string>>): NodeJS.ProcessEnv => ({
  ...process.env,
  ...more,
});

/** Parses a PostgreSQL address. Null for any other text. An address of a Unix socket has a user and no host. */
export function parsePostgresUrl(text: string): URL | null {
  return URL.parse(text.replace(/^(postgres(?:ql)?:\/\/[^/?#]*@)(?=\/)/, '$1socket'));
}

function postgresProblem(text: string): string | null {
  const url = parsePostgresUrl(text);
  const hosts = text.replace(/^\w+:\/\/([^/?#]*@)?/, '');
  if (/^[^/?#]*,/.test(hosts)) return 'must name one host: several are not supported';
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol))
    return 'must be the address of a PostgreSQL server: postgres://user:password@host:5432/database';
  if (barePercent.test(text)) return percentProblem;
  if (url.pathname.length < 2) return 'must name a database: postgres://user:password@host:5432/database';
  if ([...url.searchParams.keys()].some((name) => !postgresParameters.includes(name)))
    return `may only have the parameters ${postgresParameters.join(', ')}: the service sets time-outs and the time zone itself`;
  const mode = url.searchParams.get('sslmode');
  if (mode !== null && !sslModes.includes(mode))
    return `must have one of these values as sslmode: ${sslModes.join(', ')}`;
  const socket = url.searchParams.get('host');
  if (socket !== null && !socket.startsWith('/'))
    return 'must have the host before the path: ?host= is only for the folder of a Unix socket';
  for (const name of ['sslrootcert', 'sslcert', 'sslkey'])
    try {
      const file = url.searchParams.get(name);
      if (file !== null) accessSync(file, constants.R_OK);
    } catch (error) {
      return `names a file in ${name} that cannot be read (${(error as NodeJS.ErrnoException).code})`;
    }
  return null;
}

/** Words a problem that Zod found, without the value. */
function problem(code: string, message: string): string {
  if (code === 'custom' || message.startsWith('must ')) return message;
  const [pattern, words] = zodMessages.find(([form]) => form.test(message)) ?? [/^.*$/s, 'is not valid'];
  return message.replace(pattern, words).replaceAll('"|"', '", "').replace('>=', 'at least ').replace('<=', 'at most ');
}

const zodMessages: readonly (readonly [pattern: RegExp, words: string])[] = [
  [/^Invalid (?:option|input): expected (one of )?("[^]*)$/, 'must be $1$2'],
  [/^Too (?:big|small): expected string to have /, 'must have '],
  [/^Too (?:big|small): expected \w+ to be /, 'must be '],
  [/^Invalid input: expected number[^]*$/, 'must be a number'],
  [/^Invalid input: expected int[^]*$/, 'must be a whole number'],
  [/^Invalid URL$/, 'must be a URL with an allowed protocol'],
  [/^Invalid email address$/, 'must be an e-mail address'],
];

function toConfig(values: Values): Config {
  const isProduction = values.NODE_ENV === 'production';
  return {
    environment: values.NODE_ENV,
    host: values.HOST,
    port: values.PORT,
    databaseUrl: values.DATABASE_URL ?? null,
    databasePoolSize: values.DATABASE_POOL_SIZE,
    directUrl: values.DATABASE_DIRECT_URL ?? null,
    preparesStatements: values.DATABASE_PREPARED === 'on',
    seedWhenEmpty: values.SEED ?? null,
    dataDirectory: resolve(values.UNIONHALL_DATA_DIR),
    configDirectory: values.UNIONHALL_CONFIG_DIR ? resolve(values.UNIONHALL_CONFIG_DIR) : userDirectory(),
    keys: values.UNIONHALL_KEYS ?? null,
    mayMakeKeys: !isProduction || values.UNIONHALL_CONFIG_DIR !== undefined,
    timeZone: values.UNIONHALL_TIME_ZONE,
    reviewThresholds: {
      admin: values.BENEVOLENCE_ADMIN_FROM,
      manager: values.BENEVOLENCE_MANAGER_FROM,
      president: values.BENEVOLENCE_PRESIDENT_FROM,
    },
    offersPlayground: values.PLAYGROUND ?? (!isProduction && values.TRUSTED_DOCUMENTS === undefined),
    corsOrigins: values.CORS_ORIGINS,
    trustedProxies: values.TRUSTED_PROXIES,
    cookies: cookies(values),
    trustedDocuments: values.TRUSTED_DOCUMENTS === undefined ? null : resolve(values.TRUSTED_DOCUMENTS),
    logLevel: values.LOG_LEVEL,
    metricsPort: values.METRICS_PORT ?? null,
    traceEndpoint: values.OTEL_EXPORTER_OTLP_ENDPOINT ?? null,
    patience: { request: values.REQUEST_TIMEOUT, stopDelay: values.STOP_DELAY, stop: values.STOP_GRACE },
    bounds: {
      depth: values.MAX_DEPTH,
      aliases: values.MAX_ALIASES,
      rootFields: values.MAX_ROOT_FIELDS,
      cost: values.MAX_COST,
    },
    sockets: {
      checkEvery: values.SUBSCRIPTION_CHECK_EVERY,
      pingEvery: values.SOCKET_PING_EVERY,
      initWait: values.SOCKET_INIT_WAIT,
      perUser: values.SOCKETS_PER_USER,
      subscriptions: values.SUBSCRIPTIONS_PER_SOCKET,
      backlog: values.SUBSCRIPTION_BACKLOG,
    },
    cleanupEvery: values.CLEANUP_EVERY,
    sealEvery: values.AUDIT_SEAL_EVERY,
    passwordCost: { memory: values.ARGON2_MEMORY, time: values.ARGON2_TIME },
    sessions: {
      accessTokenTtl: values.ACCESS_TOKEN_TTL,
      refreshGrace: values.REFRESH_GRACE,
      refreshRetry: values.REFRESH_RETRY,
      maxAge: values.SESSION_MAX_AGE,
      idleAge: values.SESSION_IDLE_AGE,
      reuseEnds: values.REUSE_ENDS,
      loginAttempts: values.LOGIN_ATTEMPTS,
      loginLock: values.LOGIN_LOCK,
      invitationTtl: values.INVITATION_TTL,
      stepUpAge: values.STEP_UP_AGE,
      keyIterations: values.PBKDF2_ITERATIONS,
      passwordMinLength: values.PASSWORD_MIN_LENGTH,
      refusesGuessablePasswords: values.NODE_ENV === 'production',
      isRegistrationOpen: values.REGISTRATION === 'open',
      verifiedOperations: values.VERIFIED_OPERATIONS,
      secondFactorRoles: values.REQUIRE_SECOND_FACTOR,
      limits: {
        'sign-in': values.LIMIT_SIGN_IN,
        'second-factor': values.LIMIT_SECOND_FACTOR,
        'mail-account': values.LIMIT_MAIL_ACCOUNT,
        'mail-address': values.LIMIT_MAIL_ADDRESS,
        register: values.LIMIT_REGISTER,
        refresh: values.LIMIT_REFRESH,
        connection: values.LIMIT_CONNECTION,
        token: values.LIMIT_TOKEN,
        refusal: values.LIMIT_REFUSAL,
      },
      refusalsPerDay: values.AUDIT_REFUSALS_PER_DAY,
    },
    vault: {
      idleTtl: values.VAULT_IDLE_TTL,
      maxTtl: values.VAULT_MAX_TTL,
      versionsKept: values.SECRET_VERSIONS,
      batch: 50,
    },
    breachUrl: breachUrl(values),
    firstAdmin: firstAdmin(values),
    mail: {
      smtp: values.SMTP_URL === undefined ? null : { url: values.SMTP_URL, from: values.MAIL_FROM },
      publicUrl: values.PUBLIC_URL ?? null,
      sends: values.MAIL_WORKER,
    },
  };
}

/**
 * Chooses cookie names whose prefix makes browsers enforce HTTPS (`__Secure-`), and also the host and path (`__Host-`).
 */
function cookies(values: Values): CookieConfig {
  const { COOKIE_NAME: name, COOKIE_SAME_SITE: sameSite, PUBLIC_URL: publicUrl, NODE_ENV } = values;
  const path =
    values.COOKIE_PATH ?? `${publicUrl === undefined ? '' : new URL(publicUrl).pathname.replace(/\/+$/, '')}/graphql`;
  const secure = values.COOKIE_SECURE ?? (NODE_ENV === 'production' || publicUrl?.startsWith('https:') === true);
  const prefix = secure ? (path === '/' ? '__Host-' : '__Secure-') : '';
  return {
    path,
    secure,
    sameSite,
    names: { refreshToken: `${prefix}${name}_refresh`, deviceToken: `${prefix}${name}_device` },
  };
}

/** Tests send no requests to the service unless they set HIBP_URL. */
function breachUrl({ HIBP_URL, NODE_ENV }: Values): string | null {
  if (HIBP_URL === undefined) return NODE_ENV === 'test' ? null : pwnedPasswords;
  return HIBP_URL === 'off' ? null : HIBP_URL;
}

function firstAdmin({
  ADMIN_EMAIL: email,
  ADMIN_PASSWORD: password,
  ADMIN_USERNAME: name,
}: Values): Config['firstAdmin'] {
  if (email === undefined || password === undefined) return null;
  return {
    email,
    password,
    username:
      name ??
      email
        .slice(0, email.indexOf('@'))
        .replace(/[^A-Za-z0-9._-]/g, '-')
        .slice(0, 50)
        .padEnd(2, '-'),
  };
}

/** Returns the folder in the configuration directory of the current user. */
function userDirectory(): string {
  const { APPDATA, XDG_CONFIG_HOME } = process.env;
  if (process.platform === 'win32') return join(APPDATA ?? join(homedir(), 'AppData', 'Roaming'), 'Unionhall');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'Unionhall');
  return join(XDG_CONFIG_HOME ?? join(homedir(), '.config'), 'unionhall');
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function freeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) freeze(part as object);
  return Object.freeze(value);
}
