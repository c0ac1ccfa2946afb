import type { BenevolenceReviewLevel } from './benevolence.ts';
import type { RoleName } from './role.ts';

/** The caller's data in the database at the time of the request. */
export interface ViewerFacts {
  readonly userId: string;
  readonly sessionId: string;
  /** The member record this user is linked to. */
  readonly memberId: string | null;
  readonly isOwner: boolean;
  readonly passwordMustChange: boolean;
  /** Whether the user must verify the address first: true for a self-registered user who has not done so. */
  readonly mustVerify: boolean;
  /** Whether a role requires a second factor and the user has none. */
  readonly mustEnroll: boolean;
  /** The operations that are closed until the address is verified. Empty if it is verified. */
  readonly closedOperations: ReadonlySet<string>;
  /** Whether the session's last authentication is recent enough for operations that require step-up. */
  readonly hasSteppedUp: boolean;
  /** The roles of the unexpired assignments. A custom role counts as the role that it is based on. */
  readonly roles: ReadonlySet<RoleName>;
  readonly reviewLevels: ReadonlySet<BenevolenceReviewLevel>;
}

/** Whether roles allow an action on a case: on any case that they see, or only on their own. */
export type CaseRights = (roles: ReadonlySet<RoleName>, caseType: string, action: string, isOwn: boolean) => boolean;

/** The caller. An anonymous caller is a viewer without roles and therefore without rights. */
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

  /** Whether the viewer owns the instance and may act as the owner. */
  get isOwner(): boolean {
    return !this.mustBegin && (this.facts?.isOwner ?? false);
  }

  get passwordMustChange(): boolean {
    return this.facts?.passwordMustChange ?? false;
  }

  get mustVerify(): boolean {
    return this.facts?.mustVerify ?? false;
  }

  /** Whether the operator restricts this operation to verified addresses, and the viewer's is not verified. */
  isClosed(operation: string): boolean {
    return this.facts?.closedOperations.has(operation) ?? false;
  }

  get mustEnroll(): boolean {
    return this.facts?.mustEnroll ?? false;
  }

  get hasSteppedUp(): boolean {
    return this.facts?.hasSteppedUp ?? false;
  }

  /**
   * Empty while the viewer must change the password, verify the address or set up a second factor. Until then the
   * viewer is signed in but has no rights.
   */
  get roles(): ReadonlySet<RoleName> {
    return this.facts === null || this.mustBegin ? noRoles : this.facts.roles;
  }

  decidesAt(level: BenevolenceReviewLevel): boolean {
    return !this.mustBegin && (this.facts?.reviewLevels.has(level) ?? false);
  }

  /** Whether the roles allow this action on a case. The state of the case is checked elsewhere. */
  may(caseType: string, action: string, isOwn: boolean): boolean {
    return this.rights(this.roles, caseType, action, isOwn);
  }

  /** Whether the viewer must complete a step before anything else. */
  private get mustBegin(): boolean {
    return this.passwordMustChange || this.mustVerify || this.mustEnroll;
  }
}

const noRoles: ReadonlySet<RoleName> = new Set();
