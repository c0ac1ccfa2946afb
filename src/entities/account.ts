import { Check, Entity, Enum, Index, ManyToOne, Property, Unique } from '@mikro-orm/decorators/legacy';
import type { Ref } from '@mikro-orm/core';
import { Dated } from './record.ts';
import { User } from './user.ts';

/** The purpose of a token. An operation refuses tokens of every other type. */
export enum TokenType {
  ACCESS = 'access',
  REFRESH = 'refresh',
  PASSWORD_RESET = 'password_reset',
  EMAIL_VERIFICATION = 'email_verification',
}

/** A token that was mailed to a user and works once. Only its SHA-256 is stored. */
@Entity({ tableName: 'one_time_tokens' })
@Check({ name: 'one_time_tokens_type_is_mailed', expression: `type in ('password_reset', 'email_verification')` })
@Index({ properties: ['user', 'type'] })
@Index({ properties: ['expiresAt'] })
export class OneTimeToken extends Dated {
  @ManyToOne({ entity: () => User, ref: true, deleteRule: 'cascade' })
  user: Ref<User>;

  @Enum({ items: () => TokenType })
  type: TokenType.PASSWORD_RESET | TokenType.EMAIL_VERIFICATION;

  /** SHA-256, hex. */
  @Property({ type: 'string', length: 64 })
  @Unique()
  tokenHash: string;

  /** The recipient's address. The token is refused once the user has another address. */
  @Property({ type: 'string', length: 254 })
  sentTo: string;

  @Property({ type: 'datetime', length: 3 })
  expiresAt: Date;

  @Property({ type: 'datetime', length: 3, nullable: true })
  usedAt: Date | null = null;

  /**
   * Whether the token was printed for an operator. Then it does not prove that the user can read mail at the address.
   */
  @Property({ type: 'boolean', default: false })
  wasPrinted = false;

  constructor(facts: {
    user: Ref<User>;
    type: TokenType.PASSWORD_RESET | TokenType.EMAIL_VERIFICATION;
    tokenHash: string;
    sentTo: string;
    expiresAt: Date;
  }) {
    super();
    this.user = facts.user;
    this.type = facts.type;
    this.tokenHash = facts.tokenHash;
    this.sentTo = facts.sentTo;
    this.expiresAt = facts.expiresAt;
  }
}
