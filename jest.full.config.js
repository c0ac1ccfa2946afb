import fast from './jest.config.js';

// Read by the workers: every query is executed in both ways, see test/support/local.ts.
process.env.UNIONHALL_TEST_FULL = '1';

/** @type {import('jest').Config} */
export default { ...fast, testPathIgnorePatterns: ['/node_modules/'] };
