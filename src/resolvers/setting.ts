import { Arg, Ctx, Mutation, Query, Resolver } from 'type-graphql';
import type { Context } from '../context.ts';
import { ConnectionSaved, ConnectionTest, Settings } from '../entities/setting.ts';
import { ConnectionInput } from '../services/setting/input.ts';

const tokenOptions = {
  nullable: true,
  description:
    'The set-up token that the service printed at its start, instead of an admin’s sign-in: while nobody owns the instance, or its saved database cannot be reached.',
} as const;

@Resolver(Settings)
export class SettingResolver {
  @Query(() => Settings, { nullable: true, description: 'How this instance is set up. For admins.' })
  settings(@Ctx() { settings }: Context) {
    return settings.show();
  }

  @Mutation(() => ConnectionTest, {
    description:
      'Connects to a PostgreSQL server, and says what is there or why it failed. Nothing is kept of it. Also before there is a database. Needs a fresh proof of who it is, or the set-up token.',
  })
  testConnection(
    @Ctx() { settings }: Context,
    @Arg('input', () => ConnectionInput, { description: 'Where to connect, and as whom.' }) input: ConnectionInput,
    @Arg('setupToken', () => String, tokenOptions) setupToken: string | null | undefined,
  ) {
    return settings.testConnection(input, setupToken);
  }

  @Mutation(() => ConnectionSaved, {
    description:
      'Moves the service to another PostgreSQL database, after proving that it can work there: it makes the tables, saves the connection encrypted, and is there when it answers. Data is not copied. Where it fails, everything is as it was. CONFLICT where DATABASE_URL says where the database is. Needs a fresh proof of who it is, or the set-up token.',
  })
  saveConnection(
    @Ctx() { settings }: Context,
    @Arg('input', () => ConnectionInput, { description: 'Where to connect, and as whom.' }) input: ConnectionInput,
    @Arg('setupToken', () => String, tokenOptions) setupToken: string | null | undefined,
  ) {
    return settings.saveConnection(input, setupToken);
  }
}
