import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{compiler,targets,emu,cli,bench,runtime,test,scripts}/**/*.spec.ts'],
    // Emulated runs share two cores with their siblings; what hangs is found by its own limits, not by this one.
    testTimeout: 120_000,
    pool: 'forks',
  },
});
