import { describe, it } from "@jest/globals";
import type { Ability } from "./abilities.ts";
import { isInstalled } from "./search-path.ts";

/** The real programs that this layer works with. */
export type Program =
  | "chromium"
  | "docker-registry"
  | "docker"
  | "dockerd"
  | "containerd"
  | "ctr"
  | "skopeo"
  | "podman"
  | "buildah"
  | "helm"
  | "promtool"
  | "prometheus"
  | "docker-compose"
  | "systemd-analyze"
  | "htpasswd"
  | "haproxy"
  | "nginx"
  | "script"
  | "git"
  | "bash"
  | "zsh"
  | "fish"
  | "openssl";

/** A program that has to be there, or a kind of its work that it has to be able to do here. */
export type Need = Program | Ability;

/**
 * A `describe` that needs real programs. Where some are missing, or cannot do their work for this user on this machine, it says
 * which and why, and is skipped; with `REQUIRE_E2E=1` that is a failure.
 */
export function describeE2E(name: string, needs: readonly Need[], body: () => void): void {
  const missing = needs.flatMap(lacking);
  if (missing.length === 0) {
    describe(name, body);
  } else if (process.env.REQUIRE_E2E === "1") {
    it(`${name}: has the programs it needs`, () => {
      throw new Error(`REQUIRE_E2E=1, but ${missing.join("; ")}`);
    });
  } else {
    process.stderr.write(`skipped: ${name}: ${missing.join("; ")}\n`);
    describe.skip(name, body);
  }
}

function lacking(need: Need): string[] {
  const [program = ""] = need.split(" ");
  if (!isInstalled(program)) {
    return [`there is no ${program}`];
  }
  const reason = inabilities[need];
  return reason === undefined ? [] : [`${need} cannot work here: ${reason}`];
}

/** As `jest-setup.js` has found them. */
const inabilities: Readonly<Record<string, string>> = JSON.parse(process.env.E2E_INABILITIES ?? "{}");
