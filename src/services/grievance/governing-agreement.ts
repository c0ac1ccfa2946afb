import { ref, type Ref } from '@mikro-orm/postgresql';
import { Agreement, AgreementArticle, bindingAgreements } from '../../entities/agreement.ts';
import { badInput, notFound } from '../../errors.ts';
import type { Scope } from '../scope.ts';

interface Choice {
  readonly employerId: string;
  readonly agreementId?: string | null;
  readonly articleId?: string | null;
}

interface Governing {
  readonly agreement: Ref<Agreement> | null;
  readonly article: Ref<AgreementArticle> | null;
}

/**
 * Finds the agreement that governs a grievance, and its article: the given agreement, or the one that binds the
 * employer on the day.
 * @throws BAD_INPUT if the choice does not fit; NOT_FOUND if the agreement does not exist.
 */
export async function governingAgreement(scope: Scope, choice: Choice, on: string): Promise<Governing> {
  const id = choice.agreementId == null ? await bindingOn(scope, choice.employerId, on) : await given(scope, choice);
  if (choice.articleId != null) await assertArticle(scope, choice.articleId, id);
  return {
    agreement: id === null ? null : ref(Agreement, id),
    article: choice.articleId == null ? null : ref(AgreementArticle, choice.articleId),
  };
}

async function bindingOn(scope: Scope, employerId: string, on: string): Promise<string | null> {
  const found = await scope.run(bindingAgreements('$1::uuid', '$2::date'), [employerId, on]);
  if (found.length > 1)
    throw badInput({
      path: 'input.agreementId',
      message: 'is required: agreements of several bargaining units bind the employer',
    });
  return (found[0]?.['id'] as string | undefined) ?? null;
}

async function given(scope: Scope, { agreementId, employerId }: Choice): Promise<string> {
  const [found] = await scope.run(
    `select a.id, exists (select 1 from agreement_employers e where e.agreement_id = a.id and e.organization_id = $2) as is_signed
     from agreements a where a.id = $1 and a.deleted_at is null`,
    [agreementId, employerId],
  );
  if (!found) throw notFound();
  if (!found['is_signed'])
    throw badInput({ path: 'input.agreementId', message: 'must be an agreement that the employer has signed' });
  return found['id'] as string;
}

/** @throws BAD_INPUT if the article does not belong to the agreement. */
export async function assertArticle(
  scope: Pick<Scope, 'run'>,
  articleId: string,
  agreementId: string | null,
): Promise<void> {
  const [found] = await scope.run('select from agreement_articles where id = $1 and agreement_id = $2', [
    articleId,
    agreementId,
  ]);
  if (!found) throw badInput({ path: 'input.articleId', message: 'must be the id of an article of the agreement' });
}
