import type { ConnectionSaved, ConnectionTest, Settings } from '../../entities/setting.ts';
import type { Viewer } from '../../entities/viewer.ts';
import type { Requester } from '../audit/event.ts';
import type { Asker } from './allow.ts';
import type { SettingTools } from './desk.ts';
import type { ConnectionInput } from './input.ts';
import { saveConnection } from './save.ts';
import { settings } from './settings.ts';
import { testConnection } from './test.ts';

export { CarefulSocket, mayConnectTo } from './address.ts';
export { Turns, type Desk, type Place, type Proven, type SettingTools } from './desk.ts';
export { explain, failureOf, messageOf } from './failure.ts';
export { ConnectionInput, readConnection, urlOf } from './input.ts';
export { probe, type Probe } from './probe.ts';
export { isSaved, SavedConnection, SavedError } from './saved.ts';

/** Where the instance keeps its data, and how it moves. */
export class SettingService {
  constructor(
    private readonly tools: SettingTools,
    private readonly viewer: Viewer,
    private readonly client: Requester,
  ) {}

  show(): Promise<Settings> {
    return settings(this.tools.desk);
  }

  /** @throws BAD_CREDENTIALS; BAD_INPUT; RATE_LIMITED. */
  testConnection(input: ConnectionInput, setupToken: string | null | undefined): Promise<ConnectionTest> {
    return testConnection(this.tools, input, this.asker(setupToken));
  }

  /** @throws CONFLICT where DATABASE_URL decides; BAD_CREDENTIALS; BAD_INPUT; RATE_LIMITED. */
  saveConnection(input: ConnectionInput, setupToken: string | null | undefined): Promise<ConnectionSaved> {
    return saveConnection(this.tools, input, this.asker(setupToken));
  }

  private asker(setupToken: string | null | undefined): Asker {
    return { viewer: this.viewer, client: this.client, setupToken: setupToken ?? null };
  }
}
