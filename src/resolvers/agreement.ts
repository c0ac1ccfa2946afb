import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, ID, Info, Int, Mutation, Query, Resolver } from 'type-graphql';
import type { Context } from '../context.ts';
import { Agreement, BargainingUnit } from '../entities/agreement.ts';
import { connectionOf, includeDeletedOptions, pageOf, type Page } from '../entities/page.ts';
import { versionOptions } from '../entities/record.ts';
import { DateScalar } from '../entities/scalars.ts';
import { AgreementArticleInput } from '../services/agreement/articles.ts';
import { CreateBargainingUnitInput, UpdateBargainingUnitInput } from '../services/agreement/bargaining-unit.ts';
import { CreateAgreementInput } from '../services/agreement/create-agreement.ts';
import { AgreementEmployerInput } from '../services/agreement/employers.ts';
import { AgreementForArgs } from '../services/agreement/governing.ts';
import { AgreementLimitInput } from '../services/agreement/limits.ts';
import { UpdateAgreementInput } from '../services/agreement/update-agreement.ts';
import { creating } from '../services/idempotency.ts';

const AgreementConnection = connectionOf(Agreement);
const AgreementPage = pageOf(Agreement);

@Resolver(Agreement)
export class AgreementResolver {
  @Query(() => AgreementConnection, { nullable: true, description: 'Lists collective bargaining agreements.' })
  agreements(@Ctx() { read }: Context, @Args(() => AgreementPage) page: Page, @Info() info: GraphQLResolveInfo) {
    return read.page(Agreement, page, info);
  }

  @Query(() => Agreement, {
    nullable: true,
    description: 'Returns an agreement. Fails with NOT_FOUND if it does not exist or is hidden from the caller.',
  })
  agreement(
    @Ctx() { read }: Context,
    @Arg('id', () => ID, { description: 'The id of the agreement.' }) id: string,
    @Arg('includeDeleted', () => Boolean, includeDeletedOptions) includeDeleted: boolean,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Agreement, { id }, info, includeDeleted);
  }

  @Query(() => Agreement, {
    nullable: true,
    description:
      'Returns the agreement that binds an employer on a day; null if none does. An expired agreement goes on until its ' +
      'successor begins. Fails with NOT_FOUND if the employer is hidden from the caller.',
  })
  async agreementFor(
    @Ctx() { read, agreements }: Context,
    @Args(() => AgreementForArgs) args: AgreementForArgs,
    @Info() info: GraphQLResolveInfo,
  ) {
    const id = await agreements.agreementFor(args);
    return id === null ? null : read.one(Agreement, { id }, info);
  }

  @Query(() => [BargainingUnit], { nullable: true, description: 'Lists the bargaining units.' })
  bargainingUnits(@Ctx() { read }: Context, @Info() info: GraphQLResolveInfo) {
    return read.all(BargainingUnit, { property: 'code', direction: 'ASC' }, info);
  }

  @Mutation(
    () => Agreement,
    creating(
      'Creates an agreement. Fails with CONFLICT if its term overlaps another agreement of the bargaining unit.',
    ),
  )
  async createAgreement(
    @Ctx() { read, once }: Context,
    @Arg('input', () => CreateAgreementInput, { description: 'The agreement to create.' }) input: CreateAgreementInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Agreement, { id: await once(info, ({ agreements }) => agreements.create(input)) }, info);
  }

  @Mutation(() => Agreement, {
    description:
      'Changes an agreement. Fails with CONFLICT if its term overlaps another agreement of the bargaining unit, or if it ' +
      'governs a grievance and the change affects time limits.',
  })
  async updateAgreement(
    @Ctx() { read, agreements }: Context,
    @Arg('id', () => ID, { description: 'The id of the agreement.' }) id: string,
    @Arg('input', () => UpdateAgreementInput, { description: 'The fields to change.' }) input: UpdateAgreementInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Agreement, { id: await agreements.update(id, input) }, info);
  }

  @Mutation(() => Agreement, { description: 'Deletes an agreement. Fails with CONFLICT if it governs a grievance.' })
  async deleteAgreement(
    @Ctx() { read, agreements }: Context,
    @Arg('id', () => ID, { description: 'The id of the agreement.' }) id: string,
    @Arg('version', () => Int, versionOptions) version: number | null,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.deleted(Agreement, await agreements.delete(id, version ?? null), info);
  }

  @Mutation(() => Agreement, {
    description:
      'Replaces the time limits of an agreement. Fails with CONFLICT if it governs a grievance: create its successor instead.',
  })
  async setAgreementLimits(
    @Ctx() { read, agreements }: Context,
    @Arg('id', () => ID, { description: 'The id of the agreement.' }) id: string,
    @Arg('limits', () => [AgreementLimitInput], { description: 'All time limits of the agreement.' })
    limits: AgreementLimitInput[],
    @Arg('version', () => Int, versionOptions) version: number | null,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Agreement, { id: await agreements.setLimits(id, limits, version ?? null) }, info);
  }

  @Mutation(() => Agreement, {
    description:
      'Replaces the articles of an agreement. An article whose number stays is the same article. Fails with CONFLICT if a ' +
      'grievance names an article that would be removed.',
  })
  async setAgreementArticles(
    @Ctx() { read, agreements }: Context,
    @Arg('id', () => ID, { description: 'The id of the agreement.' }) id: string,
    @Arg('articles', () => [AgreementArticleInput], { description: 'All articles of the agreement, in order.' })
    articles: AgreementArticleInput[],
    @Arg('version', () => Int, versionOptions) version: number | null,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Agreement, { id: await agreements.setArticles(id, articles, version ?? null) }, info);
  }

  @Mutation(() => Agreement, creating('Adds a signatory employer to an agreement and returns the agreement.'))
  async addAgreementEmployer(
    @Ctx() { read, once }: Context,
    @Arg('agreementId', () => ID, { description: 'The id of the agreement.' }) agreementId: string,
    @Arg('input', () => AgreementEmployerInput, { description: 'The employer to add.' }) input: AgreementEmployerInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(
      Agreement,
      { id: await once(info, ({ agreements }) => agreements.addEmployer(agreementId, input)) },
      info,
    );
  }

  @Mutation(() => Agreement, {
    description:
      'Ends the assent of an employer and returns the agreement. Fails with CONFLICT if the assent has ended.',
  })
  async endAgreementEmployer(
    @Ctx() { read, agreements }: Context,
    @Arg('id', () => ID, { description: 'The id of the signatory employer, an `AgreementEmployer`.' }) id: string,
    @Arg('endedDate', () => DateScalar, { description: 'The last day on which the agreement binds the employer.' })
    endedDate: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Agreement, { id: await agreements.endEmployer(id, endedDate) }, info);
  }

  @Mutation(() => BargainingUnit, creating('Creates a bargaining unit.'))
  async createBargainingUnit(
    @Ctx() { read, once }: Context,
    @Arg('input', () => CreateBargainingUnitInput, { description: 'The bargaining unit to create.' })
    input: CreateBargainingUnitInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(BargainingUnit, { id: await once(info, ({ agreements }) => agreements.createUnit(input)) }, info);
  }

  @Mutation(() => BargainingUnit, { description: 'Changes a bargaining unit.' })
  async updateBargainingUnit(
    @Ctx() { read, agreements }: Context,
    @Arg('id', () => ID, { description: 'The id of the bargaining unit.' }) id: string,
    @Arg('input', () => UpdateBargainingUnitInput, { description: 'The fields to change.' })
    input: UpdateBargainingUnitInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(BargainingUnit, { id: await agreements.updateUnit(id, input) }, info);
  }
}
