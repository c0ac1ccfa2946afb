import type { GraphQLResolveInfo } from 'graphql';
import { Args, Ctx, Info, Query, Resolver } from 'type-graphql';
import type { Context } from '../context.ts';
import { AuditEvent } from '../entities/audit.ts';
import { connectionOf, pageOf, type Page } from '../entities/page.ts';

export const AuditEventConnection = connectionOf(AuditEvent);
export const AuditEventPage = pageOf(AuditEvent);

@Resolver(AuditEvent)
export class AuditEventResolver {
  @Query(() => AuditEventConnection, {
    nullable: true,
    description:
      'Lists audit events, latest first. Combined events (see `AuditEvent.count`) appear after their minute ends.',
  })
  auditEvents(@Ctx() { read }: Context, @Args(() => AuditEventPage) page: Page, @Info() info: GraphQLResolveInfo) {
    return read.page(AuditEvent, page, info);
  }
}
