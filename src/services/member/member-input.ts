import { Field, InputType } from 'type-graphql';
import { DateScalar } from '../../entities/scalars.ts';
import { ContactInput } from '../record/contact-input.ts';

/** The fields of a member that are optional. */
@InputType()
export abstract class MemberInput extends ContactInput {
  @Field(() => String, { nullable: true, description: 'The middle name or initial. At most 100 characters.' })
  middleName?: string | null;

  @Field(() => DateScalar, { nullable: true, description: 'The date of birth. Must not be in the future.' })
  dateOfBirth?: string | null;

  @Field(() => DateScalar, {
    nullable: true,
    description:
      'The date on which the member joined the trade or the local. Must be after the date of birth and not in the future.',
  })
  hireDate?: string | null;

  @Field(() => String, { nullable: true, description: 'Additional notes.' })
  notes?: string | null;
}
