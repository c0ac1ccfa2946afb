// Runs every query and mutation of the playground's story on the embedded database.
process.env['UNIONHALL_TEST_ENGINE'] = 'embedded';
await import('./playground.test.ts');
