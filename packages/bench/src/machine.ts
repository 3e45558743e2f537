import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { cpus, type as osType, release, totalmem } from "node:os";
import { program } from "@combined-registry/e2e/router";
import { isInstalled, searchPath } from "@combined-registry/e2e/search-path";
import type { Results } from "./results.ts";

/** What this ran on. */
export async function machine(): Promise<Results["machine"]> {
  const file = await readFile("/etc/os-release", "utf8").catch(() => "");
  const name = /^PRETTY_NAME="?([^"\n]+)/m.exec(file)?.[1] ?? osType();
  const all = cpus();
  return {
    cpu: all[0]?.model ?? "unknown",
    cores: all.length,
    memoryGb: Math.round(totalmem() / 1e9),
    os: `${name}, kernel ${release()}`,
  };
}

/** The programs that took part. */
export async function versions(): Promise<Record<string, string>> {
  const nginx = isInstalled("nginx") ? { nginx: await versionOf("nginx", ["-v"]) } : {};
  return {
    "combined-registry": await versionOf(process.execPath, [program, "--version"]),
    node: process.versions.node,
    "docker-registry": await versionOf("docker-registry", ["--version"]),
    ...nginx,
  };
}

/** nginx says it on standard error. */
function versionOf(file: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { env: { PATH: searchPath }, timeout: 10_000 };
    execFile(file, args, options, (error, stdout, stderr) => {
      if (error) {
        reject(error);
      } else {
        resolve(/\d+\.\d[\w.+-]*/.exec(`${stdout}${stderr}`)?.[0] ?? "unknown");
      }
    });
  });
}
