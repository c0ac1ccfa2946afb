import { Entity, Index, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';

/** That a request which came with an `idempotency-key` made something, so that its retry does not make it again. */
@Entity({ tableName: 'idempotency_keys' })
@Index({ properties: ['expiresAt'] })
export class IdempotencyKey {
  /** A hash of whose key it is and of the key: the same key of two users is two. */
  @PrimaryKey({ type: 'string', length: 64, collation: 'C' })
  key: string;

  /** A code made of what was asked for, so that nothing of it is stored: the name of the key it was made with, a dot, the code. */
  @Property({ type: 'string', length: 100, collation: 'C' })
  digest: string;

  /** The record that is answered. Null for the rest of the transaction that takes the key, until the record is made. */
  @Property({ type: 'uuid', nullable: true })
  recordId: string | null = null;

  /** From when on the key counts as one that never came. */
  @Property({ type: 'datetime', length: 3 })
  expiresAt: Date;

  constructor(facts: { key: string; digest: string; expiresAt: Date }) {
    this.key = facts.key;
    this.digest = facts.digest;
    this.expiresAt = facts.expiresAt;
  }
}
