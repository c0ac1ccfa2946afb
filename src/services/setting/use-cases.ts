import type { Settings } from '../../entities/setting.ts';
import type { Scope } from '../scope.ts';
import { saveConnection } from './save.ts';
import { settings as readSettings } from './settings.ts';
import { testConnection } from './test.ts';

const show = ({ connections }: Scope): Promise<Settings> => readSettings(connections);

/** The database connection of the instance: show, test, and move to another database. */
export const settings = { show, testConnection, saveConnection };
