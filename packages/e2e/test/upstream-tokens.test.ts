import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { type Client, podmanClient, skopeoClient } from "../src/clients.ts";
import { type DockerRegistry, startDockerRegistry } from "../src/docker-registry.ts";
import { request } from "../src/http.ts";
import { acceptManifests, image } from "../src/images.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import { type Router, startRouter } from "../src/router.ts";
import { seed } from "../src/seed.ts";
import { startTap, type Tap } from "../src/tap.ts";
import { startTokenServer, type TokenServer } from "../src/token-server.ts";

const user = { username: "robot", password: "s3cret & more" };

describeE2E("registries that ask for tokens", ["docker-registry", "skopeo", "podman", "openssl"], () => {
  const resources = new Resources();
  let folder: string;
  let tokens: TokenServer;
  let hub: DockerRegistry;
  let hosted: DockerRegistry;
  let hubTap: Tap;
  let router: Router;
  let skopeo: Client;
  let podman: Client;

  beforeAll(async () => {
    folder = await resources.folder();
    tokens = resources.use(await startTokenServer(folder, user));
    const { issuer, certificate, realm, formRealm } = tokens;
    const start = async (name: string, where: string) =>
      resources.use(
        await startDockerRegistry({
          name,
          folder,
          tokens: { realm: where, service: name, issuer, certificate },
        }),
      );
    hub = await start("hub", realm);
    hosted = await start("hosted", formRealm);
    hubTap = resources.use(await startTap(hub.origin));
    router = await routerFor(user.password);
    skopeo = skopeoClient(folder);
    podman = await podmanClient(folder);
  }, 60_000);

  afterAll(() => resources[Symbol.asyncDispose](), 60_000);

  /** A router with a user at hosted, and none at the public registry. */
  async function routerFor(password: string, more: object = {}): Promise<Router> {
    const name = `router-${password.length}`;
    await writeFile(join(folder, `${name}-password`), `${password}\n`);
    const auth = { username: user.username, passwordFile: `${name}-password` };
    const file = join(folder, `${name}.json`);
    const upstreams = {
      hosted: { url: hosted.origin, auth },
      proxy: [{ name: "hub", url: hubTap.origin, ...more }],
    };
    await writeFile(file, JSON.stringify({ host: "127.0.0.1", ...upstreams }));
    return resources.use(await startRouter({ args: ["--config", file], folder }));
  }

  async function digestInHosted(repository: string, tag: string): Promise<string> {
    const reply = await request(hosted.origin, "GET", `/v2/${repository}/manifests/${tag}`, {
      headers: { ...tokens.authorization("hosted", repository), Accept: acceptManifests },
    });
    return String(reply.headers["docker-content-digest"]);
  }

  it("are both there for clients that have no credentials", async () => {
    const direct = await Promise.all([hub, hosted].map(({ origin }) => request(origin, "GET", "/v2/")));
    const combined = await request(router.origin, "GET", "/v2/");

    expect([...direct, combined].map(({ status }) => status)).toEqual([401, 401, 200]);
  }, 30_000);

  it("give public images to podman and skopeo with anonymous tokens, one for a repository", async () => {
    const published = await image("public, behind tokens");
    await seed(hub.origin, "library/tool", "1.0", published, tokens.authorization("hub", "library/tool"));
    const name = `${router.host}/library/tool:1.0`;

    await podman("pull", "--tls-verify=false", name);
    const described = JSON.parse(await skopeo("inspect", "--tls-verify=false", `docker://${name}`));

    expect(described).toMatchObject({ Digest: published.manifest.digest });
    const asked = tokens.asked.filter(({ scopes }) => scopes.includes("repository:library/tool:pull"));
    expect(asked.filter(({ user: who }) => who === undefined)).toEqual([
      { method: "GET", user: undefined, scopes: ["repository:library/tool:pull"], status: 200 },
    ]);
  }, 60_000);

  it("take a push from podman and from skopeo with the router's user, asked for by form", async () => {
    // Of one image, skopeo would push the layers as podman has compressed them anew.
    const publish = async (repository: string, platforms: readonly string[]) => {
      const published = await image(`pushed on from ${repository}`, platforms);
      await seed(hub.origin, repository, "1.0", published, tokens.authorization("hub", repository));
      return { name: `${router.host}/${repository}:1.0`, digest: published.manifest.digest };
    };
    const one = await publish("library/one", ["linux/amd64"]);
    const several = await publish("library/several", ["linux/amd64", "linux/arm64"]);

    await podman("pull", "--tls-verify=false", one.name);
    await podman("push", "--tls-verify=false", one.name, `docker://${router.host}/team/one:2.0`);
    const plain = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    const target = `docker://${router.host}/team/several:2.0`;
    await skopeo("copy", "--all", ...plain, `docker://${several.name}`, target);

    expect(await digestInHosted("team/several", "2.0")).toBe(several.digest);
    expect(await digestInHosted("team/one", "2.0")).toMatch(/^sha256:/);
    const pushes = tokens.asked.filter(({ scopes }) => scopes.some((scope) => scope.endsWith(":pull,push")));
    expect(new Set(pushes.map(({ method, user: who, status }) => [method, who, status].join(" ")))).toEqual(
      new Set(["POST robot 200"]),
    );
  }, 90_000);

  it("give private images to clients although the public one does not know their names", async () => {
    const published = await image("private, behind tokens");
    const { digest } = published.manifest;
    await seed(hosted.origin, "acme/app", "1.0", published, tokens.authorization("hosted", "acme/app"));

    await podman("pull", "--tls-verify=false", `${router.host}/acme/app:1.0`);
    await podman("pull", "--tls-verify=false", `${router.host}/acme/app@${digest}`);

    const refused = await request(hub.origin, "GET", "/v2/acme/app/manifests/1.0");
    const reply = await request(router.origin, "GET", "/v2/acme/app/manifests/1.0", {
      headers: { Accept: acceptManifests },
    });
    expect(refused.status).toBe(401);
    expect(reply.headers["x-combined-registry"]).toBe("hosted; found; hub not found");
  }, 60_000);

  it("see nothing of the router's user at the public one", async () => {
    const shown = hubTap.seen.flatMap(({ rawHeaders }) =>
      rawHeaders.filter((_, index) => /^authorization$/i.test(rawHeaders[index - 1] ?? "")),
    );

    expect(shown.length).toBeGreaterThan(0);
    expect(shown.filter((value) => !value.startsWith("Bearer "))).toEqual([]);
  });

  it("that refuse the router's user are failures that say so, to pulls and to pushes", async () => {
    const wrong = await routerFor("not the password", { auth: { ...user, password: "nor this" } });

    const get = await request(wrong.origin, "GET", "/v2/nobody/nothing/manifests/1.0");
    const put = await request(wrong.origin, "PUT", "/v2/team/new/manifests/1.0", { body: "{}" });

    const refused = "failed (token endpoint refused the router's credentials (401))";
    expect([get.status, JSON.parse(get.body.toString()).errors[0].message]).toEqual([
      502,
      `hub ${refused}, hosted ${refused}`,
    ]);
    expect([put.status, JSON.parse(put.body.toString()).errors[0].message]).toEqual([
      502,
      `hosted ${refused}`,
    ]);
  }, 30_000);
});
