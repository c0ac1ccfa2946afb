import { ConnectionFailure, meaningOf } from '../../entities/setting.ts';
import { causesOf } from '../../errors.ts';

const { REFUSED, UNREACHABLE, TIMEOUT, AUTHENTICATION, UNKNOWN_DATABASE, TLS, NOT_POSTGRESQL } = ConnectionFailure;
const { NOT_ALLOWED, OTHER_KEYRING, ENCODING, PRIVILEGES } = ConnectionFailure;

/** The failure for each error code of PostgreSQL or the system. The first match applies. */
const byCode: readonly (readonly [RegExp, ConnectionFailure])[] = [
  [/^FOREIGN_KEYRING$/, OTHER_KEYRING],
  [/^FORBIDDEN_ADDRESS$/, NOT_ALLOWED],
  [/^ENCODING_NOT_UTF8$/, ENCODING],
  [/^42501$/, PRIVILEGES],
  [/^ECONNREFUSED$/, REFUSED],
  [/^ETIMEDOUT$/, TIMEOUT],
  [/^(ENOTFOUND|EAI_\w+|E(HOST|NET)(UNREACH|DOWN)|EADDRNOTAVAIL|EACCES|EPERM|EINVAL)$/, UNREACHABLE],
  [/^28\w{3}$/, AUTHENTICATION],
  [/^3D000$/, UNKNOWN_DATABASE],
  [/^(ERR_TLS_\w+|ERR_SSL_\w+|EPROTO|CERT_\w+|DEPTH_ZERO_\w+|SELF_SIGNED_\w+|UNABLE_TO_\w+|HOSTNAME_MISMATCH)$/, TLS],
  [/^(53|57|08|25|58)\w{3}$/, UNREACHABLE],
];

/** The failure for driver errors without a code. */
const byText: readonly (readonly [RegExp, ConnectionFailure])[] = [
  [/SSL connection|TLS connection/, TLS],
  [/SASL|[Pp]assword|authenticat/, AUTHENTICATION],
  [/^connect ENOENT/, UNREACHABLE],
  [/^timeout e|connection timeout|terminated due to/, TIMEOUT],
];

/** Returns the public reason of a failed connection. Null if the error has another reason. */
export function failureOf(error: unknown): ConnectionFailure | null {
  for (const each of causesOf(error)) {
    const known = lookedUp(each);
    if (known !== null) return known;
  }
  return null;
}

/** Formats the reason as a message. */
export const messageOf = (reason: ConnectionFailure): string => `Connection failed: ${reason.toUpperCase()}`;

/** Formats the reason and its meaning for an operator. */
export const explain = (reason: ConnectionFailure): string => `${messageOf(reason)}. ${meaningOf[reason]}`;

function lookedUp(error: Error): ConnectionFailure | null {
  const { code } = error as NodeJS.ErrnoException;
  // each address of a name failed with its own error
  const { errors } = error as AggregateError;
  if (Array.isArray(errors)) return failureOf(errors[0]);
  const coded = typeof code === 'string' ? byCode.find(([form]) => form.test(code)) : undefined;
  const found = coded ?? byText.find(([form]) => form.test(error.message));
  if (found) return found[1];
  return code === 'ECONNRESET' || error.message.startsWith('Connection terminated') ? NOT_POSTGRESQL : null;
}
