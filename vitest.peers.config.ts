import { defineConfig } from 'vitest/config';

/** Tests against real kamailio, nsqd and sipp: `.ci/run` installs them. */
export default defineConfig({
  test: {
    include: ['test/**/*.peers.ts'],
    testTimeout: 600_000,
    hookTimeout: 60_000,
    retry: Number(process.env.TEST_RETRY ?? 0),
    fileParallelism: false,
    passWithNoTests: true,
  },
});
