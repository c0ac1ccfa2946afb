import { ref } from '@mikro-orm/postgresql';
import { Field, InputType } from 'type-graphql';
import { Agreement, AgreementArticle } from '../../entities/agreement.ts';
import { changedBy } from '../../entities/case.ts';
import { badInput, conflict, type FieldProblem } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { assertVersion, findVisible, flush, parseInput } from '../record/index.ts';
import type { Scope } from '../scope.ts';

@InputType({ description: 'An article of an agreement.' })
export class AgreementArticleInput {
  @Field(() => String, { description: 'The number, 1 to 20 characters. Must not occur twice.' })
  number!: string;

  @Field(() => String, { description: 'The title, 1 to 200 characters.' })
  title!: string;
}

const mostArticles = 500;

/**
 * Replaces the articles of an agreement. An article with the same number stays the same record, even with another
 * title.
 * @returns the agreement's id.
 * @throws BAD_INPUT with every problem; NOT_FOUND; CONFLICT if the version is outdated, or a grievance names an article
 * that would be removed.
 */
export async function setArticles(
  scope: Scope,
  id: string,
  articles: readonly AgreementArticleInput[],
  version: number | null,
): Promise<string> {
  const { given, problems } = parseArticles(scope, articles);
  if (problems.length > 0) throw badInput(...problems);
  return scope.transaction(async (tx) => {
    const agreement = await findVisible(tx, Agreement, id, { isHeld: true });
    assertVersion(agreement, version);
    const present = new Map(
      (await tx.em.find(AgreementArticle, { agreement: agreement.id })).map((each) => [each.number, each]),
    );
    const kept = new Set(given.map(({ number }) => number));
    const removed = [...present.values()].filter(({ number }) => !kept.has(number));
    await assertUnnamed(
      tx,
      removed.map((article) => article.id),
    );
    removed.forEach((article) => tx.em.remove(article));
    for (const [place, { number, title }] of given.entries()) {
      const article = present.get(number);
      if (article) Object.assign(article, { place, title });
      else tx.em.persist(new AgreementArticle({ agreement: ref(agreement), place, number, title }));
    }
    agreement.updatedAt = changedBy({ at: scope.now() }, agreement.updatedAt);
    recordChange(tx, { action: 'agreement.set_articles', targetType: 'Agreement', targetId: agreement.id });
    await flush(tx);
    return agreement.id;
  });
}

function parseArticles(
  scope: Scope,
  articles: readonly AgreementArticleInput[],
): { given: AgreementArticleInput[]; problems: FieldProblem[] } {
  const problems: FieldProblem[] = [];
  if (articles.length > mostArticles)
    problems.push({ path: 'articles', message: `must not list more than ${mostArticles} articles` });
  const given = articles.slice(0, mostArticles).map((article, place) => {
    const read = parseInput(scope, AgreementArticle, article);
    problems.push(...read.problems.map(({ path, message }) => ({ path: `articles[${place}].${path}`, message })));
    return read.values;
  });
  for (const [place, { number }] of given.entries())
    if (given.findIndex((each) => each.number === number) < place)
      problems.push({ path: `articles[${place}].number`, message: 'must not occur twice' });
  return { given, problems };
}

/** @throws CONFLICT if a grievance names one of these articles. */
async function assertUnnamed({ em }: Pick<Scope, 'em'>, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const [named] = await em.execute<object[]>(
    `select from grievances where article_id in (${ids.map(() => '?').join()}) limit 1`,
    [...ids],
  );
  if (named) throw conflict('A grievance names an article that would be removed. Keep its number.', 'IN_USE', []);
}
