import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, FieldResolver, Info, Mutation, Query, Resolver, Root } from 'type-graphql';
import type { Context } from '../context.ts';
import { Session } from '../entities/session.ts';
import { User } from '../entities/user.ts';
import { LoginInput, LoginResult, SignedIn } from '../services/session/index.ts';

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
    @Ctx() { sessions, client, cookies }: Context,
    @Arg('input', () => LoginInput, { description: 'Who, and on which device.' }) input: LoginInput,
  ) {
    return cookies.keep(sessions.login(cookies.completed(input), client));
  }

  @Mutation(() => SignedIn, {
    description:
      'Trades a refresh token for new tokens. Without an argument it reads the HttpOnly cookie of a login with cookie: true. The token just replaced is answered with the same successor for a short while; an older one ends the session.',
  })
  refresh(
    @Ctx() { sessions, client, cookies }: Context,
    @Arg('refreshToken', () => String, { nullable: true, description: 'The refresh token; the cookie when left out.' })
    refreshToken: string | null,
  ) {
    return cookies.keep(sessions.refresh(refreshToken ?? cookies.refreshToken, client, refreshToken == null));
  }

  @Mutation(() => Boolean, { description: 'Ends this session; its tokens are refused from the next request on.' })
  logout(@Ctx() { sessions, viewer, client, cookies }: Context) {
    return cookies.drop(sessions.logout(viewer, client));
  }

  @FieldResolver(() => User, { description: 'Who is signed in.' })
  async user(@Root() signedIn: SignedIn, @Ctx() context: Context, @Info() info: GraphQLResolveInfo) {
    return (await context.readAs(signedIn.accessToken)).one(User, { id: signedIn.userId }, info);
  }
}
