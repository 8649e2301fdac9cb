// One project for each kind of test; production's scripts select them by name.
/** @type {(name: string, folder: string) => import('jest').Config} */
const project = (name, folder) => ({
  displayName: name,
  rootDir: __dirname,
  slowTestThreshold: 600,
  testMatch: [`<rootDir>/${folder}/**/*.test.ts`],
  transform: { '^.+\\.ts$': ['ts-jest', { diagnostics: false }] },
});

/** @type {import('jest').Config} */
module.exports = {
  projects: [
    project('unit', 'test/unit'),
    project('integration', 'test/integration'),
    project('e2e', 'test/e2e'),
    project('performance', 'test/performance'),
    project('repeated', 'test/repeated'),
  ],
  collectCoverageFrom: ['src/**/*.ts'],
  coverageReporters: ['text-summary', 'json-summary'],
  // Percent of lines, by layer.
  coverageThreshold: {
    './src/domain/': { lines: 90 },
    './src/services/': { lines: 80 },
    './src/api/': { lines: 70 },
    './src/infra/': { lines: 60 },
    './src/ui/': { lines: 70 },
  },
};
