import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, FieldResolver, ID, Info, Mutation, Query, Resolver, Root } from 'type-graphql';
import type { Context } from '../context.ts';
import { Session } from '../entities/session.ts';
import { User } from '../entities/user.ts';
import { ReauthenticateInput } from '../services/proof/proof.ts';
import { CompleteLoginInput } from '../services/session/complete.ts';
import { LoginInput, LoginResult } from '../services/session/login.ts';
import { SignedIn } from '../services/session/start.ts';

@Resolver(SignedIn)
export class SessionResolver {
  @Query(() => [Session], { nullable: true, description: "The caller's sessions: the devices that are signed in." })
  sessions(@Ctx() { read }: Context, @Info() info: GraphQLResolveInfo) {
    return read.all(Session, { property: 'lastSeenAt', direction: 'DESC' }, info);
  }

  @Mutation(() => LoginResult, {
    description: 'Signs in. One answer, BAD_CREDENTIALS, for unknown, wrong, locked and inactive.',
  })
  login(
    @Ctx() { sessions, cookies }: Context,
    @Arg('input', () => LoginInput, { description: 'Who, and on which device.' }) input: LoginInput,
  ) {
    return cookies.keep(sessions.login(cookies.completed(input)));
  }

  @Mutation(() => SignedIn, {
    description: 'Completes a sign-in that was answered with a challenge. One answer, BAD_CREDENTIALS, for whatever is wrong with it.',
  })
  completeLogin(
    @Ctx() { sessions, cookies }: Context,
    @Arg('input', () => CompleteLoginInput, { description: 'The challenge, and a code.' }) input: CompleteLoginInput,
  ) {
    return cookies.keep(sessions.completeLogin(cookies.completed(input)));
  }

  @Mutation(() => SignedIn, {
    description:
      'Trades a refresh token for new tokens. Without an argument it reads the HttpOnly cookie of a login with cookie: true. The token just replaced is answered with the same successor until that is first used, and shortly after; an older one ends the session.',
  })
  refresh(
    @Ctx() { sessions, cookies }: Context,
    @Arg('refreshToken', () => String, { nullable: true, description: 'The refresh token; the cookie when left out.' })
    refreshToken: string | null,
  ) {
    return cookies.keep(sessions.refresh(refreshToken ?? cookies.refreshToken, refreshToken == null));
  }

  @Mutation(() => Boolean, { description: 'Ends this session; its tokens are refused from the next request on.' })
  logout(@Ctx() { sessions, cookies }: Context) {
    return cookies.drop(sessions.logout());
  }

  @Mutation(() => Boolean, { description: "Ends all of the caller's sessions, this one too." })
  logoutAll(@Ctx() { sessions, cookies }: Context) {
    return cookies.drop(sessions.logoutAll());
  }

  @Mutation(() => Session, { description: "Ends one of the caller's sessions, and answers it as it was." })
  async revokeSession(
    @Ctx() { sessions, read }: Context,
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    const session = await read.one(Session, { id }, info);
    await sessions.revoke(id);
    return session;
  }

  @Mutation(() => Boolean, {
    description: 'Proves again who is signed in. For a while, this session may then do what asks for a fresh proof.',
  })
  async reauthenticate(
    @Ctx() { sessions }: Context,
    @Arg('input', () => ReauthenticateInput, { description: 'The password, and a code where the account has a second factor.' })
    input: ReauthenticateInput,
  ) {
    await sessions.reauthenticate(input);
    return true;
  }

  @Mutation(() => SignedIn, {
    description: "Proves the caller's identity again and returns a new access token with the session's refresh token.",
  })
  renewSession(
    @Ctx() { sessions, cookies }: Context,
    @Arg('input', () => ReauthenticateInput, { description: 'The password, and a code where the account has a second factor.' })
    input: ReauthenticateInput,
  ) {
    return cookies.keep(sessions.reauthenticate(input, cookies.refreshToken));
  }

  @FieldResolver(() => User, { description: 'Who is signed in.' })
  async user(@Root() signedIn: SignedIn, @Ctx() context: Context, @Info() info: GraphQLResolveInfo) {
    return (await context.readAs(signedIn.accessToken)).one(User, { id: signedIn.userId }, info);
  }
}
