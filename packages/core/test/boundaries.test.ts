import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { version } from "@combined-registry/core";
import { describe, expect, it } from "@jest/globals";

const source = fileURLToPath(new URL("../src/", import.meta.url));

// From the bottom to the top. A file imports at run time what stands in the row of its folder, besides its own folder; types are free.
const pure = ["protocol", "routing", "errors.ts"];
const registries = [...pure, "concurrency", "cache", "upstream"];
const requests = [...registries, "http", "authorize", "observe"];
const useCases = [...requests, "pull", "copy", "lists", "referrers", "push"];
const mayImport: Readonly<Record<string, readonly string[]>> = {
  protocol: ["node:crypto", "node:net"],
  routing: ["protocol", "lru-cache"],
  config: ["cache", "routing", "node:crypto", "node:net", "node:tls", "zod"],
  concurrency: ["errors.ts"],
  cache: ["concurrency", "lru-cache"],
  upstream: [
    ...pure,
    "concurrency",
    "node:diagnostics_channel",
    "node:http",
    "node:https",
    "node:net",
    "node:stream",
    "node:timers",
    "node:tls",
    "node:zlib",
    "http-proxy",
    "lru-cache",
    "version.ts",
  ],
  http: [...pure, "upstream", "node:async_hooks", "node:tls"],
  authorize: [...pure, "http"],
  observe: [...pure, "upstream", "version.ts", "prom-client"],
  pull: requests,
  copy: [...requests, "pull", "node:crypto", "node:stream"],
  lists: [...requests, "pull"],
  referrers: [...requests, "pull"],
  push: [...requests, "pull", "copy", "referrers"],
  shadow: [...useCases, "node:timers/promises"],
  endpoints: useCases,
  inspect: [...useCases, "node:crypto"],
  page: [...useCases, "inspect", "version.ts", "node:crypto"],
  adapters: ["node:http"],
};
// What opens sockets, and what http-proxy is behind.
const onlyIn: Readonly<Record<string, string>> = {
  "node:https": "upstream",
  "http-proxy": "upstream/",
};

function files(folder: string): string[] {
  if (!existsSync(`${source}${folder}`)) {
    return [];
  }
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

/** The folder of a file; its name, where it stands in no folder. */
function folderOf(file: string): string {
  return file.split("/")[0] ?? "";
}

/** A circle of files that import each other at run time; undefined if there is none. */
function circle(graph: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const finished = new Set<string>();
  const follow = (file: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(file)) {
      return [...path.slice(path.indexOf(file)), file];
    }
    if (finished.has(file)) {
      return undefined;
    }
    for (const target of graph.get(file) ?? []) {
      const found = follow(target, [...path, file]);
      if (found !== undefined) {
        return found;
      }
    }
    finished.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const found = follow(file, []);
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

describe("folders keep their boundaries", () => {
  it("each has a row", () => {
    const folders = new Set(
      files("")
        .filter((file) => file.includes("/"))
        .map(folderOf),
    );

    expect([...folders].sort()).toEqual(Object.keys(mayImport).sort());
  });

  it.each(Object.entries(mayImport))(
    "%s imports at run time nothing but its own and what is listed",
    (folder, allowed) => {
      const wrong = files(folder).flatMap((file) =>
        imports(file)
          .map((target) => (target.endsWith(".ts") ? folderOf(target) : target))
          .filter((from) => from !== folder && !allowed.includes(from))
          .map((from) => `${file} imports ${from}`),
      );

      expect(wrong).toEqual([]);
    },
  );

  it("no file imports itself at run time, directly or through others", () => {
    expect(circle(new Map(files("").map((file) => [file, imports(file)])))).toBeUndefined();
  });

  it("finds a circle where there is one", () => {
    const graph = new Map([
      ["a", ["b"]],
      ["b", ["c"]],
      ["c", ["b"]],
    ]);

    expect(circle(graph)).toEqual(["b", "c", "b"]);
  });

  it("files that serve a request import nothing that assembles the router, not even a type", () => {
    const above = [
      "router-context.ts",
      "serving.ts",
      "dispatch.ts",
      "generations.ts",
      "handler.ts",
      "index.ts",
    ];
    const below = files("").filter(
      (file) => file.includes("/") && !["adapters", "inspect", "page"].includes(folderOf(file)),
    );
    const wrong = below.filter((file) => {
      const text = readFileSync(`${source}${file}`, "utf8");
      return above.some((name) => text.includes(`"../${name}"`) || text.includes(`"../../${name}"`));
    });

    expect(wrong).toEqual([]);
  });

  it.each(Object.entries(onlyIn))("%s is imported only in %s", (module, folder) => {
    const importers = files("").filter((file) => imports(file).includes(module));

    expect(importers.length).toBeGreaterThan(0);
    expect(importers.filter((file) => !file.startsWith(folder))).toEqual([]);
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
      expect([file, readFileSync(`${source}${file}`, "utf8").split("\n").length < 400]).toEqual([file, true]);
    }
  });
});

describe("the package", () => {
  it("says its own version", () => {
    const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

    expect(version).toBe(manifest.version);
  });
});
