import { Entity, Index, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';

/** Which turns somebody took lately at what may be done so many times in so long. */
@Entity({ tableName: 'rate_limits' })
@Index({ properties: ['endsAt'] })
export class RateLimit {
  @PrimaryKey({ type: 'string', length: 50, collation: 'C' })
  name: string;

  /** A code made of who takes the turns, so that no address is stored. */
  @PrimaryKey({ type: 'string', length: 100, collation: 'C' })
  key: string;

  /** When the turns that count were taken, the latest last. */
  @Property({ columnType: 'timestamptz(3)[]', type: 'unknown' })
  turns: Date[];

  /** When the last turn is forgotten, and the row with it. */
  @Property({ type: 'datetime', length: 3 })
  endsAt: Date;

  constructor(facts: { name: string; key: string; turns: Date[]; endsAt: Date }) {
    this.name = facts.name;
    this.key = facts.key;
    this.turns = facts.turns;
    this.endsAt = facts.endsAt;
  }
}
