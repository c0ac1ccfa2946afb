import type { BenevolenceReviewLevel } from './benevolence.ts';
import type { RoleName } from './role.ts';

/** What the database says about the caller, at the instant of the request. */
export interface ViewerFacts {
  readonly userId: string;
  readonly sessionId: string;
  /** The member record this user is linked to. */
  readonly memberId: string | null;
  readonly isOwner: boolean;
  readonly passwordMustChange: boolean;
  /** Whether the address has to be verified first: of who registered alone, and has not. */
  readonly mustVerify: boolean;
  /** Whether a role demands a second factor, and the user has none. */
  readonly mustEnroll: boolean;
  /** The operations that are closed until the address is verified; none where it is. */
  readonly closedOperations: ReadonlySet<string>;
  /** Whether a proof of who it is, in this session, is recent enough for what asks for a fresh one. */
  readonly hasSteppedUp: boolean;
  /** What the unexpired assignments give, a custom role counting as the one it is based on. */
  readonly roles: ReadonlySet<RoleName>;
  readonly reviewLevels: ReadonlySet<BenevolenceReviewLevel>;
}

/** Which actions on a case these roles may take: on any case they see, or only on their own. */
export type CaseRights = (roles: ReadonlySet<RoleName>, caseType: string, action: string, isOwn: boolean) => boolean;

/** The caller. An anonymous caller is a viewer too, without roles and so without rights. */
export class Viewer {
  static readonly anonymous = new Viewer(null, () => false);

  constructor(
    private readonly facts: ViewerFacts | null,
    private readonly rights: CaseRights,
    /** The day of the request in the local's time zone. Anonymous viewers see nothing that depends on it. */
    readonly today = '0001-01-01',
  ) {}

  get isAnonymous(): boolean {
    return this.facts === null;
  }

  get userId(): string | null {
    return this.facts?.userId ?? null;
  }

  get sessionId(): string | null {
    return this.facts?.sessionId ?? null;
  }

  get memberId(): string | null {
    return this.facts?.memberId ?? null;
  }

  /** Whether the viewer owns the instance and may do what the owner may. */
  get isOwner(): boolean {
    return !this.mustBegin && (this.facts?.isOwner ?? false);
  }

  get passwordMustChange(): boolean {
    return this.facts?.passwordMustChange ?? false;
  }

  get mustVerify(): boolean {
    return this.facts?.mustVerify ?? false;
  }

  /** Whether the operator keeps this operation for those whose address is verified, and this viewer's is not. */
  isClosed(operation: string): boolean {
    return this.facts?.closedOperations.has(operation) ?? false;
  }

  get mustEnroll(): boolean {
    return this.facts?.mustEnroll ?? false;
  }

  get hasSteppedUp(): boolean {
    return this.facts?.hasSteppedUp ?? false;
  }

  /** None while the password must be changed, the address verified or a second factor set up: until then the viewer is signed in and nothing more. */
  get roles(): ReadonlySet<RoleName> {
    return this.facts === null || this.mustBegin ? noRoles : this.facts.roles;
  }

  decidesAt(level: BenevolenceReviewLevel): boolean {
    return !this.mustBegin && (this.facts?.reviewLevels.has(level) ?? false);
  }

  /** Whether the roles allow this action on a case; the state of the case is asked elsewhere. */
  may(caseType: string, action: string, isOwn: boolean): boolean {
    return this.rights(this.roles, caseType, action, isOwn);
  }

  /** Whether something has to be done before anything else. */
  private get mustBegin(): boolean {
    return this.passwordMustChange || this.mustVerify || this.mustEnroll;
  }
}

const noRoles: ReadonlySet<RoleName> = new Set();
