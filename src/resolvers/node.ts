import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, ID, Info, Query, Resolver } from 'type-graphql';
import type { Context } from '../context.ts';
import { Node } from '../entities/record.ts';

@Resolver()
export class NodeResolver {
  @Query(() => Node, {
    nullable: true,
    description:
      'Returns the record with this id. Null if it does not exist, is deleted, or is hidden from the ' +
      'caller. Also null if the caller may not use the query for its type.',
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
    description: 'Returns the records with these ids, in the same order. Each one follows the rules of `node`.',
  })
  nodes(
    @Ctx() { read, nodeTypes }: Context,
    @Arg('ids', () => [ID], { description: 'The ids of the records, at most 100.' }) ids: string[],
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.nodes(nodeTypes(), ids, info);
  }
}
