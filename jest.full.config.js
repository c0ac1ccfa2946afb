import fast from './jest.config.js';

// For the workers: executes every query in both ways, see test/support/local.ts.
process.env.UNIONHALL_TEST_FULL = '1';

/** @type {import('jest').Config} */
export default { ...fast, testPathIgnorePatterns: ['/node_modules/'] };
