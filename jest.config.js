// Tests run the TypeScript sources as ES modules: nothing has to be built first, except where a test
// runs the command line program itself.
const swc = [
  "@swc/jest",
  {
    jsc: { parser: { syntax: "typescript" }, target: "es2023" },
    module: { type: "es6" },
  },
];

const layer = (name) => ({
  displayName: name,
  rootDir: `packages/${name}`,
  testEnvironment: "node",
  testMatch: ["<rootDir>/test/**/*.test.ts"],
  extensionsToTreatAsEsm: [".ts"],
  transform: { "\\.ts$": swc },
  moduleNameMapper: {
    "^@combined-registry/core/(koa|fastify|hono)$": "<rootDir>/../core/src/adapters/$1.ts",
    "^@combined-registry/core$": "<rootDir>/../core/src/index.ts",
    "^@combined-registry/testkit$": "<rootDir>/../testkit/src/index.ts",
    "^@combined-registry/e2e/(.*)$": "<rootDir>/../e2e/src/$1.ts",
  },
});

export default {
  coverageProvider: "v8",
  // For every project; jest ignores one that stands in a project. A slow machine is told from a fault by the deadlines
  // that tests have themselves, with a label each: jest's own is only for a wait that somebody forgot to give one.
  testTimeout: 30_000,
  collectCoverageFrom: ["packages/*/src/**/*.ts"],
  projects: [layer("core"), layer("testkit"), layer("cli"), layer("e2e"), layer("bench")],
};
