/** A deliberate fault: a text in a source file, its replacement, and the tests that must fail. */
export interface Fault {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** Words in the paths of tests. Ignored when all tests run. */
  readonly tests: readonly string[];
}

export const faults: readonly Fault[] = [
  {
    name: 'an access token lasts for ever once it was verified',
    file: 'src/services/crypto/jwt.ts',
    from: 'if (known && !isTimely(known, this.terms, now)) return null;',
    to: '',
    tests: ['crypto/jwt'],
  },
  {
    name: 'the MAC of a sealed value is not compared',
    file: 'src/services/crypto/fernet.ts',
    from: 'if (!timingSafeEqual(sign(key, signed), bytes.subarray(-macLength))) throw new FernetError();',
    to: '',
    tests: ['crypto/fernet'],
  },
  {
    name: 'a TOTP code can be used twice',
    file: 'src/services/crypto/totp.ts',
    from: 'if (isCode && step > (lastStep ?? -1)) accepted = step;',
    to: 'if (isCode) accepted = step;',
    tests: ['crypto/totp'],
  },
  {
    name: 'the queue of the password hasher has no end',
    file: 'src/services/crypto/hasher.ts',
    from: 'if (this.#inside >= this.#limits.concurrent + this.#limits.waiting)',
    to: 'if (this.#inside < 0)',
    tests: ['crypto/hasher'],
  },
  {
    name: 'a password may be one character shorter than the policy says',
    file: 'src/services/crypto/policy.ts',
    from: 'if (length < minLength)',
    to: 'if (length < minLength - 1)',
    tests: ['crypto/policy'],
  },
  {
    name: 'members may file grievances',
    file: 'src/permissions/grievance.ts',
    from: '  file: { any: handling },',
    to: '  file: { any: [...handling, MEMBER] },',
    tests: ['rights/matrix'],
  },
  {
    name: 'members see the grievances of others',
    file: 'src/permissions/grievance.ts',
    from: "{ to: [MEMBER], which: 'their own grievances', rows: (row) => `${row}.member_id = :member`, see: ['case'] },",
    to: "{ to: [MEMBER], which: 'their own grievances', rows: (row) => `${row}.member_id is not null and :member is not null`, see: ['case'] },",
    tests: ['rights/matrix', 'rights/filter'],
  },
  {
    name: 'instructors see the addresses of members',
    file: 'src/permissions/member.ts',
    from: "{ to: [INSTRUCTOR], ...everyRow, see: ['identity'] },",
    to: "{ to: [INSTRUCTOR], ...everyRow, see: ['identity', 'record'] },",
    tests: ['rights/matrix'],
  },
  {
    name: 'secrets are listed for those who were given no access',
    file: 'src/permissions/vault.ts',
    from: "const whereGranted = () => 'exists (select 1 from vault_grants g where g.user_id = :user)';",
    to: "const whereGranted = () => ':user is not null';",
    tests: ['test/vault.test'],
  },
  {
    name: 'a record is changed from a version that is out of date',
    file: 'src/services/record/index.ts',
    from: "  if (looked != null && looked !== version)\n    throw conflict('The record has changed since that version. Read it again.', 'CHANGED', []);\n",
    to: '',
    tests: ['test/version'],
  },
  {
    name: 'wrong passwords are not counted at the account',
    file: 'src/services/proof/password-attempt.ts',
    from: "const attempts = 'case when locked_until is null then failed_login_attempts else 0 end + 1';",
    to: "const attempts = 'case when locked_until is null then 0 else 0 end + 1';",
    tests: ['test/session.test'],
  },
  {
    name: 'a stolen refresh token does not end the session',
    file: 'src/services/session/refresh.ts',
    from: 'if (claims.counter < session.refresh_counter) await endStolen(tx, session);',
    to: '',
    tests: ['test/session.test'],
  },
  {
    name: 'a reset of the password leaves the account locked',
    file: 'src/services/account/reset-password.ts',
    from: 'set failed_login_attempts = 0, locked_until = null where',
    to: 'set failed_login_attempts = 0 where',
    tests: ['test/account.test'],
  },
  {
    name: 'a rate limit gives one turn more',
    file: 'src/services/limit.ts',
    from: '[name, code, limit.turns],',
    to: '[name, code, limit.turns + 1],',
    tests: ['test/limit'],
  },
  {
    name: 'an idempotency key is taken for another request',
    file: 'src/services/idempotency.ts',
    from: 'const isSame = held !== undefined && keyring.has(kid) && held.digest === digestOf(asked, key, keyring, kid);',
    to: 'const isSame = held !== undefined && keyring.has(kid) && digestOf(asked, key, keyring, kid) !== null;',
    tests: ['test/idempotency.test'],
  },
  {
    name: 'a seal of the audit chain does not cover the one before',
    file: 'src/services/audit/chain.ts',
    from: "frame('audit-seal-v1', sequence + 1, eventId, mac, hash)",
    to: "frame('audit-seal-v1', sequence + 1, eventId, mac, hash === null ? null : '')",
    tests: ['test/audit.chain'],
  },
  {
    name: 'a cursor of one order is taken for another',
    file: 'src/reading/cursor.ts',
    from: 'if (property !== order.property || direction !== order.direction)',
    to: 'if (!property)',
    tests: ['test/endpoint'],
  },
  {
    name: 'the refresh cookie can be read by scripts',
    file: 'src/http/incoming.ts',
    from: 'httpOnly: true',
    to: 'httpOnly: false',
    tests: ['test/cookie'],
  },
  {
    name: 'a browser may be made to send requests by another site',
    file: 'src/http/index.ts',
    from: 'csrfPrevention: true,',
    to: 'csrfPrevention: false,',
    tests: ['test/endpoint', 'test/protocol'],
  },
  {
    name: 'answers may be kept by caches',
    file: 'src/http/index.ts',
    from: "'cache-control': 'no-store', ",
    to: '',
    tests: ['test/endpoint', 'test/protocol'],
  },
];
