import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';

/** A system key that the database was used with. The key itself is kept outside the database. */
@Entity({ tableName: 'system_keys' })
export class SystemKey {
  /** The name of the key in the keyring. */
  @PrimaryKey({ type: 'string', length: 32, collation: 'C' })
  kid: string;

  /** A MAC of the name under the key: another key with the same name gives another value. */
  @Property({ type: 'string', length: 43, collation: 'C' })
  checkValue: string;

  /** When a service first started with the key. */
  @Property({ type: 'datetime', length: 3, defaultRaw: 'now()' })
  addedAt: Date;

  /**
   * When an operator retired the key. Null until then: the keyring must hold the key as long as stored rows need it.
   */
  @Property({ type: 'datetime', length: 3, nullable: true })
  retiredAt: Date | null = null;

  constructor(facts: { kid: string; checkValue: string; addedAt: Date }) {
    this.kid = facts.kid;
    this.checkValue = facts.checkValue;
    this.addedAt = facts.addedAt;
  }
}
