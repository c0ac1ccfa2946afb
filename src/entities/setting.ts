import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';

/** What says where the database is. */
export enum ConnectionSource {
  ENVIRONMENT = 'environment',
  SAVED = 'saved',
  EMBEDDED = 'embedded',
}

registerEnumType(ConnectionSource, {
  name: 'ConnectionSource',
  description: 'What says where the database is.',
  valuesConfig: {
    ENVIRONMENT: { description: 'DATABASE_URL, which comes before anything saved.' },
    SAVED: { description: 'What was saved by `saveConnection`.' },
    EMBEDDED: { description: 'Nothing: the database is embedded in the service.' },
  },
});

/** How an attempt to connect, or to save a connection, ended. */
export enum ConnectionStatus {
  OK = 'ok',
  SAVED = 'saved',
  FAILED = 'failed',
}

registerEnumType(ConnectionStatus, {
  name: 'ConnectionStatus',
  description: 'How it ended.',
  valuesConfig: {
    OK: { description: 'It works. Nothing was saved.' },
    SAVED: { description: 'It works and was saved; the service is there now.' },
    FAILED: { description: 'It does not work, and everything is as it was.' },
  },
});

/** Why a connection failed. */
export enum ConnectionFailure {
  REFUSED = 'refused',
  UNREACHABLE = 'unreachable',
  TIMEOUT = 'timeout',
  AUTHENTICATION = 'authentication',
  UNKNOWN_DATABASE = 'unknown_database',
  TLS = 'tls',
  NOT_POSTGRESQL = 'not_postgresql',
  NOT_ALLOWED = 'not_allowed',
  OTHER_KEYRING = 'other_keyring',
  ENCODING = 'encoding',
  PRIVILEGES = 'privileges',
}

/** What each of them means, in a sentence. */
export const meaningOf: Readonly<Record<ConnectionFailure, string>> = {
  [ConnectionFailure.REFUSED]: 'The host is there, and nothing listens at that port.',
  [ConnectionFailure.UNREACHABLE]: 'There is no such host, no way to it, or it cannot take a connection now.',
  [ConnectionFailure.TIMEOUT]: 'Nothing answered in time.',
  [ConnectionFailure.AUTHENTICATION]: 'The server does not accept the user or the password.',
  [ConnectionFailure.UNKNOWN_DATABASE]: 'The server has no database of that name.',
  [ConnectionFailure.TLS]: 'No encrypted connection came about: the server has none, or its certificate is not trusted.',
  [ConnectionFailure.NOT_POSTGRESQL]: 'Something answered that is not PostgreSQL.',
  [ConnectionFailure.NOT_ALLOWED]: 'The address is one that is never connected to.',
  [ConnectionFailure.ENCODING]: 'The encoding of the database is not UTF8, so that it cannot store every character.',
  [ConnectionFailure.PRIVILEGES]: 'The user may not make the tables, or not work with them.',
  [ConnectionFailure.OTHER_KEYRING]: 'The database was used with other system keys than this service has.',
};

registerEnumType(ConnectionFailure, {
  name: 'ConnectionFailure',
  description: 'Why a connection failed.',
  valuesConfig: Object.fromEntries(Object.entries(ConnectionFailure).map(([name, reason]) => [name, { description: meaningOf[reason] }])),
});

/** Where a database server is, and as whom to work there. The password is a secret: no message or log shows it. */
export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly username: string;
  readonly password: string;
  readonly ssl: boolean;
}

@ObjectType({ description: 'Where the database is; never the password.' })
export class ConnectionSettings {
  @Field(() => ConnectionSource, { description: 'What says so.' })
  source!: ConnectionSource;

  @Field(() => String, { nullable: true, description: 'The host; none where the database is embedded.' })
  host!: string | null;

  @Field(() => Int, { nullable: true, description: 'The port.' })
  port!: number | null;

  @Field(() => String, { nullable: true, description: 'The name of the database.' })
  database!: string | null;

  @Field(() => String, { nullable: true, description: 'The user as whom the service works there.' })
  username!: string | null;

  @Field(() => String, { nullable: true, description: 'The version of PostgreSQL; unknown while it does not answer.' })
  serverVersion!: string | null;

  @Field(() => Boolean, { description: 'Whether it answers.' })
  isReady!: boolean;
}

@ObjectType({ description: 'How this instance is set up.' })
export class Settings {
  @Field(() => ConnectionSettings, { description: 'Where its database is.' })
  connection!: ConnectionSettings;

  @Field(() => String, { description: 'The directory in which it keeps its keys and what is saved.' })
  configDirectory!: string;

  @Field(() => Boolean, { description: 'Whether a mail server is configured.' })
  mailConfigured!: boolean;

  @Field(() => String, { description: 'The version of the service.' })
  version!: string;
}

@ObjectType({ description: 'What became of an attempt to connect. A wrong host is an expected answer, not an error.' })
export class ConnectionTest {
  @Field(() => ConnectionStatus, { description: 'OK or FAILED.' })
  status!: ConnectionStatus;

  @Field(() => ConnectionFailure, { nullable: true, description: 'Why it failed.' })
  reason!: ConnectionFailure | null;

  @Field(() => String, { nullable: true, description: '`Connection failed: <reason>` where it failed.' })
  message!: string | null;

  @Field(() => String, { nullable: true, description: 'The version of PostgreSQL.' })
  serverVersion!: string | null;

  @Field(() => Boolean, { nullable: true, description: 'Whether the database has an owner: whether an instance was set up on it.' })
  hasOwner!: boolean | null;

  @Field(() => Int, { nullable: true, description: 'How long the server took to answer, in milliseconds.' })
  latencyMs!: number | null;
}

@ObjectType({ description: 'What became of a connection that was to be saved.' })
export class ConnectionSaved {
  @Field(() => ConnectionStatus, { description: 'SAVED or FAILED.' })
  status!: ConnectionStatus;

  @Field(() => ConnectionFailure, { nullable: true, description: 'Why it failed.' })
  reason!: ConnectionFailure | null;

  @Field(() => String, { nullable: true, description: '`Connection failed: <reason>` where it failed.' })
  message!: string | null;

  @Field(() => ConnectionSettings, { description: 'Where the database is from now on; as before where it failed.' })
  connection!: ConnectionSettings;
}
