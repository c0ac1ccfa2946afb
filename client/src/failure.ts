/** An invalid input: its path, beginning with the argument (`input.roleIds[1]`), and what is wrong with it. */
export interface FieldProblem {
  readonly path: string;
  readonly message: string;
}

interface Said {
  /** A sentence for users. */
  readonly message: string;
  /** Identifies the request in the service's log. */
  readonly requestId: string;
}

/** Why a request was refused. `code` identifies the reason and the additional properties. */
export type Failure =
  | (Said & { readonly code: 'UNAUTHENTICATED' })
  | (Said & { readonly code: 'BAD_CREDENTIALS' })
  | (Said & { readonly code: 'STEP_UP_REQUIRED' })
  | (Said & { readonly code: 'PASSWORD_CHANGE_REQUIRED' })
  | (Said & { readonly code: 'SECOND_FACTOR_ENROLLMENT_REQUIRED' })
  | (Said & { readonly code: 'FORBIDDEN' })
  | (Said & { readonly code: 'NOT_FOUND' })
  | (Said & { readonly code: 'BAD_INPUT'; readonly fields: readonly FieldProblem[] })
  | (Said & { readonly code: 'CONFLICT'; readonly state: string | null; readonly allowedActions: readonly string[] })
  | (Said & { readonly code: 'VAULT_LOCKED' })
  | (Said & { readonly code: 'RATE_LIMITED'; readonly retryAfter: number })
  | (Said & { readonly code: 'PERSISTED_QUERY_NOT_FOUND' })
  | (Said & { readonly code: 'UNTRUSTED_DOCUMENT' })
  | (Said & { readonly code: 'TOO_COMPLEX' })
  | (Said & { readonly code: 'UNAVAILABLE'; readonly retryAfter: number })
  | (Said & { readonly code: 'INTERNAL' })
  /**
   * Set by the client itself: no response came, so it is unknown whether anything was done. You can send the same key
   * again.
   */
  | { readonly code: 'UNREACHABLE'; readonly message: string; readonly idempotencyKey: string | null };

export type FailureCode = Failure['code'];

/** The result of an operation, or the reason for its failure. */
export type Result<Data> = { readonly ok: true; readonly data: Data } | Refused<Data>;

export interface Refused<Data> {
  readonly ok: false;
  readonly failure: Failure;
  readonly failures: readonly Failure[];
  /** The other data of a query in which a field failed. */
  readonly data: Data | null;
  /** The completed fields of a mutation before the one that failed. Null if there are none. */
  readonly completed: Partial<Data> | null;
}

/** An error in a GraphQL response. */
export interface PublicError {
  readonly message: string;
  readonly extensions?: Readonly<Record<string, unknown>>;
}

const plain = [
  'UNAUTHENTICATED',
  'BAD_CREDENTIALS',
  'STEP_UP_REQUIRED',
  'PASSWORD_CHANGE_REQUIRED',
  'SECOND_FACTOR_ENROLLMENT_REQUIRED',
  'FORBIDDEN',
  'NOT_FOUND',
  'VAULT_LOCKED',
  'PERSISTED_QUERY_NOT_FOUND',
  'UNTRUSTED_DOCUMENT',
  'TOO_COMPLEX',
  'INTERNAL',
] as const;

/** Converts an error of the service. An unknown code becomes INTERNAL. */
export function failureOf({ message, extensions = {} }: PublicError): Failure {
  const said: Said = { message, requestId: typeof extensions['requestId'] === 'string' ? extensions['requestId'] : '' };
  const { code } = extensions;
  switch (code) {
    case 'BAD_INPUT':
      return { ...said, code, fields: listOf<FieldProblem>(extensions['fields']) };
    case 'CONFLICT':
      return {
        ...said,
        code,
        state: typeof extensions['state'] === 'string' ? extensions['state'] : null,
        allowedActions: listOf<string>(extensions['allowedActions']),
      };
    case 'RATE_LIMITED':
    case 'UNAVAILABLE':
      return { ...said, code, retryAfter: typeof extensions['retryAfter'] === 'number' ? extensions['retryAfter'] : 1 };
    default:
      return { ...said, code: plain.find((each) => each === code) ?? 'INTERNAL' };
  }
}

const listOf = <Item>(value: unknown): readonly Item[] => (Array.isArray(value) ? (value as Item[]) : []);
