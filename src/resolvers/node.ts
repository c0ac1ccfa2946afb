import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, ID, Info, Query, Resolver } from 'type-graphql';
import type { Context } from '../context.ts';
import { Node } from '../entities/record.ts';

@Resolver()
export class NodeResolver {
  @Query(() => Node, {
    nullable: true,
    description:
      'The record with this id, if its own query would answer it to the caller. Null if there is none, if it is hidden or deleted, or if the caller may not ask its query.',
  })
  async node(
    @Ctx() { read, nodeTypes }: Context,
    @Arg('id', () => ID, { description: 'The id of the record.' }) id: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return (await read.nodes(nodeTypes(), [id], info))[0];
  }

  @Query(() => [Node], {
    nullable: 'itemsAndList',
    description: 'The records with these ids in their order, each answered as `node` answers it.',
  })
  nodes(
    @Ctx() { read, nodeTypes }: Context,
    @Arg('ids', () => [ID], { description: 'The ids of the records, at most 100.' }) ids: string[],
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.nodes(nodeTypes(), ids, info);
  }
}
