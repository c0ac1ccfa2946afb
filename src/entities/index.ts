import { OneTimeToken } from './account.ts';
import { Agreement, AgreementArticle, AgreementEmployer, AgreementLimit, BargainingUnit } from './agreement.ts';
import { AuditArchive, AuditBacklog, AuditEvent, AuditSeal, Denial } from './audit.ts';
import { BenevolenceApplication, BenevolenceReview } from './benevolence.ts';
import { Holiday, HolidayCalendar } from './calendar.ts';
import { CaseEvent } from './case-event.ts';
import { BackupCode, TotpCredential } from './credential.ts';
import { GrievanceDeadline, GrievanceExtension, GrievanceMilestone } from './deadline.ts';
import { Grievance, GrievanceCounter, GrievanceStepRecord } from './grievance.ts';
import { IdempotencyKey } from './idempotency.ts';
import { SystemKey } from './key.ts';
import { ReferralBook, Registrant, Registration, RegistrationEvent } from './referral.ts';
import { RateLimit } from './limit.ts';
import { Member, MemberEmployment } from './member.ts';
import { MemberNote, MemberNoteRevision } from './note.ts';
import { Organization, OrganizationContact } from './organization.ts';
import { Role, UserRole } from './role.ts';
import { SaltingActivity } from './salting.ts';
import { Device, LoginChallenge, Session } from './session.ts';
import './setting.ts'; // published types without a table
import { User } from './user.ts';
import { Secret, SecretVersion, UserKey, Vault, VaultGrant, VaultKey, VaultSession } from './vault.ts';

/** All stored entities. */
export const entities = [
  Agreement,
  AgreementArticle,
  AgreementEmployer,
  AgreementLimit,
  AuditArchive,
  AuditBacklog,
  AuditEvent,
  AuditSeal,
  BackupCode,
  BargainingUnit,
  BenevolenceApplication,
  BenevolenceReview,
  CaseEvent,
  Denial,
  Device,
  Grievance,
  GrievanceCounter,
  GrievanceDeadline,
  GrievanceExtension,
  GrievanceMilestone,
  GrievanceStepRecord,
  Holiday,
  HolidayCalendar,
  IdempotencyKey,
  LoginChallenge,
  Member,
  MemberEmployment,
  MemberNote,
  MemberNoteRevision,
  OneTimeToken,
  Organization,
  OrganizationContact,
  RateLimit,
  ReferralBook,
  Registrant,
  Registration,
  RegistrationEvent,
  Role,
  SaltingActivity,
  Secret,
  SecretVersion,
  Session,
  SystemKey,
  TotpCredential,
  User,
  UserKey,
  UserRole,
  Vault,
  VaultGrant,
  VaultKey,
  VaultSession,
];
