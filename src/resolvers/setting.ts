import { Arg, Ctx, Mutation, Query, Resolver } from 'type-graphql';
import type { Context } from '../context.ts';
import { ConnectionSaved, ConnectionTest, Settings } from '../entities/setting.ts';
import { ConnectionInput } from '../services/setting/input.ts';

const tokenOptions = {
  nullable: true,
  description:
    'The setup token that the service prints at startup. It replaces the admin login while the ' +
    'instance has no owner or its saved database is unreachable.',
} as const;

@Resolver(Settings)
export class SettingResolver {
  @Query(() => Settings, { nullable: true, description: 'Returns the settings of this instance.' })
  settings(@Ctx() { settings }: Context) {
    return settings.show();
  }

  @Mutation(() => ConnectionTest, {
    description:
      'Tests a connection to a PostgreSQL server without saving it. The `setupToken` argument can replace the admin login.',
  })
  testConnection(
    @Ctx() { settings }: Context,
    @Arg('input', () => ConnectionInput, { description: 'The connection to test.' }) input: ConnectionInput,
    @Arg('setupToken', () => String, tokenOptions) setupToken: string | null | undefined,
  ) {
    return settings.testConnection(input, setupToken);
  }

  @Mutation(() => ConnectionSaved, {
    description:
      'Moves the service to another PostgreSQL database: tests the connection, creates the tables, and ' +
      'saves the connection in encrypted form. Does not copy data. A failure leaves the current ' +
      'connection in use. Fails with CONFLICT if `DATABASE_URL` is set. The `setupToken` argument can ' +
      'replace the admin login.',
  })
  saveConnection(
    @Ctx() { settings }: Context,
    @Arg('input', () => ConnectionInput, { description: 'The connection to save.' }) input: ConnectionInput,
    @Arg('setupToken', () => String, tokenOptions) setupToken: string | null | undefined,
  ) {
    return settings.saveConnection(input, setupToken);
  }
}
