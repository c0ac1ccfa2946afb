import type { ConnectionSettings, Settings } from '../../entities/setting.ts';
import type { Desk } from './desk.ts';

/** Returns how this instance is set up. */
export async function settings(desk: Desk): Promise<Settings> {
  const { configDirectory, isMailConfigured: mailConfigured, version } = desk;
  return { connection: await connectionSettings(desk), configDirectory, mailConfigured, version };
}

/** Returns where the database of this instance is. */
export async function connectionSettings(desk: Desk): Promise<ConnectionSettings> {
  const { source, server } = desk.place;
  const { host, port, database, username } = server ?? { host: null, port: null, database: null, username: null };
  const serverVersion = await desk.serverVersion();
  return { source, host, port, database, username, serverVersion, isReady: serverVersion !== null };
}
