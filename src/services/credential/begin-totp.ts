import { toString as drawn } from 'qrcode';
import { Field, ObjectType } from 'type-graphql';
import { v7 as uuidv7 } from 'uuid';
import { conflict } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { seal } from '../crypto/seal.ts';
import { mintSeed, otpauthUri, seedText } from '../crypto/totp.ts';
import { accountOf } from '../proof/password-attempt.ts';
import { seedPurpose } from '../proof/second-factor.ts';
import type { Scope } from '../scope.ts';

@ObjectType({ description: 'The data to set up a second factor in an authenticator app. It is shown only once.' })
export class TotpEnrollment {
  @Field(() => String, { description: 'The secret for manual entry.' })
  secret: string;

  @Field(() => String, { description: 'The secret as an `otpauth:` URI.' })
  otpauthUri: string;

  @Field(() => String, { description: 'The secret as a QR code: an SVG image in a data URI.' })
  qrCode: string;

  constructor(secret: string, uri: string, qrCode: string) {
    this.secret = secret;
    this.otpauthUri = uri;
    this.qrCode = qrCode;
  }
}

/**
 * Starts the enrollment of a second factor with a new seed, and discards an unconfirmed one. The factor takes effect
 * only after a right code.
 * @throws CONFLICT if there is a second factor; UNAUTHENTICATED if the caller is not signed in.
 */
export async function beginTotp(scope: Scope): Promise<TotpEnrollment> {
  const { userId } = accountOf(scope.viewer);
  const seed = mintSeed();
  try {
    const sealed = seal(scope.keyring, seedPurpose, [userId], seed);
    const username = await scope.transaction(async (tx) => {
      const stored = await store(tx, scope.now(), userId, sealed);
      if (stored !== null) recordChange(tx, { action: 'begin_totp', targetType: 'User', targetId: userId });
      return stored;
    });
    if (username === null) throw conflict('The account already has a second factor. Remove it first.');
    const uri = otpauthUri(seed, { issuer: 'Unionhall', label: username });
    return new TotpEnrollment(seedText(seed), uri, await qrCode(uri));
  } finally {
    seed.fill(0);
  }
}

/** Stores the seed unless one was confirmed. @returns the user's name for the authenticator to show. */
async function store(scope: Scope, at: Date, userId: string, sealed: string): Promise<string | null> {
  const [stored] = await scope.em.execute<{ username: string }[]>(
    `insert into totp_credentials as held (id, created_at, updated_at, user_id, sealed_seed, failed_attempts) values (?, ?, ?, ?, ?, 0)
     on conflict (user_id) do update
     set id = excluded.id, created_at = excluded.created_at, updated_at = excluded.updated_at, sealed_seed = excluded.sealed_seed,
       last_step = null, failed_attempts = 0, locked_until = null
     where held.confirmed_at is null
     returning (select username from users where users.id = user_id) as username`,
    [uuidv7(), at, at, userId, sealed],
  );
  return stored?.username ?? null;
}

async function qrCode(uri: string): Promise<string> {
  const svg = await drawn(uri, { type: 'svg', errorCorrectionLevel: 'M' });
  return `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`;
}
