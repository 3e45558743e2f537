// What `npm run version-packages` does: changesets become versions and changelogs, and what repeats a version follows.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const root = new URL("../", import.meta.url);
execFileSync(process.execPath, ["node_modules/@changesets/cli/bin.js", "version"], {
  cwd: root,
  stdio: "inherit",
});

const { version } = JSON.parse(readFileSync(new URL("packages/core/package.json", root), "utf8"));
const repeats = {
  // The library reads no files when it runs, so it has its version in its source.
  "packages/core/src/version.ts": /(?<=version = ")[^"]*/,
  "packages/cli/Dockerfile": /(?<=^ARG VERSION=).*/m,
  "examples/kubernetes/Chart.yaml": /(?<=^(?:appV|v)ersion: ).*/gm,
};
for (const [path, pattern] of Object.entries(repeats)) {
  const file = new URL(path, root);
  const text = readFileSync(file, "utf8");
  if (text.search(pattern) === -1) {
    throw new Error(`${path}: expected a version at ${pattern}, given ${text}`);
  }
  writeFileSync(file, text.replace(pattern, version));
}
