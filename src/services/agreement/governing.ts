import { ArgsType, Field, ID } from 'type-graphql';
import { validate as isUuid } from 'uuid';
import { bindingAgreements } from '../../entities/agreement.ts';
import { Organization } from '../../entities/organization.ts';
import { DateScalar } from '../../entities/scalars.ts';
import { badInput, notFound } from '../../errors.ts';
import type { Scope } from '../scope.ts';

@ArgsType()
export class AgreementForArgs {
  @Field(() => ID, { description: 'The organization id of the employer.' })
  employerId!: string;

  @Field(() => DateScalar, { description: 'The day, usually that of the incident.' })
  on!: string;

  @Field(() => ID, {
    nullable: true,
    description:
      'The id of the bargaining unit. Required if the employer has agreements for several units on that day.',
  })
  unitId?: string | null;
}

/**
 * Finds the agreement that binds an employer on a day.
 * @returns its id, or null.
 * @throws NOT_FOUND for the employer; BAD_INPUT for a malformed id, or without a unit if agreements of several units
 * bind the employer.
 */
export async function agreementFor(scope: Scope, { employerId, on, unitId }: AgreementForArgs): Promise<string | null> {
  const problems = Object.entries({ employerId, unitId })
    .filter(([, id]) => id != null && !isUuid(id))
    .map(([path]) => ({ path, message: 'must be a UUID' }));
  if (problems.length > 0) throw badInput(...problems);
  if (!(await scope.visibility.sees({ entity: Organization, id: employerId }))) throw notFound();
  const found = await scope.run(
    `${bindingAgreements('$1::uuid', '$2::date')} and ($3::uuid is null or a.unit_id = $3)`,
    [employerId, on, unitId ?? null],
  );
  if (found.length > 1)
    throw badInput({
      path: 'unitId',
      message: 'is required: agreements of several bargaining units bind the employer on that day',
    });
  return (found[0]?.['id'] as string | undefined) ?? null;
}
