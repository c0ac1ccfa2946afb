import { ref } from '@mikro-orm/postgresql';
import { Field, ID, InputType } from 'type-graphql';
import { validate as isUuid } from 'uuid';
import { Agreement, AgreementEmployer } from '../../entities/agreement.ts';
import { Organization, OrganizationType } from '../../entities/organization.ts';
import { DateScalar } from '../../entities/scalars.ts';
import { badInput, conflict } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { assertNoProblems, findVisible, flush } from '../record/index.ts';
import type { Scope } from '../scope.ts';

@InputType({ description: 'A signatory employer to add to an agreement.' })
export class AgreementEmployerInput {
  @Field(() => ID, {
    description: 'The organization id of the employer. Must not be a signatory of the agreement yet.',
  })
  organizationId!: string;

  @Field(() => DateScalar, { description: 'The first day on which the agreement binds the employer.' })
  assentedDate!: string;
}

/**
 * Adds a signatory employer to an agreement.
 * @returns the agreement's id.
 * @throws BAD_INPUT with every problem; NOT_FOUND for the agreement and the employer.
 */
export async function addEmployer(scope: Scope, agreementId: string, input: AgreementEmployerInput): Promise<string> {
  const { organizationId, assentedDate } = input;
  if (!isUuid(organizationId)) assertNoProblems([{ path: 'organizationId', message: 'must be a UUID' }]);
  return scope.transaction(async (tx) => {
    const agreement = await findVisible(tx, Agreement, agreementId, { path: 'agreementId', isHeld: true });
    const organization = await findVisible(tx, Organization, organizationId, { isPinned: true });
    if (organization.orgType !== OrganizationType.EMPLOYER)
      assertNoProblems([{ path: 'organizationId', message: 'must be the id of an employer' }]);
    const employer = new AgreementEmployer({
      agreement: ref(agreement),
      organization: ref(organization),
      assentedDate,
    });
    tx.em.persist(employer);
    recordChange(tx, { action: 'agreement.add_employer', targetType: 'AgreementEmployer', targetId: employer.id });
    await flush(tx, { agreement_employers_agreement_id_organization_id_unique: 'input.organizationId' });
    return agreement.id;
  });
}

/**
 * Ends an employer's assent to an agreement.
 * @returns the agreement's id.
 * @throws BAD_INPUT for a malformed id or an end before the assent; NOT_FOUND; CONFLICT if it has already ended.
 */
export async function endEmployer(scope: Scope, id: string, endedDate: string): Promise<string> {
  return scope.transaction(async (tx) => {
    const employer = await findVisible(tx, AgreementEmployer, id, { isHeld: true });
    if (employer.endedDate !== null) throw conflict('The assent of the employer has already ended.', 'ENDED', []);
    if (endedDate < employer.assentedDate)
      throw badInput({ path: 'endedDate', message: 'must not be before the date of assent' });
    employer.endedDate = endedDate;
    recordChange(tx, { action: 'agreement.end_employer', targetType: 'AgreementEmployer', targetId: employer.id });
    await flush(tx);
    return employer.agreement.id;
  });
}
