import { availableParallelism } from 'node:os';

/** @type {import('jest').Config} */
export default {
  testEnvironment: '<rootDir>/test/support/environment.ts',
  testMatch: ['<rootDir>/{test,examples}/**/*.test.ts'],
  // `npm run test:full` also runs the slow tests.
  testPathIgnorePatterns: ['/node_modules/', String.raw`\.(race|slow)\.test\.ts$`],
  setupFiles: ['<rootDir>/test/support/realm.ts'],
  globalSetup: '<rootDir>/test/support/setup.ts',
  globalTeardown: '<rootDir>/test/support/teardown.ts',
  maxWorkers: Math.min(availableParallelism(), 4),
  // Modules and embedded databases of a file are not completely released, so a large worker is replaced by a new one.
  workerIdleMemoryLimit: '700MB',
  testTimeout: 120_000,
  // By default, Jest gives a worker half a second to end, which is too short on a busy machine.
  workerGracefulExitTimeout: 60_000,
  // A cheaper implementation, except for the tests of the hashes themselves.
  moduleNameMapper: { '^argon2$': '<rootDir>/test/support/argon.ts' },
  extensionsToTreatAsEsm: ['.ts'],
  // Applies with --coverage, which CI uses. Below these thresholds for code that protects data, the run fails.
  coverageProvider: 'v8',
  collectCoverageFrom: ['src/{services,permissions,reading}/**/*.ts'],
  coverageReporters: ['text-summary'],
  coverageThreshold: {
    './src/services/': { lines: 95 },
    './src/permissions/': { lines: 95 },
    './src/reading/': { lines: 95 },
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2023',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
          keepClassNames: true,
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
};
