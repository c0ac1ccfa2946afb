import { BenevolenceApplicationResolver } from './benevolence.ts';
import { CredentialResolver } from './credential.ts';
import { GrievanceResolver } from './grievance.ts';
import { MemberResolver } from './member.ts';
import { OrganizationResolver } from './organization.ts';
import { RoleResolver } from './role.ts';
import { SaltingActivityResolver } from './salting.ts';
import { SessionResolver } from './session.ts';
import {
  BenevolenceSummaryResolver,
  GrievanceEmployerCountResolver,
  GrievanceSummaryResolver,
  OrganizingSummaryResolver,
} from './summary.ts';
import { UserResolver } from './user.ts';

/** Everything that can be asked. */
export const resolvers = [
  BenevolenceApplicationResolver,
  CredentialResolver,
  GrievanceResolver,
  MemberResolver,
  OrganizationResolver,
  RoleResolver,
  SaltingActivityResolver,
  SessionResolver,
  BenevolenceSummaryResolver,
  GrievanceEmployerCountResolver,
  GrievanceSummaryResolver,
  OrganizingSummaryResolver,
  UserResolver,
] as const;
