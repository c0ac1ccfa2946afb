import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';

/** The source of the database connection. */
export enum ConnectionSource {
  ENVIRONMENT = 'environment',
  SAVED = 'saved',
  EMBEDDED = 'embedded',
}

registerEnumType(ConnectionSource, {
  name: 'ConnectionSource',
  description: 'The source of the database connection.',
  valuesConfig: {
    ENVIRONMENT: { description: 'The `DATABASE_URL` environment variable. It overrides a saved connection.' },
    SAVED: { description: 'A connection saved by `saveConnection`.' },
    EMBEDDED: { description: 'No connection is configured. The service uses its embedded database.' },
  },
});

/** The result of testing or saving a connection. */
export enum ConnectionStatus {
  OK = 'ok',
  SAVED = 'saved',
  FAILED = 'failed',
}

registerEnumType(ConnectionStatus, {
  name: 'ConnectionStatus',
  description: 'The result of a connection attempt.',
  valuesConfig: {
    OK: { description: 'The connection works. Nothing was saved.' },
    SAVED: { description: 'The connection works, was saved, and is in use.' },
    FAILED: { description: 'The connection does not work. Nothing was changed.' },
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

/** The meaning of each failure in a sentence. */
export const meaningOf: Readonly<Record<ConnectionFailure, string>> = {
  [ConnectionFailure.REFUSED]: 'The host refused the connection: no server listens on this port.',
  [ConnectionFailure.UNREACHABLE]: 'The host does not exist, is unreachable, or accepts no more connections.',
  [ConnectionFailure.TIMEOUT]: 'The server did not respond in time.',
  [ConnectionFailure.AUTHENTICATION]: 'The server rejected the user name or the password.',
  [ConnectionFailure.UNKNOWN_DATABASE]: 'The server has no database with this name.',
  [ConnectionFailure.TLS]: 'TLS failed: the server does not support it, or its certificate is not trusted.',
  [ConnectionFailure.NOT_POSTGRESQL]: 'The server is not a PostgreSQL server.',
  [ConnectionFailure.NOT_ALLOWED]: 'The address is blocked, for example a link-local address.',
  [ConnectionFailure.ENCODING]: 'The database does not use the UTF8 encoding.',
  [ConnectionFailure.PRIVILEGES]: 'The database user may not create or use the tables.',
  [ConnectionFailure.OTHER_KEYRING]: 'The database was used with system keys that this service does not have.',
};

registerEnumType(ConnectionFailure, {
  name: 'ConnectionFailure',
  description: 'The reason for a failed connection.',
  valuesConfig: Object.fromEntries(
    Object.entries(ConnectionFailure).map(([name, reason]) => [name, { description: meaningOf[reason] }]),
  ),
});

/** The address and the credentials of a database server. The password is secret: no message or log shows it. */
export interface DatabaseConnection {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly username: string;
  readonly password: string;
  readonly ssl: boolean;
}

@ObjectType({ description: 'The database connection, without its password.' })
export class ConnectionSettings {
  @Field(() => ConnectionSource, { description: 'The source of the connection.' })
  source!: ConnectionSource;

  @Field(() => String, { nullable: true, description: 'The host. Null for the embedded database.' })
  host!: string | null;

  @Field(() => Int, { nullable: true, description: 'The port. Null for the embedded database.' })
  port!: number | null;

  @Field(() => String, { nullable: true, description: 'The name of the database. Null for the embedded database.' })
  database!: string | null;

  @Field(() => String, { nullable: true, description: 'The database user. Null for the embedded database.' })
  username!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The PostgreSQL version. Null while the database does not respond.',
  })
  serverVersion!: string | null;

  @Field(() => Boolean, { description: 'Whether the database responds.' })
  isReady!: boolean;
}

@ObjectType({ description: 'The settings of this instance.' })
export class Settings {
  @Field(() => ConnectionSettings, { description: 'The database connection.' })
  connection!: ConnectionSettings;

  @Field(() => String, { description: 'The path of the directory for keys and saved settings.' })
  configDirectory!: string;

  @Field(() => Boolean, { description: 'Whether a mail server is configured.' })
  mailConfigured!: boolean;

  @Field(() => String, { description: 'The version of the service.' })
  version!: string;
}

@ObjectType({
  description: 'The result of a connection test. A failed connection is a normal result, not a GraphQL error.',
})
export class ConnectionTest {
  @Field(() => ConnectionStatus, { description: 'The result: OK or FAILED.' })
  status!: ConnectionStatus;

  @Field(() => ConnectionFailure, {
    nullable: true,
    description: 'The reason for the failure. Null if the connection works.',
  })
  reason!: ConnectionFailure | null;

  @Field(() => String, {
    nullable: true,
    description: 'The message `Connection failed: <reason>`. Null if the connection works.',
  })
  message!: string | null;

  @Field(() => String, { nullable: true, description: 'The PostgreSQL version. Null if the connection failed.' })
  serverVersion!: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether the database already has an owner account. Null if the connection failed.',
  })
  hasOwner!: boolean | null;

  @Field(() => Int, {
    nullable: true,
    description: 'The response time of the server in milliseconds. Null if the connection failed.',
  })
  latencyMs!: number | null;
}

@ObjectType({ description: 'The result of saving a connection.' })
export class ConnectionSaved {
  @Field(() => ConnectionStatus, { description: 'The result: SAVED or FAILED.' })
  status!: ConnectionStatus;

  @Field(() => ConnectionFailure, {
    nullable: true,
    description: 'The reason for the failure. Null if the connection was saved.',
  })
  reason!: ConnectionFailure | null;

  @Field(() => String, {
    nullable: true,
    description: 'The message `Connection failed: <reason>`. Null if the connection was saved.',
  })
  message!: string | null;

  @Field(() => ConnectionSettings, {
    description: 'The connection in use: the new one if it was saved, otherwise the previous one.',
  })
  connection!: ConnectionSettings;
}
