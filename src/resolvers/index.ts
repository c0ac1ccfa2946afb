import { AuditEventResolver } from './audit.ts';
import { BenevolenceApplicationResolver } from './benevolence.ts';
import { CredentialResolver } from './credential.ts';
import { GrievanceResolver } from './grievance.ts';
import { MemberResolver } from './member.ts';
import { OrganizationResolver } from './organization.ts';
import { RoleResolver } from './role.ts';
import { SaltingActivityResolver } from './salting.ts';
import { SessionResolver } from './session.ts';
import { SettingResolver } from './setting.ts';
import { UserResolver } from './user.ts';

/** Everything that can be asked. */
export const resolvers = [
  AuditEventResolver,
  BenevolenceApplicationResolver,
  CredentialResolver,
  GrievanceResolver,
  MemberResolver,
  OrganizationResolver,
  RoleResolver,
  SaltingActivityResolver,
  SessionResolver,
  SettingResolver,
  UserResolver,
] as const;
