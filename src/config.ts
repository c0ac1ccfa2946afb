import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';

const seconds = (fallback: number, most = 365 * 86_400) => z.coerce.number().int().min(1).max(most).default(fallback);
const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter(Boolean),
  );
const flag = z.enum(['0', '1']).transform((text) => text === '1');

/** Every environment variable the service reads: its form, its default, what it means. `.env.example` is held against this. */
export const variables = {
  NODE_ENV: z
    .enum(['development', 'test', 'production'])
    .default('development')
    .describe('Development seeds the embedded database, offers the playground and explains errors; production does none of it.'),
  HOST: z.string().min(1).default('127.0.0.1').describe('The address to listen on; 0.0.0.0 for every one.'),
  PORT: z.coerce.number().int().min(0).max(65_535).default(4000).describe('The port to listen on; 0 for any free one.'),
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .describe('A PostgreSQL server, postgres://user:password@host:5432/database. Without it, the embedded one is used.'),
  DATABASE_POOL_SIZE: z.coerce.number().int().min(1).max(500).default(10).describe('Connections to a PostgreSQL server.'),
  SEED: flag.default(false).describe('1 seeds a PostgreSQL server at start while it is empty. Never in production.'),
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
  ACCESS_TOKEN_TTL: seconds(1800, 86_400).describe('Seconds an access token works.'),
  REFRESH_GRACE: z.coerce
    .number()
    .int()
    .min(0)
    .max(60)
    .default(10)
    .describe('Seconds in which the refresh token just replaced is answered with the same successor.'),
  SESSION_MAX_AGE: seconds(30 * 86_400).describe('Seconds after which a session ends, however busy.'),
  SESSION_IDLE_AGE: seconds(7 * 86_400).describe('Seconds after which an unused session ends.'),
  REUSE_ENDS: z.enum(['session', 'user']).default('session').describe("What an old refresh token ends: its session, or all of the user's."),
  LOGIN_ATTEMPTS: z.coerce.number().int().min(1).max(100).default(5).describe('Wrong passwords until a user is locked.'),
  LOGIN_LOCK: seconds(1800).describe('Seconds a lock lasts.'),
  ARGON2_MEMORY: z.coerce.number().int().min(19_456).max(262_144).default(19_456).describe('KiB of memory one password hash takes.'),
  ARGON2_TIME: z.coerce.number().int().min(2).max(20).default(2).describe('Passes over that memory.'),
  PLAYGROUND: flag.optional().describe('1 offers the playground, 0 does not. By default it is offered outside production.'),
  CORS_ORIGINS: list.describe('Origins of browser clients, comma-separated; none by default.'),
  TRUSTED_PROXIES: list.describe('Addresses or networks of proxies whose X-Forwarded-For is believed, comma-separated.'),
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
  readonly seedWhenEmpty: boolean;
  readonly dataDirectory: string;
  readonly configDirectory: string;
  readonly keys: string | null;
  /** Whether a keyring may be made where there is none. */
  readonly mayMakeKeys: boolean;
  readonly timeZone: string;
  readonly offersPlayground: boolean;
  readonly corsOrigins: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly logLevel: Values['LOG_LEVEL'];
  readonly passwordCost: { readonly memory: number; readonly time: number };
  readonly sessions: SessionConfig;
}

/** All in seconds, but for the attempts. */
export interface SessionConfig {
  readonly accessTokenTtl: number;
  readonly refreshGrace: number;
  readonly maxAge: number;
  readonly idleAge: number;
  readonly reuseEnds: 'session' | 'user';
  readonly loginAttempts: number;
  readonly loginLock: number;
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
  const { success, data, error } = z.object(variables).safeParse(given);
  if (!success) throw new ConfigError(error.issues.map(({ path, code, message }) => `${path.join('.')} ${problem(code, message)}`));
  if (data.NODE_ENV === 'production' && data.SEED)
    throw new ConfigError(['SEED must not be set in production: seeded accounts have known passwords']);
  return freeze(toConfig(data));
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
    seedWhenEmpty: values.SEED,
    dataDirectory: resolve(values.UNIONHALL_DATA_DIR),
    configDirectory: values.UNIONHALL_CONFIG_DIR ? resolve(values.UNIONHALL_CONFIG_DIR) : userDirectory(),
    keys: values.UNIONHALL_KEYS ?? null,
    mayMakeKeys: !isProduction || values.UNIONHALL_CONFIG_DIR !== undefined,
    timeZone: values.UNIONHALL_TIME_ZONE,
    offersPlayground: values.PLAYGROUND ?? !isProduction,
    corsOrigins: values.CORS_ORIGINS,
    trustedProxies: values.TRUSTED_PROXIES,
    logLevel: values.LOG_LEVEL,
    passwordCost: { memory: values.ARGON2_MEMORY, time: values.ARGON2_TIME },
    sessions: {
      accessTokenTtl: values.ACCESS_TOKEN_TTL,
      refreshGrace: values.REFRESH_GRACE,
      maxAge: values.SESSION_MAX_AGE,
      idleAge: values.SESSION_IDLE_AGE,
      reuseEnds: values.REUSE_ENDS,
      loginAttempts: values.LOGIN_ATTEMPTS,
      loginLock: values.LOGIN_LOCK,
    },
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
