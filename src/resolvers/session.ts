import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, FieldResolver, ID, Info, Mutation, Query, Resolver, Root } from 'type-graphql';
import type { Context } from '../context.ts';
import { Session } from '../entities/session.ts';
import { User } from '../entities/user.ts';
import { CompleteLoginInput } from '../services/session/complete-login.ts';
import { LoginInput, LoginResult } from '../services/session/login.ts';
import { SignedIn } from '../services/sign-in/start-session.ts';

@Resolver(SignedIn)
export class SessionResolver {
  @Query(() => [Session], { nullable: true, description: 'Lists the active sessions of the caller.' })
  sessions(@Ctx() { read }: Context, @Info() info: GraphQLResolveInfo) {
    return read.all(Session, { property: 'lastSeenAt', direction: 'DESC' }, info);
  }

  @Mutation(() => LoginResult, {
    description:
      'Signs in. Returns a challenge instead of tokens if the account has a second factor. Fails with ' +
      'BAD_CREDENTIALS for an unknown, locked, or inactive account and for a wrong password.',
  })
  login(
    @Ctx() { sessions, cookies }: Context,
    @Arg('input', () => LoginInput, { description: 'The credentials and the device.' }) input: LoginInput,
  ) {
    return cookies.keep(sessions.login(cookies.completed(input)));
  }

  @Mutation(() => SignedIn, {
    description:
      'Completes a login that requires a second factor. Fails with BAD_CREDENTIALS if the challenge or the code is invalid.',
  })
  completeLogin(
    @Ctx() { sessions, cookies }: Context,
    @Arg('input', () => CompleteLoginInput, { description: 'The challenge and the code.' }) input: CompleteLoginInput,
  ) {
    return cookies.keep(sessions.completeLogin(cookies.completed(input)));
  }

  @Mutation(() => SignedIn, {
    description:
      'Exchanges a refresh token for new tokens. Until the new refresh token is first used, and briefly ' +
      'afterwards, the previous token returns it again. An older token ends the session. Fails with ' +
      'UNAUTHENTICATED if the token is invalid.',
  })
  refresh(
    @Ctx() { sessions, cookies }: Context,
    @Arg('refreshToken', () => String, {
      nullable: true,
      description: 'The refresh token. Defaults to the HttpOnly cookie of a login with `cookie: true`.',
    })
    refreshToken: string | null,
  ) {
    return cookies.keep(sessions.refresh(refreshToken ?? cookies.refreshToken, refreshToken == null));
  }

  @Mutation(() => Boolean, { description: 'Ends the current session. Its tokens become invalid immediately.' })
  logout(@Ctx() { sessions, cookies }: Context) {
    return cookies.drop(sessions.logout());
  }

  @Mutation(() => Boolean, { description: 'Ends all sessions of the caller, including the current one.' })
  logoutAll(@Ctx() { sessions, cookies }: Context) {
    return cookies.drop(sessions.logoutAll());
  }

  @Mutation(() => Session, { description: 'Ends a session of the caller and returns its last state.' })
  async revokeSession(
    @Ctx() { sessions, read }: Context,
    @Arg('id', () => ID, { description: 'The id of the session.' }) id: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    const session = await read.one(Session, { id }, info);
    await sessions.revoke(id);
    return session;
  }

  @FieldResolver(() => User, { description: 'The user who is signed in.' })
  async user(@Root() signedIn: SignedIn, @Ctx() context: Context, @Info() info: GraphQLResolveInfo) {
    return (await context.readAs(signedIn.accessToken)).one(User, { id: signedIn.userId }, info);
  }
}
