import { Check, Entity, ManyToOne, OneToOne, Property, Unique } from '@mikro-orm/decorators/legacy';
import type { Ref } from '@mikro-orm/core';
import { Dated } from './record.ts';
import { User } from './user.ts';

/** A user's second factor: the encrypted seed, and the last accepted time step, so that no code is accepted twice. */
@Entity({ tableName: 'totp_credentials' })
@Check({ name: 'totp_credentials_failed_attempts_not_negative', expression: 'failed_attempts >= 0' })
export class TotpCredential extends Dated {
  @OneToOne({ entity: () => User, ref: true, owner: true, deleteRule: 'cascade' })
  user: Ref<User>;

  /** The encrypted seed with the names of its scheme and key. */
  @Property({ type: 'text' })
  sealedSeed: string;

  @Property({ type: 'datetime', length: 3, nullable: true })
  confirmedAt: Date | null = null;

  @Property({ type: 'integer', nullable: true })
  lastStep: number | null = null;

  @Property({ type: 'integer' })
  failedAttempts: number = 0;

  @Property({ type: 'datetime', length: 3, nullable: true })
  lockedUntil: Date | null = null;

  constructor(facts: { user: Ref<User>; sealedSeed: string }) {
    super();
    this.user = facts.user;
    this.sealedSeed = facts.sealedSeed;
  }
}

/** One of ten single-use codes that replace the second factor. All codes of a batch share one salt. */
@Entity({ tableName: 'backup_codes' })
@Unique({ properties: ['user', 'codeHash'] })
export class BackupCode extends Dated {
  @ManyToOne({ entity: () => User, ref: true, deleteRule: 'cascade' })
  user: Ref<User>;

  @Property({ type: 'string', length: 500 })
  codeHash: string;

  @Property({ type: 'datetime', length: 3, nullable: true })
  usedAt: Date | null = null;

  constructor(facts: { user: Ref<User>; codeHash: string }) {
    super();
    this.user = facts.user;
    this.codeHash = facts.codeHash;
  }
}
