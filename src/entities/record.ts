import { PrimaryKey, Property } from '@mikro-orm/decorators/legacy';

import { Field, ID, Int, InterfaceType, ObjectType } from 'type-graphql';
import { v7 as uuidv7 } from 'uuid';
import { DateTimeScalar } from './scalars.ts';

const idOptions = {
  description: 'The id of the record, a UUIDv7. It is unique across all types, and newer records have greater ids.',
};

/** The description of a record's version. */
export const versionDescription =
  'The version of the record. It increases with each change. Send it with an update to detect a version conflict.';

/** A record that `node` finds by its id alone. */
@InterfaceType({ description: 'A record that the `node` query can find by id.' })
export abstract class Node {
  @Field(() => ID, idOptions)
  id!: string;
}

/** A row with an id that sorts by creation time (UUIDv7). */
@ObjectType()
export abstract class Identified {
  @Field(() => ID, idOptions)
  @PrimaryKey({ type: 'uuid' })
  id: string = uuidv7();
}

/** A row with the times of its creation and its last change. */
@ObjectType()
export abstract class Dated extends Identified {
  @Field(() => DateTimeScalar, { description: 'When the record was created.' })
  @Property({ type: 'datetime', length: 3 })
  createdAt: Date = new Date();

  @Field(() => DateTimeScalar, { description: 'When the record was last changed.' })
  @Property({ type: 'datetime', length: 3, onUpdate: () => new Date() })
  updatedAt: Date = new Date();
}

/** A row that is only marked as deleted: it leaves every list and lookup, but cases still show it. */
@ObjectType()
export abstract class Kept extends Dated {
  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When the record was deleted. Null if it is not deleted.',
  })
  @Property({ type: 'datetime', length: 3, nullable: true })
  deletedAt: Date | null = null;

  get isDeleted(): boolean {
    return this.deletedAt !== null;
  }
}

/** A kept row that detects when it has changed since a client read it. */
@ObjectType()
export abstract class Versioned extends Kept {
  @Field(() => Int, { description: versionDescription })
  @Property({ type: 'integer', version: true })
  version!: number;
}

/** A record with an address, a telephone number and an e-mail address. */
@ObjectType()
export abstract class Contactable extends Versioned {
  @Field(() => String, { nullable: true, description: 'The street address. Null if not set.' })
  @Property({ type: 'string', length: 200, nullable: true })
  address: string | null = null;

  @Field(() => String, { nullable: true, description: 'The city. Null if not set.' })
  @Property({ type: 'string', length: 100, nullable: true, collation: 'C' })
  city: string | null = null;

  @Field(() => String, { nullable: true, description: 'The state. Null if not set.' })
  @Property({ type: 'string', length: 50, nullable: true, collation: 'C' })
  state: string | null = null;

  @Field(() => String, { nullable: true, description: 'The ZIP code. Null if not set.' })
  @Property({ type: 'string', length: 20, nullable: true })
  zipCode: string | null = null;

  @Field(() => String, { nullable: true, description: 'The telephone number as entered. Null if not set.' })
  @Property({ type: 'string', length: 50, nullable: true })
  phone: string | null = null;

  @Field(() => String, { nullable: true, description: 'The e-mail address. Null if not set.' })
  @Property({ type: 'string', length: 254, nullable: true })
  email: string | null = null;
}

/** The description of every argument with the version of a record. */
export const versionOptions = {
  nullable: true,
  description: 'The version that the caller read. Fails with CONFLICT if the record has changed since.',
};
