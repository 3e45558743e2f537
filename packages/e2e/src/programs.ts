import { describe, it } from "@jest/globals";
import { isInstalled } from "./search-path.ts";

/** The real programs that this layer works with. */
export type Program =
  | "docker-registry"
  | "docker"
  | "dockerd"
  | "containerd"
  | "ctr"
  | "skopeo"
  | "podman"
  | "htpasswd"
  | "script"
  | "zsh"
  | "fish"
  | "openssl";

/**
 * A `describe` that needs real programs. Where some are missing it says which and is skipped; with
 * `REQUIRE_E2E=1` their absence is a failure.
 */
export function describeE2E(name: string, needs: readonly Program[], body: () => void): void {
  const missing = needs.flatMap(lacking);
  if (missing.length === 0) {
    describe(name, body);
  } else if (process.env.REQUIRE_E2E === "1") {
    it(`${name}: has the programs it needs`, () => {
      throw new Error(`REQUIRE_E2E=1, but there is no ${missing.join(", no ")}`);
    });
  } else {
    process.stderr.write(`skipped: ${name}: there is no ${missing.join(", no ")}\n`);
    describe.skip(name, body);
  }
}

function lacking(program: Program): string[] {
  if (!isInstalled(program)) {
    return [program];
  }
  return program === "dockerd" && process.getuid?.() !== 0 ? ["root to run dockerd as"] : [];
}
