import { Field, InputType, Int } from 'type-graphql';
import type { DatabaseConnection } from '../../entities/setting.ts';
import type { FieldProblem } from '../../errors.ts';
import { assertNoProblems } from '../record/index.ts';

@InputType({ description: 'A connection to a PostgreSQL server.' })
export class ConnectionInput {
  @Field(() => String, { description: 'The host name or IP address of the server. Link-local addresses are refused.' })
  host!: string;

  @Field(() => Int, { defaultValue: 5432, description: 'The port of the server.' })
  port!: number;

  @Field(() => String, { description: 'The name of the database.' })
  database!: string;

  @Field(() => String, { description: 'The database user.' })
  username!: string;

  @Field(() => String, { description: 'The password. It is stored in encrypted form and never returned.' })
  password!: string;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description: 'Whether the connection requires TLS with a certificate that the service trusts.',
  })
  ssl?: boolean | null;
}

/** @throws BAD_INPUT with each invalid field. */
export function readConnection(input: ConnectionInput): DatabaseConnection {
  const { port, password, ssl } = input;
  const [host, database, username] = [input.host.trim(), input.database.trim(), input.username.trim()];
  const problems: FieldProblem[] = [];
  if (!/^[A-Za-z0-9._:-]{1,253}$/.test(host))
    problems.push({ path: 'host', message: 'must be a host name or IP address' });
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    problems.push({ path: 'port', message: 'must be from 1 to 65535' });
  for (const [path, text, most] of [
    ['database', database, 63],
    ['username', username, 63],
    ['password', password, 1000],
  ] as const)
    if (text === '' || text.length > most || text.includes('\0'))
      problems.push({ path, message: `must have 1 to ${most} characters` });
  assertNoProblems(problems);
  return { host, port, database, username, password, ssl: ssl ?? false };
}

/** Converts the connection to a URL. With TLS, verifies the server's certificate against the host. */
export function urlOf({ host, port, database, username, password, ssl }: DatabaseConnection): string {
  const place = `${host.includes(':') ? `[${host}]` : host}:${port}/${encodeURIComponent(database)}`;
  return `postgres://${encodeURIComponent(username)}:${encodeURIComponent(password)}@${place}${ssl ? '?sslmode=verify-full' : ''}`;
}
