/**
 * Before the first test that needs real programs: tries once what they can do on this machine. The variable reaches each of jest's
 * processes.
 */
export default async function findOut() {
  const { findInabilities } = await import("./dist/abilities.js").catch((cause) => {
    throw new Error("packages/e2e is not built: run `npm test`, or `tsc -b` before jest", { cause });
  });
  process.env.E2E_INABILITIES = JSON.stringify(await findInabilities());
}
