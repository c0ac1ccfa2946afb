import { Entity, Index, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';

/** The recent attempts that one caller made at a rate-limited operation. */
@Entity({ tableName: 'rate_limits' })
@Index({ properties: ['endsAt'] })
export class RateLimit {
  @PrimaryKey({ type: 'string', length: 50, collation: 'C' })
  name: string;

  /** A MAC that identifies the caller, so that no address is stored. */
  @PrimaryKey({ type: 'string', length: 100, collation: 'C' })
  key: string;

  /** The times of the counted attempts, the latest last. */
  @Property({ columnType: 'timestamptz(3)[]', type: 'unknown' })
  turns: Date[];

  /** When the last attempt expires, and the row with it. */
  @Property({ type: 'datetime', length: 3 })
  endsAt: Date;

  constructor(facts: { name: string; key: string; turns: Date[]; endsAt: Date }) {
    this.name = facts.name;
    this.key = facts.key;
    this.turns = facts.turns;
    this.endsAt = facts.endsAt;
  }
}
