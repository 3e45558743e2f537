// What `npm run version-packages` does: changesets become versions and changelogs, and what repeats a version follows.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const root = new URL("../", import.meta.url);
execFileSync(process.execPath, ["node_modules/@changesets/cli/bin.js", "version"], {
  cwd: root,
  stdio: "inherit",
});

// The library reads no files when it runs, so it has its version in its source.
const { version } = JSON.parse(readFileSync(new URL("packages/core/package.json", root), "utf8"));
const source = new URL("packages/core/src/version.ts", root);
const text = readFileSync(source, "utf8");
const changed = text.replace(/(?<=version = ")[^"]*/, version);
if (!changed.includes(`"${version}"`)) {
  throw new Error(`packages/core/src/version.ts: expected a line with version = "...", given ${text}`);
}
writeFileSync(source, changed);
