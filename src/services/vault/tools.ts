import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Viewer } from '../../entities/viewer.ts';
import type { RefusalTools } from '../audit/denial.ts';
import type { ChangeTools } from '../audit/event.ts';
import type { PasswordHasher, PasswordProof } from '../crypto/hasher.ts';
import type { MailQueue } from '../mail/index.ts';
import type { Metadata } from '../record/index.ts';
import type { Client, VaultRules } from '../scope.ts';

export type { Client, VaultRules } from '../scope.ts';

/** Finds out whether a password is right, once `choose` has let the attempt be made; its null stands for one that may not. */
export type Verify = (password: string, choose: () => Promise<string | null>) => Promise<PasswordProof>;

/** How somebody who is signed in proves who they are: bounded and counted as at a sign-in. The service of sessions does it. */
export interface Proofs {
  /** @throws BAD_CREDENTIALS; BAD_INPUT; RATE_LIMITED. */
  prove(
    em: SqlEntityManager,
    viewer: Viewer,
    given: { readonly password: string; readonly code?: string | null },
    trial: { readonly action: string; readonly client: Client },
    proving: { readonly path?: string; readonly asksCode?: boolean; readonly verify?: Verify },
  ): Promise<Proved>;
  /** Makes a user's key pair where there is none, while the stored hash is still this one. */
  ensurePair(em: SqlEntityManager, userId: string, password: string, stored: string): Promise<void>;
}

/** A proof to be spent in a transaction. */
export interface Proved {
  /** The hash that the password was held against. */
  readonly stored: string;
  /** @returns false where the password was changed or the code used meanwhile. */
  spend(em: SqlEntityManager): Promise<boolean>;
}

/** What every use case of the vault works with. */
export interface VaultTools extends ChangeTools {
  readonly passwords: Pick<PasswordHasher, 'stretch'>;
  readonly mail: Pick<MailQueue, 'enqueue'>;
  readonly proofs: Proofs;
  readonly rules: { readonly keyIterations: number } & RefusalTools['rules'];
  readonly vault: VaultRules;
  readonly warn: (message: string) => void;
}

/** Runs one statement with `$1` parameters, and answers its rows. */
export type RunSql = (text: string, params: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>;

/** What rows are read and written through. */
export interface Storage {
  readonly em: SqlEntityManager;
  /** Outside every transaction. */
  readonly run: RunSql;
  readonly metadata: Metadata;
}

/** Who asks, with what, and from where. */
export interface Scope extends Storage {
  readonly tools: VaultTools;
  readonly viewer: Viewer;
  readonly client: Client;
  /** What came in the header `x-vault-token`. */
  readonly vaultToken: string | null;
}

/** A request, whose entity manager is made when it is first asked for: a reveal does without. */
export class RequestScope implements Scope {
  constructor(
    private readonly storage: Storage,
    readonly tools: VaultTools,
    readonly viewer: Viewer,
    readonly client: Client,
    readonly vaultToken: string | null,
  ) {}

  get em(): SqlEntityManager {
    return this.storage.em;
  }

  get run(): RunSql {
    return this.storage.run;
  }

  get metadata(): Metadata {
    return this.storage.metadata;
  }
}

/** The same within a transaction. */
export const within = ({ run, tools, viewer, client, vaultToken }: Scope, em: SqlEntityManager): Scope =>
  new RequestScope({ em, run, metadata: em }, tools, viewer, client, vaultToken);

export const after = (at: Date, seconds: number): Date => new Date(at.valueOf() + seconds * 1000);
