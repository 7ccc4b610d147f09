import path from 'node:path'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  root: path.resolve(import.meta.dirname, '../..'),
  test: {
    pool: 'forks',
    // Tests start processes of their own, so more workers than this only wait for each other.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 90_000,
    teardownTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'pure',
          include: [
            '{packages,services}/*/src/**/*.test.ts',
            'packages/{vrp,contracts,local,manifests}/test/**/*.test.ts',
          ],
        },
      },
      {
        extends: true,
        test: {
          name: 'servers',
          include: ['{packages,services}/*/test/**/*.test.ts'],
          exclude: ['**/node_modules/**', 'packages/{vrp,contracts,local,manifests}/test/**'],
          globalSetup: 'packages/test-kit/src/global-setup.ts',
        },
      },
    ],
  },
})
