import type { ConnectionSettings, Settings } from '../../entities/setting.ts';
import type { ConnectionManager } from './connection-manager.ts';

/** Returns how this instance is set up. */
export async function settings(connections: ConnectionManager): Promise<Settings> {
  const { configDirectory, isMailConfigured: mailConfigured, version } = connections;
  return { connection: await connectionSettings(connections), configDirectory, mailConfigured, version };
}

/** Returns where the database of this instance is. */
export async function connectionSettings(connections: ConnectionManager): Promise<ConnectionSettings> {
  const { source, server } = connections.place;
  const { host, port, database, username } = server ?? { host: null, port: null, database: null, username: null };
  const serverVersion = await connections.serverVersion();
  return { source, host, port, database, username, serverVersion, isReady: serverVersion !== null };
}
