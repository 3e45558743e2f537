import { execFile } from "node:child_process";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, test } from "@jest/globals";
import { addHelloImage } from "../../src/demo/hello-image.ts";
import { type Architecture, architectures, helloProgram } from "../../src/demo/hello-program.ts";
import { folderWith } from "../support/folder.ts";

const run = promisify(execFile);
const text = "hello, grüße\n";

const here: Architecture | undefined =
  process.platform === "linux" && process.arch === "x64"
    ? "amd64"
    : process.platform === "linux" && process.arch === "arm64"
      ? "arm64"
      : undefined;

describe("the program of the demo's image", () => {
  (here === undefined ? test.skip : test)("runs on this machine, and prints its text", async () => {
    await using folder = await folderWith({});
    const path = join(folder.path, "hello");
    await writeFile(path, helloProgram(here ?? "amd64", text));
    await chmod(path, 0o755);
    expect(await run(path, { timeout: 10_000 })).toEqual({ stdout: text, stderr: "" });
  });

  test.each(architectures)("is a small ELF file for %s that ends with its text", (architecture) => {
    const file = helloProgram(architecture, text);
    expect(file.subarray(0, 4).toString("latin1")).toBe("\x7fELF");
    expect(file.readUInt16LE(18)).toBe({ amd64: 0x3e, arm64: 0xb7 }[architecture]);
    expect(file.toString().endsWith(text)).toBe(true);
    expect(file.length).toBeLessThan(512);
  });
});

test("the image has that program for both architectures, executable, as its entry point", async () => {
  await using folder = await folderWith({});
  const registry = await startRegistry();
  try {
    addHelloImage(registry, "library/hello", "latest", text);
    const get = async (path: string) => {
      const answer = await fetch(`${registry.url}/v2/library/hello/${path}`, {
        headers: { Accept: "application/vnd.oci.image.index.v1+json" },
      });
      expect(answer.status).toBe(200);
      return Buffer.from(await answer.arrayBuffer());
    };
    const { manifests } = JSON.parse((await get("manifests/latest")).toString());
    expect(manifests).toMatchObject(architectures.map((architecture) => ({ platform: { architecture } })));
    for (const [index, { digest }] of manifests.entries()) {
      const manifest = JSON.parse((await get(`manifests/${digest}`)).toString());
      const config = JSON.parse((await get(`blobs/${manifest.config.digest}`)).toString());
      expect(config).toMatchObject({
        architecture: architectures[index],
        config: { Entrypoint: ["/hello"] },
      });
      await writeFile(
        join(folder.path, "layer.tar"),
        gunzipSync(await get(`blobs/${manifest.layers[0].digest}`)),
      );
      const { stdout } = await run("tar", ["-tvf", join(folder.path, "layer.tar")]);
      expect(stdout).toMatch(/^-rwxr-xr-x .* hello\n$/);
    }
  } finally {
    await registry.close();
  }
});
