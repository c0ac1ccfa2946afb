import { Field, InputType } from 'type-graphql';

/** The fields of an input for a record with an address. */
@InputType()
export abstract class ContactInput {
  @Field(() => String, { nullable: true, description: 'The street address. At most 200 characters.' })
  address?: string | null;

  @Field(() => String, { nullable: true, description: 'The city. At most 100 characters.' })
  city?: string | null;

  @Field(() => String, { nullable: true, description: 'The state. At most 50 characters.' })
  state?: string | null;

  @Field(() => String, { nullable: true, description: 'The ZIP code. At most 20 characters.' })
  zipCode?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The telephone number, stored as entered. At most 50 characters.',
  })
  phone?: string | null;

  @Field(() => String, { nullable: true, description: 'The e-mail address.' })
  email?: string | null;
}
