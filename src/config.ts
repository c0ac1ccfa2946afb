import { accessSync, constants, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';

const seconds = (fallback: number, most = 365 * 86_400) => z.coerce.number().int().min(1).max(most).default(fallback);
const bound = (fallback: number, most: number) => z.coerce.number().int().min(1).max(most).default(fallback);
/** @param problem says what is wrong with an item; null where nothing is. */
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
    .regex(/^[1-9]\d{0,3}\/[1-9]\d{0,5}$/, 'must read turns/seconds: 1 to 9999 turns, in 1 to 999999 seconds')
    .default(`${turns}/${seconds}`)
    .transform((text) => {
      const [turns = 0, seconds = 0] = text.split('/').map(Number);
      return { turns, seconds };
    });
const amount = (fallback: string) =>
  z
    .string()
    .regex(/^\d{1,10}(\.\d{1,2})?$/, 'must be an amount with at most two places, like 500 or 499.50')
    .default(fallback);
const barePercent = /%(?![0-9A-Fa-f]{2})/;
const percentProblem = 'has a % that is not followed by two hexadecimal digits: write %25 for the character %';
const flag = z.enum(['0', '1']).transform((text) => text === '1');

/** Variables that may be given as a file, so that they are in no environment: the file's path is in `<name>_FILE`. */
const secretNames = ['DATABASE_URL', 'DATABASE_DIRECT_URL', 'ADMIN_PASSWORD', 'SMTP_URL'] as const;
const fileOf = (name: (typeof secretNames)[number]) =>
  z.string().min(1).optional().describe(`The path of a file that holds ${name}. Set one of the two.`);

const pwnedPasswords = 'https://api.pwnedpasswords.com';

/** Every environment variable the service reads: its form, its default, what it means. `.env.example` is held against this. */
export const variables = {
  NODE_ENV: z
    .enum(['development', 'test', 'production'])
    .default('development')
    .describe('Development seeds the embedded database, offers the playground and explains errors; production does none of it.'),
  HOST: z.string().min(1).default('127.0.0.1').describe('The address to listen on; 0.0.0.0 for every one.'),
  PORT: z.coerce.number().int().min(0).max(65_535).default(4000).describe('The port to listen on; 0 for any free one.'),
  DATABASE_URL: postgres
    .optional()
    .describe(
      'A PostgreSQL server, postgres://user:password@host:5432/database, or postgres://user@/database?host=/folder for a Unix socket. Without it, the embedded one is used.',
    ),
  DATABASE_URL_FILE: fileOf('DATABASE_URL'),
  DATABASE_POOL_SIZE: z.coerce
    .number()
    .int()
    .min(1)
    .max(500)
    .default(10)
    .describe('Most connections to a PostgreSQL server; see operations.md.'),
  DATABASE_DIRECT_URL: postgres
    .optional()
    .describe('The same server past its pooler, where DATABASE_URL leads to one: for migrations, and what listens.'),
  DATABASE_DIRECT_URL_FILE: fileOf('DATABASE_DIRECT_URL'),
  DATABASE_PREPARED: z
    .enum(['on', 'off'])
    .default('on')
    .describe('off prepares no statements: for a pooler in transaction mode that does not know them.'),
  SEED: flag
    .optional()
    .describe(
      '1 seeds an empty database at start, 0 leaves it empty. By default the embedded database alone is seeded. Never in production.',
    ),
  UNIONHALL_DATA_DIR: z.string().min(1).default('.unionhall/data').describe('Where the embedded database keeps its files.'),
  UNIONHALL_CONFIG_DIR: z.string().min(1).optional().describe("Where keys are kept. By default a folder of the user's own."),
  UNIONHALL_KEYS: z
    .string()
    .min(1)
    .optional()
    .describe(
      'The system keyring: kid:base64 of 32 bytes, comma-separated, the active one first; or the path of a file with that text. Production refuses to start without it, unless UNIONHALL_CONFIG_DIR is set.',
    ),
  UNIONHALL_TIME_ZONE: z
    .string()
    .refine(isTimeZone, 'is not a time zone of the IANA database')
    .default('America/New_York')
    .describe('The time zone in which "today" is meant.'),
  BENEVOLENCE_ADMIN_FROM: amount('500').describe('The amount in US dollars from which on the level admin decides on an application too.'),
  BENEVOLENCE_MANAGER_FROM: amount('2000').describe('The amount from which on the level manager decides too.'),
  BENEVOLENCE_PRESIDENT_FROM: amount('5000').describe('The amount from which on the level president decides too.'),
  ACCESS_TOKEN_TTL: seconds(1800, 86_400).describe('Seconds an access token works.'),
  REFRESH_GRACE: z.coerce
    .number()
    .int()
    .min(0)
    .max(60)
    .default(10)
    .describe('Seconds in which a replaced refresh token is still honored after the first use of its successor.'),
  REFRESH_RETRY: z.coerce
    .number()
    .int()
    .min(0)
    .max(604_800)
    .default(86_400)
    .describe('Seconds in which a replaced refresh token is honored at most, until its successor is first used: for lost replies.'),
  SESSION_MAX_AGE: seconds(30 * 86_400).describe('Seconds after which a session ends, however busy.'),
  SESSION_IDLE_AGE: seconds(7 * 86_400).describe('Seconds after which an unused session ends.'),
  REUSE_ENDS: z.enum(['session', 'user']).default('session').describe("What an old refresh token ends: its session, or all of the user's."),
  LOGIN_ATTEMPTS: z.coerce.number().int().min(1).max(100).default(5).describe('Wrong passwords until a user is locked.'),
  LOGIN_LOCK: seconds(1800).describe('Seconds a lock lasts.'),
  INVITATION_TTL: seconds(7 * 86_400).describe('Seconds in which who was given an account can set its first password.'),
  STEP_UP_AGE: seconds(600, 86_400).describe('Seconds in which a proof of who somebody is opens what asks for a fresh one.'),
  REQUIRE_SECOND_FACTOR: list()
    .pipe(z.array(z.enum(['admin', 'officer', 'staff', 'organizer', 'instructor', 'member'])))
    .describe('Roles whose holders must set up a second factor before anything else, comma-separated: admin,officer.'),
  LIMIT_SIGN_IN: limit(20, 300).describe('Failed sign-ins per IP address, per known device and per session, as turns/seconds.'),
  LIMIT_SECOND_FACTOR: limit(10, 900).describe('Wrong codes of the second factor for one account, as turns/seconds.'),
  LIMIT_MAIL_ACCOUNT: limit(3, 900).describe('Mails for a reset or a verification asked for one account, as turns/seconds.'),
  LIMIT_MAIL_ADDRESS: limit(20, 3600).describe('Mails for a reset or a verification asked from one IP address, as turns/seconds.'),
  LIMIT_REGISTER: limit(5, 3600).describe(
    'Registrations from one IP address, and changes of the own username by one user, as turns/seconds.',
  ),
  LIMIT_REFRESH: limit(60, 60).describe('Refreshes of one session, as turns/seconds.'),
  LIMIT_CONNECTION: limit(10, 60).describe('Connections to a database tried from one IP address, as turns/seconds.'),
  LIMIT_TOKEN: limit(20, 300).describe(
    'Wrong reset, verification and set-up tokens from one IP address, and as many refresh tokens; as turns/seconds.',
  ),
  LIMIT_REFUSAL: limit(100, 3600).describe(
    'Refused operations on secrets and settings that get an audit event each for one user, as turns/seconds; more are counted.',
  ),
  AUDIT_REFUSALS_PER_DAY: bound(5000, 1_000_000).describe(
    'Audit events per day for refusals of signed-in callers, as many for anonymous ones aimed at an account, and as many for all others; ' +
      'more are counted per operation and hour.',
  ),
  CLEANUP_EVERY: seconds(60, 86_400).describe('Seconds between two rounds that remove what has expired and file what was refused.'),
  AUDIT_SEAL_EVERY: seconds(10, 86_400).describe('Seconds between two looks for audit events that are not sealed yet.'),
  ARGON2_MEMORY: z.coerce.number().int().min(19_456).max(262_144).default(19_456).describe('KiB of memory one password hash takes.'),
  ARGON2_TIME: z.coerce.number().int().min(2).max(20).default(2).describe('Passes over that memory.'),
  PBKDF2_ITERATIONS: z.coerce
    .number()
    .int()
    .min(480_000)
    .max(10_000_000)
    .default(480_000)
    .describe(
      "Rounds that make the key from a password, under which a user's own key for the vault is sealed; more of them count from the next unlock on.",
    ),
  VAULT_IDLE_TTL: seconds(600, 3600).describe('Seconds after which an unlocked vault that is not used locks itself.'),
  VAULT_MAX_TTL: seconds(3600, 86_400).describe('Seconds after which an unlocked vault locks itself, however busy.'),
  SECRET_VERSIONS: z.coerce.number().int().min(1).max(1000).default(10).describe('Versions that are kept of a secret.'),
  PASSWORD_MIN_LENGTH: z.coerce.number().int().min(8).max(64).default(8).describe('Characters a new password must have.'),
  HIBP_URL: z
    .union([z.literal('off'), z.url({ protocol: /^https?$/ })])
    .optional()
    .meta({
      default: pwnedPasswords,
      description:
        'Where new passwords are looked up among breached ones: https://api.pwnedpasswords.com, or a mirror; off for nowhere, as by default in tests. Only five of forty digits of a hash are sent.',
    }),
  REGISTRATION: z
    .enum(['off', 'open'])
    .default('off')
    .describe('open lets anyone make an account, which may nothing until its address is verified.'),
  VERIFIED_OPERATIONS: list().describe(
    'Operations that need a verified e-mail address of everybody, comma-separated; of whoever registered, all need one.',
  ),
  ADMIN_EMAIL: z
    .email()
    .max(254)
    .optional()
    .describe('The address of the first admin, who is made at a start without an owner and an admin, and must change the password.'),
  ADMIN_PASSWORD: z.string().min(8).max(128).optional().describe('The password of the first admin; it goes with ADMIN_EMAIL.'),
  ADMIN_PASSWORD_FILE: fileOf('ADMIN_PASSWORD'),
  ADMIN_USERNAME: z
    .string()
    .regex(/^[A-Za-z0-9._-]{2,50}$/)
    .optional()
    .describe('The username of the first admin. By default what stands before the @ of the address.'),
  SMTP_URL: z
    .url({ protocol: /^smtps?$/ })
    .refine((text) => !barePercent.test(text), percentProblem)
    .optional()
    .describe(
      'The mail server, smtp://user:password@host:587 or smtps://host. TLS is required unless it ends in ?ignoreTLS=true&requireTLS=false. Without it, development prints mails, and production keeps them waiting.',
    ),
  SMTP_URL_FILE: fileOf('SMTP_URL'),
  MAIL_FROM: z
    .string()
    .max(300)
    .regex(
      /^(?:(?:"[^"<>\r\n]*"\s*|[^<>:;\r\n]*)<[^\s<>@,]+@[^\s<>@,]+>|[^\s<>@,]+@[^\s<>@,]+)$/,
      'must be an address, or a name and an address: Name <name@example.org>; a name with : or ; stands in double quotes',
    )
    .default('Unionhall <no-reply@localhost>')
    .describe('Who mails come from; to be set where SMTP_URL is.'),
  PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .refine((text) => !/[?@]/.test(text), 'must have no user and no query: paths of the front end are added to it')
    .optional()
    .describe('Where people reach the front end; without it, mails bring tokens and no links.'),
  COOKIE_PATH: z
    .string()
    .regex(/^\/[A-Za-z0-9/._~-]*$/, 'must be a path that begins with /')
    .optional()
    .describe('The path that browsers send the cookies to. By default the path of PUBLIC_URL with /graphql after it.'),
  COOKIE_SECURE: flag
    .optional()
    .describe('1 lets browsers send the cookies over HTTPS alone. By default 1 in production, and where PUBLIC_URL is https.'),
  COOKIE_SAME_SITE: z
    .enum(['strict', 'lax', 'none'])
    .default('strict')
    .describe('none lets a front end on another site, which CORS_ORIGINS names, use the cookies; they must be secure then.'),
  COOKIE_NAME: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,50}$/, 'must be 1 to 50 letters, digits and -')
    .default('unionhall')
    .describe('How the names of the cookies begin; another one for each of several instances on one host.'),
  MAIL_WORKER: flag.default(true).describe('0 leaves the sending of mail to `npm run worker`.'),
  PLAYGROUND: flag
    .optional()
    .describe('1 offers the playground, 0 does not. By default it is offered outside production, unless TRUSTED_DOCUMENTS is set.'),
  CORS_ORIGINS: list(originProblem).describe('Origins of browser clients, comma-separated; none by default.'),
  TRUSTED_PROXIES: list(networkProblem).describe('Addresses or networks of proxies whose X-Forwarded-For is believed, comma-separated.'),
  TRUSTED_DOCUMENTS: z
    .string()
    .min(1)
    .optional()
    .describe('A manifest of persisted documents: only those are executed. Without it, every document is.'),
  MAX_DEPTH: bound(8, 50).describe('Fields inside fields that one operation may ask for; edges, node and nodes do not count.'),
  MAX_ALIASES: bound(10, 1000).describe('Aliases that one operation may have.'),
  MAX_ROOT_FIELDS: bound(10, 1000).describe('Root fields that one operation may have.'),
  MAX_COST: bound(5000, 1_000_000_000_000).describe('Objects that one operation may ask for, counted by the sizes of its pages.'),
  SUBSCRIPTION_CHECK_EVERY: seconds(30, 3600).describe(
    'Seconds between two looks whether whoever listens still may; each event is one too.',
  ),
  SUBSCRIPTIONS_PER_SOCKET: bound(10, 1000).describe('Subscriptions that one WebSocket may have at a time.'),
  SUBSCRIPTION_BACKLOG: bound(500, 100_000).describe('Changes that may wait for one subscription; more end its WebSocket.'),
  SOCKETS_PER_USER: bound(20, 10_000).describe('WebSockets that one user, or one address that does not sign in, may have at a node.'),
  SOCKET_INIT_WAIT: seconds(3, 60).describe('Seconds in which a WebSocket must say who it is.'),
  SOCKET_PING_EVERY: seconds(15, 3600).describe('Seconds between two pings of a WebSocket; one that does not answer is closed.'),
  REQUEST_TIMEOUT: seconds(10, 300).describe('Seconds a request may take; on PostgreSQL its work is ended then too.'),
  STOP_DELAY: z.coerce
    .number()
    .int()
    .min(0)
    .max(60)
    .default(1)
    .describe('Seconds in which a service that is told to stop still takes requests, while /health says that it goes.'),
  STOP_GRACE: seconds(10, 300).describe('Seconds in which, after that, requests and jobs that have begun may finish.'),
  METRICS_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .describe('A port for Prometheus to read /metrics at, 0 for any free one. Without it there are none.'),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent']).default('info').describe('How much is logged.'),
};

type Values = z.infer<z.ZodObject<typeof variables>>;

/** What the service was told, checked, frozen and complete. */
export interface Config {
  readonly environment: Values['NODE_ENV'];
  readonly host: string;
  readonly port: number;
  /** Null for the embedded database. */
  readonly databaseUrl: string | null;
  readonly databasePoolSize: number;
  /** Past a pooler; null where there is none. */
  readonly directUrl: string | null;
  readonly preparesStatements: boolean;
  /** Null where it depends on the engine. */
  readonly seedWhenEmpty: boolean | null;
  readonly dataDirectory: string;
  readonly configDirectory: string;
  readonly keys: string | null;
  /** Whether a keyring may be made where there is none. */
  readonly mayMakeKeys: boolean;
  readonly timeZone: string;
  /** From which amount on (US dollars) each level of review beyond the first must decide too. */
  readonly reviewThresholds: Readonly<Record<'admin' | 'manager' | 'president', string>>;
  readonly offersPlayground: boolean;
  readonly corsOrigins: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly cookies: CookieConfig;
  /** The file that names the only documents that are executed; null where every document is. */
  readonly trustedDocuments: string | null;
  readonly logLevel: Values['LOG_LEVEL'];
  /** Null where none are published. */
  readonly metricsPort: number | null;
  /** All in seconds. */
  readonly patience: { readonly request: number; readonly stopDelay: number; readonly stop: number };
  /** The most that one operation may ask for. */
  readonly bounds: { readonly depth: number; readonly aliases: number; readonly rootFields: number; readonly cost: number };
  readonly sockets: SocketConfig;
  readonly passwordCost: { readonly memory: number; readonly time: number };
  readonly sessions: SessionConfig;
  readonly vault: VaultConfig;
  /** Seconds. */
  readonly cleanupEvery: number;
  /** Seconds. */
  readonly sealEvery: number;
  /** Of a service like Have I Been Pwned; null where none is asked. */
  readonly breachUrl: string | null;
  /** Whom a start without an owner makes the first admin. */
  readonly firstAdmin: { readonly email: string; readonly password: string; readonly username: string } | null;
  readonly mail: MailConfig;
}

/** How browsers keep the tokens of a sign-in. */
export interface CookieConfig {
  readonly path: string;
  readonly secure: boolean;
  readonly sameSite: Values['COOKIE_SAME_SITE'];
  readonly names: { readonly refreshToken: string; readonly deviceToken: string };
}

/** WebSockets: all that is a time is in seconds. */
export interface SocketConfig {
  readonly checkEvery: number;
  readonly pingEvery: number;
  readonly initWait: number;
  readonly perUser: number;
  readonly subscriptions: number;
  /** Changes that may wait for one subscription. */
  readonly backlog: number;
}

export interface MailConfig {
  /** Null where no server was named. */
  readonly smtp: { readonly url: string; readonly from: string } | null;
  readonly publicUrl: string | null;
  /** Whether the service's own process sends. */
  readonly sends: boolean;
}

export interface VaultConfig {
  /** Seconds. */
  readonly idleTtl: number;
  /** Seconds. */
  readonly maxTtl: number;
  readonly versionsKept: number;
  /** How many values a rotation moves in one transaction. */
  readonly batch: number;
}

/** All that is a time is in seconds. */
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
  /** Rounds of PBKDF2. */
  readonly keyIterations: number;
  /** Characters. */
  readonly passwordMinLength: number;
  readonly refusesGuessablePasswords: boolean;
  readonly isRegistrationOpen: boolean;
  /** Operations that need a verified address of everybody. */
  readonly verifiedOperations: readonly string[];
  /** Roles whose holders need a second factor. */
  readonly secondFactorRoles: readonly string[];
  readonly limits: Readonly<
    Record<
      'sign-in' | 'second-factor' | 'mail-account' | 'mail-address' | 'register' | 'refresh' | 'connection' | 'token' | 'refusal',
      { readonly turns: number; readonly seconds: number }
    >
  >;
  /** Audit events for refusals of signed-in callers, and as many for anonymous ones. */
  readonly refusalsPerDay: number;
}

/** Names every variable that is wrong, and never its value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly problems: readonly string[]) {
    super(`The configuration is not right:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  }
}

/** Reads the configuration from an environment. @throws {ConfigError} naming all that is wrong at once. */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([name, value]) => name in variables && value !== ''));
  const unread = readSecrets(given);
  if (unread.length > 0) throw new ConfigError(unread);
  const { success, data, error } = z.object(variables).safeParse(given);
  if (!success) throw new ConfigError(error.issues.map(({ path, code, message }) => `${path.join('.')} ${problem(code, message)}`));
  const problems = contradictions(data);
  if (problems.length > 0) throw new ConfigError(problems);
  return freeze(toConfig(data));
}

/** Adds the variables that are given as files. Only the file of SMTP_URL may be empty: no mail is sent then. @returns what is wrong. */
function readSecrets(given: Record<string, string | undefined>): string[] {
  return secretNames.flatMap((name) => {
    const path = given[`${name}_FILE`];
    if (path === undefined) return [];
    if (given[name] !== undefined) return [`${name} and ${name}_FILE must not both be set`];
    try {
      const text = readFileSync(path, 'utf8').trim();
      if (text === '') return name === 'SMTP_URL' ? [] : [`${name}_FILE names a file that is empty`];
      given[name] = text;
      return [];
    } catch (error) {
      return [`${name}_FILE names a file that cannot be read (${(error as NodeJS.ErrnoException).code})`];
    }
  });
}

/** What is right by itself, and wrong together. */
function contradictions(values: Values): string[] {
  const { NODE_ENV, SEED, SMTP_URL, MAIL_FROM, ADMIN_EMAIL, ADMIN_PASSWORD } = values;
  const problems: string[] = [];
  const [admin, manager, president] = [values.BENEVOLENCE_ADMIN_FROM, values.BENEVOLENCE_MANAGER_FROM, values.BENEVOLENCE_PRESIDENT_FROM];
  if (Number(admin) > Number(manager) || Number(manager) > Number(president))
    problems.push(
      'BENEVOLENCE_ADMIN_FROM, BENEVOLENCE_MANAGER_FROM and BENEVOLENCE_PRESIDENT_FROM must not fall: levels decide in this order',
    );
  if (values.DATABASE_DIRECT_URL !== undefined && values.DATABASE_URL === undefined)
    problems.push('DATABASE_DIRECT_URL goes with DATABASE_URL: it is another way to the same server');
  if (values.PLAYGROUND && values.TRUSTED_DOCUMENTS !== undefined)
    problems.push('PLAYGROUND and TRUSTED_DOCUMENTS do not go together: what the playground sends is in no manifest');
  if (NODE_ENV === 'production' && SEED) problems.push('SEED must not be set in production: seeded accounts have known passwords');
  if (SMTP_URL !== undefined && MAIL_FROM === variables.MAIL_FROM.parse(undefined))
    problems.push('MAIL_FROM must be set where SMTP_URL is: mail servers refuse mail from nowhere');
  if (values.COOKIE_SAME_SITE === 'none' && !cookies(values).secure)
    problems.push('COOKIE_SAME_SITE=none needs secure cookies: set COOKIE_SECURE=1, and serve over HTTPS');
  if ((ADMIN_EMAIL === undefined) !== (ADMIN_PASSWORD === undefined))
    problems.push('ADMIN_EMAIL and ADMIN_PASSWORD go together: set both or none');
  return problems;
}

function addProblems(context: z.RefinementCtx, problems: readonly (string | null)[]): void {
  for (const message of problems) if (message !== null) context.addIssue({ code: 'custom', message });
}

/** An origin is what a browser sends: scheme, host and port. */
function originProblem(text: string): string | null {
  const { protocol, origin } = URL.parse(text) ?? {};
  if (origin === text && /^https?:$/.test(protocol ?? '') && !text.includes('*')) return null;
  return 'must list origins as browsers send them, like https://app.example.org: no path, no slash at the end, no *';
}

function networkProblem(text: string): string | null {
  const [address = '', bits, ...rest] = text.split('/');
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  const isNetwork = most > 0 && rest.length === 0 && (bits === undefined || (/^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= most));
  return isNetwork ? null : 'must list IP addresses or networks, like 10.0.0.2 or 10.0.0.0/8: names are not looked up';
}

/** What an address of PostgreSQL may set: `pg` lets it override whatever the service sets, time-outs and time zone too. */
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

/** What `pg` knows; it would take any other for `verify-full`. */
const sslModes = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

/** Reads an address of PostgreSQL; null for any other text. That of a Unix socket has a user and no host. */
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
    return `takes no parameters but ${postgresParameters.join(', ')}: the service sets its time-outs and time zone itself`;
  const mode = url.searchParams.get('sslmode');
  if (mode !== null && !sslModes.includes(mode)) return `must have one of these as sslmode: ${sslModes.join(', ')}`;
  const socket = url.searchParams.get('host');
  if (socket !== null && !socket.startsWith('/')) return 'must name a host before its path: ?host= is for the folder of a Unix socket';
  for (const name of ['sslrootcert', 'sslcert', 'sslkey'])
    try {
      const file = url.searchParams.get(name);
      if (file !== null) accessSync(file, constants.R_OK);
    } catch (error) {
      return `names a file in ${name} that cannot be read (${(error as NodeJS.ErrnoException).code})`;
    }
  return null;
}

function problem(code: string, message: string): string {
  return code === 'custom' ? message : `is not valid: ${message.replace(/, received .*$/, '').replace(/^Invalid (input|option): /, '')}`;
}

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
    patience: { request: values.REQUEST_TIMEOUT, stopDelay: values.STOP_DELAY, stop: values.STOP_GRACE },
    bounds: { depth: values.MAX_DEPTH, aliases: values.MAX_ALIASES, rootFields: values.MAX_ROOT_FIELDS, cost: values.MAX_COST },
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
    vault: { idleTtl: values.VAULT_IDLE_TTL, maxTtl: values.VAULT_MAX_TTL, versionsKept: values.SECRET_VERSIONS, batch: 50 },
    breachUrl: breachUrl(values),
    firstAdmin: firstAdmin(values),
    mail: {
      smtp: values.SMTP_URL === undefined ? null : { url: values.SMTP_URL, from: values.MAIL_FROM },
      publicUrl: values.PUBLIC_URL ?? null,
      sends: values.MAIL_WORKER,
    },
  };
}

/** A browser takes a cookie with one of the prefixes only as it is set here: from a page of HTTPS, and with `__Host-` from this very host. */
function cookies(values: Values): CookieConfig {
  const { COOKIE_NAME: name, COOKIE_SAME_SITE: sameSite, PUBLIC_URL: publicUrl, NODE_ENV } = values;
  const path = values.COOKIE_PATH ?? `${publicUrl === undefined ? '' : new URL(publicUrl).pathname.replace(/\/+$/, '')}/graphql`;
  const secure = values.COOKIE_SECURE ?? (NODE_ENV === 'production' || publicUrl?.startsWith('https:') === true);
  const prefix = secure ? (path === '/' ? '__Host-' : '__Secure-') : '';
  return { path, secure, sameSite, names: { refreshToken: `${prefix}${name}_refresh`, deviceToken: `${prefix}${name}_device` } };
}

/** Tests stay in the house unless they name where to ask. */
function breachUrl({ HIBP_URL, NODE_ENV }: Values): string | null {
  if (HIBP_URL === undefined) return NODE_ENV === 'test' ? null : pwnedPasswords;
  return HIBP_URL === 'off' ? null : HIBP_URL;
}

function firstAdmin({ ADMIN_EMAIL: email, ADMIN_PASSWORD: password, ADMIN_USERNAME: name }: Values): Config['firstAdmin'] {
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

/** Where this user's programs keep their configuration, with no administrator asked. */
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
