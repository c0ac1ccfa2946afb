import { availableParallelism } from 'node:os';

/** @type {import('jest').Config} */
export default {
  testEnvironment: '<rootDir>/test/support/environment.ts',
  testMatch: ['<rootDir>/{test,examples}/**/*.test.ts'],
  // What takes longer is run by `npm run test:full`.
  testPathIgnorePatterns: ['/node_modules/', String.raw`\.(race|slow)\.test\.ts$`],
  setupFiles: ['<rootDir>/test/support/realm.ts'],
  globalSetup: '<rootDir>/test/support/setup.ts',
  globalTeardown: '<rootDir>/test/support/teardown.ts',
  maxWorkers: Math.min(availableParallelism(), 4),
  // Modules and embedded databases of a file are not all given back: a worker that has grown is replaced by a new one.
  workerIdleMemoryLimit: '700MB',
  testTimeout: 120_000,
  // Half a second is what Jest gives a worker to end, and more than a busy machine may need.
  workerGracefulExitTimeout: 60_000,
  // A cheaper one, but for the tests of the hashes themselves.
  moduleNameMapper: { '^argon2$': '<rootDir>/test/support/argon.ts' },
  extensionsToTreatAsEsm: ['.ts'],
  // Counted where --coverage asks for it, which CI does: less than this of what keeps people out is no pass.
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
