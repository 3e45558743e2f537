import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { until } from "@combined-registry/deadline";
import {
  type Credentials,
  type ProfileName,
  profiles,
  type RegistryOptions,
  refusals,
  startRegistry,
  type TestRegistry,
} from "@combined-registry/testkit";
import { afterAll, describe, expect, it } from "@jest/globals";
import { parse } from "yaml";
import { readPage } from "../src/doc-pages.ts";
import { image } from "../src/images.ts";
import { Resources } from "../src/resources.ts";
import { program, type Router, startRouter } from "../src/router.ts";
import { run } from "../src/run.ts";
import { searchPath } from "../src/search-path.ts";
import { seed } from "../src/seed.ts";

// Each configuration of docs/registries.md, with the addresses of registries that behave so in place of the real ones.
const mark =
  /<!-- run by packages\/e2e\/test\/registries-page\.test\.ts as ([\w-]+) -->\n```yaml\n(.*?)```/gs;
const page = readPage("docs/registries.md");
const blocks = [...page.matchAll(mark)].map(([, like = "", text = ""]) => ({ like, text }));

const repository = "acme/team/app";
const password = "as the page wants it";
const local = /http:\/\/localhost:\d+/g;
const address = /https?:\/\/[\w.-]+(?::\d+)?/g;

const resources = new Resources();
afterAll(() => resources[Symbol.asyncDispose](), 60_000);

interface Running {
  readonly router: Router;
  readonly folder: string;
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
  /** The registry that the block is about. */
  readonly registry: TestRegistry;
  readonly role: "hosted" | "proxy";
}

function isProfile(name: string): name is ProfileName {
  return Object.hasOwn(profiles, name);
}

function optionsOf(like: string, text: string): RegistryOptions {
  if (!isProfile(like)) {
    throw new Error(`docs/registries.md: there is no profile ${like}`);
  }
  const username = /username: ([^ ,}]+)/.exec(text)?.[1];
  if (username === undefined) {
    return { like };
  }
  const user: Credentials = { username, password };
  // Who says nothing of tokens asks for Basic.
  return profiles[like].tokens === undefined ? { like, auth: user } : { like, tokens: { user } };
}

/** A router that reads a block of the page, in front of the registry that the block is about. */
async function start(like: string, text: string): Promise<Running> {
  const registry = resources.use(await startRegistry(optionsOf(like, text)));
  const other = resources.use(await startRegistry());
  const folder = await resources.folder();
  const file = join(folder, "combined-registry.yaml");
  const [secret] = /(?<=passwordFile: \.\/)[^ }]+/.exec(text) ?? [];
  if (secret !== undefined) {
    await writeFile(join(folder, secret), `${password}\n`);
  }
  const placed = text.replace(local, "LOCAL").replace(address, registry.url).replaceAll("LOCAL", other.url);
  await writeFile(file, placed);
  const variables = [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name = ""]) => [name, password]);
  const env = { HOST: "127.0.0.1", ...Object.fromEntries(variables) };
  const router = resources.use(await startRouter({ args: ["--config", file], env, folder }));
  const { hosted } = parse(text);
  const role = typeof hosted === "object" ? "hosted" : "proxy";
  registry.createRepository(repository);
  return { router, folder, file, env, registry, role };
}

/** Pulls an image as clients do: the manifest by tag, then by digest, then everything in it, redirects included. */
async function pull({ router, registry }: Pick<Running, "router" | "registry">, tag: string): Promise<void> {
  const manifest = await fetched(router, `manifests/${tag}`);
  expect(manifest).toEqual(registry.manifest(repository, tag));
  await fetched(router, `manifests/${digestOf(manifest)}`);
  const { config, layers } = JSON.parse(manifest.toString());
  for (const { digest } of [config, ...layers]) {
    expect(digestOf(await fetched(router, `blobs/${digest}`))).toBe(digest);
  }
}

async function fetched({ origin }: Router, rest: string): Promise<Buffer> {
  const answer = await fetch(`${origin}/v2/${repository}/${rest}`, {
    headers: { Accept: "application/vnd.oci.image.manifest.v1+json, */*" },
  });
  const body = Buffer.from(await answer.arrayBuffer());
  expect([rest, answer.status, answer.ok ? "" : body.toString()]).toEqual([rest, 200, ""]);
  return body;
}

const digestOf = (bytes: Buffer) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

it("the page has a configuration for each of fifteen registries", () => {
  expect(new Set(blocks.map(({ like }) => like)).size).toBe(15);
  expect([...page.matchAll(/```yaml/g)]).toHaveLength(15);
});

describe.each(blocks)("docs/registries.md, $like", ({ like, text }) => {
  it("is checked without errors, and clients pull and push", async () => {
    const running = await start(like, text);
    const { router, registry, role, env } = running;
    registry.addImage(repository, { tag: "1.0", layers: [`in ${like}`] });

    expect((await fetch(`${router.origin}/v2/`)).status).toBe(200);
    await pull(running, "1.0");

    const made = await image(`pushed, ${like}`);
    await seed(router.origin, repository, "2.0", made);
    const arrived = [made.manifest, ...made.blobs].filter(
      ({ digest }) => registry.hasBlob(repository, digest) || registry.hasManifest(repository, digest),
    );
    expect(arrived).toHaveLength(role === "hosted" ? 1 + made.blobs.length : 0);
    if (role === "hosted") {
      await pull(running, "2.0");
    }

    const args = [program, "check", "--config", running.file];
    const said = await run(process.execPath, args, { PATH: searchPath, ...env }, { folder: running.folder });
    expect(said).toContain("0 errors");
  }, 60_000);
});

it("a renewed password of ECR is taken from its file, without a restart", async () => {
  const { text = "" } = blocks.find(({ like }) => like === "ecr") ?? {};
  const running = await start("ecr", text);
  const { registry, folder, router } = running;
  registry.addImage(repository, { tag: "1.0", layers: ["renewed"] });
  await pull(running, "1.0");

  registry.replacePassword("renewed");
  registry.addImage(repository, { tag: "2.0", layers: ["after that"] });
  const expired = await fetch(`${router.origin}/v2/${repository}/manifests/2.0`);
  await writeFile(join(folder, "ecr-password"), "renewed\n");

  expect([expired.status, await expired.text()]).toEqual([502, expect.stringContaining("hosted")]);
  await until("the router to use the new password", 20_000, async () => {
    const { status } = await fetch(`${router.origin}/v2/${repository}/manifests/2.0`, { method: "HEAD" });
    return status === 200;
  });
  await pull(running, "2.0");
}, 60_000);

describe("what the page says of Harbor's refusals", () => {
  it.each([
    ["a policy", refusals.harbor.vulnerable, "cannot be pulled due to configured policy"],
    ["a quota", refusals.harbor.quota, "will exceed the configured upper limit"],
  ])(
    "clients see the words of %s",
    async (_, fault, words) => {
      const { text = "" } = blocks.find(({ like }) => like === "harbor") ?? {};
      const { router, registry } = await start("harbor", text);
      registry.addImage(repository, { tag: "1.0" });
      registry.fault(fault);

      const pulled = fetch(`${router.origin}/v2/${repository}/manifests/1.0`);
      const pushed = fetch(`${router.origin}/v2/${repository}/blobs/uploads/`, { method: "POST" });
      const said = await Promise.all([pulled, pushed].map(async (answer) => (await answer).text()));

      expect(said.join("\n")).toContain(words);
    },
    60_000,
  );
});
