export { DataVersionError } from '../errors.ts';
export { compareMigrations, isEmpty, migrate } from './migrate.ts';
export { LockedError } from './lock.ts';
export { lockDirectory, openDatabase, ours, type Database, type DatabaseOptions, type DatabaseConfig } from './open.ts';
export type { RunStatement } from './run.ts';
export { dumpTemplate, loadTemplate, templateKey, type Template } from './template.ts';
