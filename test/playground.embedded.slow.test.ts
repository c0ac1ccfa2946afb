// Every query and mutation of the playground's story, on the embedded engine.
process.env['UNIONHALL_TEST_ENGINE'] = 'embedded';
await import('./playground.test.ts');
