import { availableParallelism } from "node:os";

// Tests run the TypeScript sources as ES modules: nothing has to be built first, except where a test
// runs the command line program itself.
const swc = [
  "@swc/jest",
  {
    jsc: { parser: { syntax: "typescript" }, target: "es2023" },
    module: { type: "es6" },
  },
];

/** @param more what only this layer has */
const layer = (name, more = {}) => ({
  displayName: name,
  rootDir: `packages/${name}`,
  testEnvironment: "<rootDir>/../../scripts/jest-environment.js",
  testMatch: ["<rootDir>/test/**/*.test.ts"],
  extensionsToTreatAsEsm: [".ts"],
  transform: { "\\.ts$": swc },
  moduleNameMapper: {
    "^@combined-registry/deadline$": "<rootDir>/../deadline/src/index.ts",
    "^@combined-registry/core/(koa|fastify|hono)$": "<rootDir>/../core/src/adapters/$1.ts",
    "^@combined-registry/core$": "<rootDir>/../core/src/index.ts",
    "^@combined-registry/testkit$": "<rootDir>/../testkit/src/index.ts",
    "^@combined-registry/e2e/(.*)$": "<rootDir>/../e2e/src/$1.ts",
  },
  ...more,
});
const withPrograms = { globalSetup: "<rootDir>/../e2e/jest-setup.js" };

export default {
  coverageProvider: "v8",
  // jest leaves one core alone, which on two of them is half the machine. More than four files at once would disturb those that
  // put load on a router.
  maxWorkers: Math.min(availableParallelism(), 4),
  testSequencer: "<rootDir>/scripts/jest-sequencer.js",
  // For every project; jest ignores one that stands in a project. A slow machine is told from a fault by the deadlines
  // that tests have themselves, with a label each: jest's own is only for a wait that somebody forgot to give one.
  testTimeout: 30_000,
  collectCoverageFrom: ["packages/*/src/**/*.ts"],
  projects: [
    layer("deadline"),
    layer("core"),
    layer("testkit"),
    layer("cli"),
    layer("e2e", withPrograms),
    layer("bench", withPrograms),
  ],
};
