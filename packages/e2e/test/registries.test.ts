import { createCombinedRegistryHandler } from "@combined-registry/core";
import {
  type ProfileName,
  profiles,
  startRegistry,
  startRouter,
  type TestRegistry,
  type TestRouter,
} from "@combined-registry/testkit";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { clientKinds, type ImageClient } from "../src/client-kinds.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";

// Real clients, through the router, over registries that behave as those of the field.
const likes: readonly ProfileName[] = ["artifact-registry", "ghcr", "harbor", "artifactory", "ecr", "gitlab"];

/** The router's user at a registry of this make. */
function userOf(like: ProfileName): { auth?: { username: string; password: string } } {
  const { auth, tokens } = profiles[like];
  const user = auth ?? tokens?.user;
  return user === undefined ? {} : { auth: { username: user.username, password: user.password } };
}

/** A router with a registry of this make as hosted, or as proxy, and a plain registry at the other side. */
function startBetween(like: ProfileName, role: "hosted" | "proxy"): Promise<TestRouter> {
  return startRouter(
    ({ hosted, proxy }) =>
      createCombinedRegistryHandler(
        role === "hosted"
          ? { hosted: { url: hosted, ...userOf(like) }, proxy }
          : { hosted, proxy: proxy.map((one) => ({ ...one, ...userOf(like) })) },
      ),
    role === "hosted" ? { hosted: { like } } : { proxies: { [like]: { like } } },
  );
}

/** The digests of an image, its blobs included, that a registry lacks. */
function lackedBy(registry: TestRegistry, repository: string, digests: readonly string[]): string[] {
  return digests.filter(
    (digest) => !registry.hasBlob(repository, digest) && !registry.hasManifest(repository, digest),
  );
}

describe.each(clientKinds)("$name", ({ name: client, needs, open }) => {
  describeE2E(`${client} over registries of the field`, needs, () => {
    const resources = new Resources();
    let images: ImageClient;
    /** Where images come from that the router has never seen. */
    let outside: TestRegistry;

    beforeAll(async () => {
      images = await open(resources);
      outside = resources.use(await startRegistry());
    }, 90_000);

    afterAll(() => resources[Symbol.asyncDispose](), 60_000);

    describe.each(likes)("%s as hosted", (like) => {
      let router: TestRouter;
      // Whatever a make wants to exist before a push, such as a project, exists.
      const repository = `acme/team/${client}`;

      beforeAll(async () => {
        router = resources.use(await startBetween(like, "hosted"));
        router.hosted.createRepository(repository);
      });

      it("a private image is pulled by tag and by digest", async () => {
        const { digest } = router.hosted.addImage(repository, {
          tag: "private",
          layers: [`private, ${like}, ${client}`],
        });

        await images.pull(`${router.host}/${repository}:private`);
        await images.pull(`${router.host}/${repository}@${digest}`);
      }, 60_000);

      it("a public image is pulled", async () => {
        router.proxy.addImage("library/tool", { tag: "1", layers: [`public, ${like}, ${client}`] });

        await images.pull(`${router.host}/library/tool:1`);
      }, 60_000);

      it("an image is pushed, and hosted has all of it", async () => {
        const { config, layers } = outside.addImage("made/outside", {
          tag: `${like}-${client}`,
          layers: [`pushed, ${like}, ${client}`],
        });

        await images.copy(
          `${outside.host}/made/outside:${like}-${client}`,
          `${router.host}/${repository}:pushed`,
        );

        expect(router.hosted.tags(repository)).toContain("pushed");
        expect(lackedBy(router.hosted, repository, [config.digest])).toEqual([]);
        // Some clients compress layers anew; the manifest in hosted says which ones it has.
        const pushed = JSON.parse(router.hosted.manifest(repository, "pushed")?.toString() ?? "{}");
        const pushedLayers: string[] = pushed.layers.map(({ digest }: { digest: string }) => digest);
        expect(pushedLayers).toHaveLength(layers.length);
        expect(lackedBy(router.hosted, repository, pushedLayers)).toEqual([]);
        await images.pull(`${router.host}/${repository}:pushed`);
      }, 60_000);

      it("an image of the proxy is pushed under its own name, and hosted has all of it", async () => {
        const { config } = router.proxy.addImage(repository, {
          tag: "theirs",
          layers: [`on both sides, ${like}, ${client}`],
        });

        await images.copy(`${router.host}/${repository}:theirs`, `${router.host}/${repository}:ours`);

        const pushed = JSON.parse(router.hosted.manifest(repository, "ours")?.toString() ?? "{}");
        const pushedLayers: string[] = pushed.layers.map(({ digest }: { digest: string }) => digest);
        expect(lackedBy(router.hosted, repository, [config.digest, ...pushedLayers])).toEqual([]);
      }, 60_000);
    });

    describe.each(likes)("%s as proxy", (like) => {
      let router: TestRouter;
      const repository = `acme/team/${client}`;

      beforeAll(async () => {
        router = resources.use(await startBetween(like, "proxy"));
      });

      it("a public image is pulled by tag and by digest", async () => {
        const { digest } = router.proxy.addImage(repository, {
          tag: "public",
          layers: [`public at ${like}, ${client}`],
        });

        await images.pull(`${router.host}/${repository}:public`);
        await images.pull(`${router.host}/${repository}@${digest}`);
      }, 60_000);

      it("a private image that the proxy does not have is pulled by digest", async () => {
        const { digest } = router.hosted.addImage("acme/team/private", {
          tag: "1",
          layers: [`private, behind ${like}, ${client}`],
        });

        await images.pull(`${router.host}/acme/team/private@${digest}`);
      }, 60_000);

      it("an image is pushed to hosted, and nothing of it to the proxy", async () => {
        outside.addImage("made/outside", {
          tag: `${like}-${client}-past`,
          layers: [`pushed past ${like}, ${client}`],
        });

        await images.copy(
          `${outside.host}/made/outside:${like}-${client}-past`,
          `${router.host}/acme/team/pushed:1`,
        );

        expect(router.hosted.tags("acme/team/pushed")).toEqual(["1"]);
        const written = router.proxy.requests.filter(
          ({ method, path }) => path.startsWith("/v2/acme") && !["GET", "HEAD"].includes(method),
        );
        expect(written).toEqual([]);
      }, 60_000);
    });
  });
});
