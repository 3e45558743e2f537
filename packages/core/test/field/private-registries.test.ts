import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { fetchRaw } from "../support/client.ts";
import { startRouter } from "../support/router.ts";

// A proxy with a user: a name that the user may not see is not found, and says nothing about the user.

describe.each(["dockerhub", "harbor", "quay", "gitlab", "acr", "artifactory", "nexus", "ecr"] as const)(
  "%s as a proxy with a user",
  (like) => {
    it("does not have an unknown name, and serves what it has", async () => {
      await using proxy = await startRegistry({ like });
      await using hosted = await startRegistry();
      proxy.createRepository("library/tool");
      proxy.addImage("library/tool", { tag: "1" });
      await using router = await startRouter({
        hosted: hosted.url,
        proxy: { name: like, url: proxy.url, ...(proxy.user !== undefined && { auth: proxy.user }) },
      });

      expect((await fetchRaw(router.url, "/v2/library/tool/manifests/1")).status).toBe(200);
      for (const method of ["GET", "HEAD"]) {
        const { status, headers } = await fetchRaw(router.url, "/v2/nobody/none/manifests/1", { method });
        expect([method, status]).toEqual([method, 404]);
        expect(headers["x-combined-registry"]).toMatch(
          /^hosted; \S+ not found( \(cached\))?, hosted not found$/,
        );
      }
    });
  },
);
