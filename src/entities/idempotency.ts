import { Entity, Index, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';

/** Records that a request with an `idempotency-key` created something, so that a retry does not create it again. */
@Entity({ tableName: 'idempotency_keys' })
@Index({ properties: ['expiresAt'] })
export class IdempotencyKey {
  /** A hash of the user and the key: the same key from two users gives two rows. */
  @PrimaryKey({ type: 'string', length: 64, collation: 'C' })
  key: string;

  /** A MAC of the request's field and arguments, so that they are not stored: the name of the key, a dot, the MAC. */
  @Property({ type: 'string', length: 100, collation: 'C' })
  digest: string;

  /** The created record. Null until the transaction that claims the key has created it. */
  @Property({ type: 'uuid', nullable: true })
  recordId: string | null = null;

  /** When the key expires. Afterwards, the key can be used again. */
  @Property({ type: 'datetime', length: 3 })
  expiresAt: Date;

  constructor(facts: { key: string; digest: string; expiresAt: Date }) {
    this.key = facts.key;
    this.digest = facts.digest;
    this.expiresAt = facts.expiresAt;
  }
}
