import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { version } from "@combined-registry/core";
import { describe, expect, it } from "@jest/globals";

const source = fileURLToPath(new URL("../src/", import.meta.url));

// Who may import whom. A request moves down this list: what is above never imports what is below it, but for types.
const mayImport: Readonly<Record<string, readonly string[]>> = {
  protocol: ["protocol", "node:crypto"],
  routing: ["protocol", "routing", "lru-cache"],
  sharing: ["sharing", "upstream"],
  config: ["config", "routing", "node:crypto", "node:net", "node:tls", "zod"],
  authorize: ["authorize", "protocol"],
  adapters: ["adapters", "node:http"],
  upstream: [
    "protocol",
    "routing",
    "upstream",
    "node:diagnostics_channel",
    "node:http",
    "node:https",
    "node:stream",
    "node:tls",
    "cockatiel",
    "http-proxy",
    "lru-cache",
  ],
  page: [
    "actions",
    "admit.ts",
    "authorize",
    "inspect",
    "observe",
    "page",
    "protocol",
    "routing",
    "version.ts",
    "node:crypto",
  ],
  inspect: ["actions", "inspect", "protocol", "routing", "upstream", "node:crypto"],
};
// What opens sockets, and what http-proxy is behind.
const onlyIn: Readonly<Record<string, string>> = {
  "node:https": "upstream",
  "http-proxy": "upstream/forwarder.ts",
  cockatiel: "upstream/",
};

function files(folder: string): string[] {
  return readdirSync(`${source}${folder}`, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => (folder === "" ? file : `${folder}/${file}`));
}

/** What a file imports at run time, own files as `folder/file.ts`. */
function imports(file: string): string[] {
  const text = readFileSync(`${source}${file}`, "utf8");
  const found = [...text.matchAll(/^(?:import|export) (?!type )(?:[^"';]*? from )?"([^"]+)"/gms)].map(
    ([, target = ""]) => target,
  );
  return found.map((target) =>
    target.startsWith(".") ? new URL(target, `file:///${file}`).pathname.slice(1) : target,
  );
}

describe("folders keep their boundaries", () => {
  it.each(Object.entries(mayImport))(
    "%s imports at run time nothing but its own and what is listed",
    (folder, allowed) => {
      for (const file of files(folder)) {
        for (const target of imports(file)) {
          const from = target.endsWith(".ts") ? (target.split("/")[0] ?? "") : target;
          expect([
            file,
            allowed.includes(from) || (folder === "protocol" && target === "node:net") ? "fine" : target,
          ]).toEqual([file, "fine"]);
        }
      }
    },
  );

  it.each(Object.entries(onlyIn))("%s is imported only in %s", (module, place) => {
    const importers = files("").filter((file) => imports(file).includes(module));

    expect(importers.length).toBeGreaterThan(0);
    expect(importers.filter((file) => !file.startsWith(place))).toEqual([]);
  });

  it("nothing reads the environment or arguments, writes to the console or ends the process", () => {
    for (const file of files("")) {
      expect([
        file,
        /process\.(env|argv|exit|on|stdout|stderr)|console\./.exec(
          readFileSync(`${source}${file}`, "utf8"),
        )?.[0],
      ]).toEqual([file, undefined]);
    }
  });

  it("keeps every file short enough to be read at once", () => {
    for (const file of files("")) {
      expect([file, readFileSync(`${source}${file}`, "utf8").split("\n").length < 260]).toEqual([file, true]);
    }
  });
});

describe("the package", () => {
  it("says its own version", () => {
    const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

    expect(version).toBe(manifest.version);
  });
});
