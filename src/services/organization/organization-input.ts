import { Field, InputType, Int } from 'type-graphql';
import { ContactInput } from '../record/contact-input.ts';

/** The fields of an organization that are optional. */
@InputType()
export abstract class OrganizationInput extends ContactInput {
  @Field(() => Int, {
    nullable: true,
    description: 'The number of workers in the proposed or actual bargaining unit. Must be more than zero.',
  })
  unitSize?: number | null;

  @Field(() => String, {
    nullable: true,
    description: 'The URL of the website, starting with `http://` or `https://`. At most 300 characters.',
  })
  website?: string | null;

  @Field(() => Int, {
    nullable: true,
    description: 'The organizing potential, from 1 (low) to 5 (high). Only admins and organizers can set it.',
  })
  saltingScore?: number | null;

  @Field(() => String, {
    nullable: true,
    description: 'Notes for organizers. Only admins and organizers can set them.',
  })
  saltingNotes?: string | null;
}
