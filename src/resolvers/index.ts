import { AccountResolver } from './account.ts';
import { AgreementResolver } from './agreement.ts';
import { AuditEventResolver } from './audit.ts';
import { BenevolenceApplicationChangeResolver, BenevolenceApplicationResolver } from './benevolence.ts';
import { HolidayCalendarResolver } from './calendar.ts';
import { CredentialResolver } from './credential.ts';
import { GrievanceDeadlineResolver } from './deadline.ts';
import { GrievanceChangeResolver, GrievanceResolver } from './grievance.ts';
import { MemberResolver } from './member.ts';
import { NodeResolver } from './node.ts';
import { MemberNoteResolver } from './note.ts';
import { OrganizationResolver } from './organization.ts';
import { ReferralResolver } from './referral.ts';
import { RoleResolver } from './role.ts';
import { SaltingActivityResolver } from './salting.ts';
import { SessionResolver } from './session.ts';
import {
  BenevolenceSummaryResolver,
  GrievanceEmployerCountResolver,
  GrievanceSummaryResolver,
  OrganizingSummaryResolver,
} from './summary.ts';
import { SettingResolver } from './setting.ts';
import { UserResolver } from './user.ts';
import { VaultCreatedResolver, VaultResolver } from './vault.ts';

/** All resolver classes of the schema. */
export const resolvers = [
  AccountResolver,
  AgreementResolver,
  AuditEventResolver,
  BenevolenceApplicationChangeResolver,
  BenevolenceApplicationResolver,
  HolidayCalendarResolver,
  CredentialResolver,
  GrievanceDeadlineResolver,
  GrievanceChangeResolver,
  GrievanceResolver,
  MemberResolver,
  NodeResolver,
  MemberNoteResolver,
  OrganizationResolver,
  ReferralResolver,
  RoleResolver,
  SaltingActivityResolver,
  SessionResolver,
  BenevolenceSummaryResolver,
  GrievanceEmployerCountResolver,
  GrievanceSummaryResolver,
  OrganizingSummaryResolver,
  SettingResolver,
  UserResolver,
  VaultResolver,
  VaultCreatedResolver,
] as const;
