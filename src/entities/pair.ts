import { Entity, OneToOne, Property } from '@mikro-orm/decorators/legacy';
import type { Ref } from '@mikro-orm/core';
import { Dated } from './record.ts';
import { User } from './user.ts';

/** A user's X25519 key pair: the password and the system key together open what was granted to it. */
@Entity({ tableName: 'user_keys' })
export class UserKey extends Dated {
  @OneToOne({ entity: () => User, ref: true, owner: true, deleteRule: 'cascade' })
  user: Ref<User>;

  @Property({ type: 'string', length: 64 })
  publicKey: string;

  /** Under the system key, over all that the pair is and which writing it is of: what was altered, or put back, is noticed. */
  @Property({ type: 'text' })
  publicKeyMac: string;

  /** Sealed under the password, that again under the system key; names its schemes, keys and costs. */
  @Property({ type: 'text' })
  sealedPrivateKey: string;

  constructor(facts: { user: Ref<User>; publicKey: string; publicKeyMac: string; sealedPrivateKey: string }) {
    super();
    this.user = facts.user;
    this.publicKey = facts.publicKey;
    this.publicKeyMac = facts.publicKeyMac;
    this.sealedPrivateKey = facts.sealedPrivateKey;
  }
}
