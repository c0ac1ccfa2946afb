import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { GrievanceAction } from '../../entities/grievance.ts';
import type { Viewer } from '../../entities/viewer.ts';
import type { ChangeTools, Requester } from '../audit/event.ts';
import type { Acting, Eyes } from '../record/index.ts';
import { actOn } from './act.ts';
import { close, settle, withdraw, type EndGrievanceInput, type SettleGrievanceInput } from './end.ts';
import { file, type FileGrievanceInput } from './file.ts';
import { recordStep, type RecordGrievanceStepInput } from './step.ts';
import { update, type UpdateGrievanceInput } from './update.ts';

export { EndGrievanceInput, SettleGrievanceInput } from './end.ts';
export { FileGrievanceInput } from './file.ts';
export { RecordGrievanceStepInput } from './step.ts';
export { UpdateGrievanceInput } from './update.ts';

/**
 * Claims that an employer broke the agreement. Each use case answers the id of its grievance. All but filing throw
 * NOT_FOUND for what the caller may not see, and CONFLICT where the state does not allow it or the version is another.
 */
export class GrievanceService {
  private readonly acting: Acting;

  constructor(
    em: SqlEntityManager,
    private readonly eyes: Eyes,
    tools: ChangeTools,
    viewer: Viewer,
    requester: Requester,
  ) {
    this.acting = { em, tools, viewer, requester };
  }

  /** Files one under the next number of its year. @throws BAD_INPUT; NOT_FOUND. */
  file(input: FileGrievanceInput): Promise<string> {
    return file(this.acting, this.eyes, input);
  }

  /** Corrects or completes the record. @throws BAD_INPUT; NOT_FOUND; CONFLICT. */
  update(id: string, input: UpdateGrievanceInput): Promise<string> {
    return update(this.acting, id, input);
  }

  /** Begins the investigation. @throws NOT_FOUND; CONFLICT. */
  investigate(id: string, version: number | null): Promise<string> {
    return actOn(this.acting, GrievanceAction.INVESTIGATE, { id, version, path: 'id' }, (grievance, act) => grievance.investigate(act));
  }

  /** Records the meeting of the current step. @throws BAD_INPUT; NOT_FOUND; CONFLICT. */
  recordStep(input: RecordGrievanceStepInput): Promise<string> {
    return recordStep(this.acting, input);
  }

  /** Takes a denial to the next step. @throws NOT_FOUND; CONFLICT. */
  appeal(id: string, version: number | null): Promise<string> {
    return actOn(this.acting, GrievanceAction.APPEAL, { id, version, path: 'id' }, (grievance, act) => grievance.appeal(act));
  }

  /** Ends it with a settlement, which may pay an amount. @throws BAD_INPUT; NOT_FOUND; CONFLICT. */
  settle(input: SettleGrievanceInput): Promise<string> {
    return settle(this.acting, input);
  }

  /** Ends it because the union takes it back. @throws BAD_INPUT; NOT_FOUND; CONFLICT. */
  withdraw(input: EndGrievanceInput): Promise<string> {
    return withdraw(this.acting, input);
  }

  /** Ends it otherwise. @throws BAD_INPUT; NOT_FOUND; CONFLICT. */
  close(input: EndGrievanceInput): Promise<string> {
    return close(this.acting, input);
  }
}
