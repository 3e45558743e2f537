import { randomBytes } from "node:crypto";
import { until } from "@combined-registry/deadline";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { routerNames, servedBy } from "../src/balancer.ts";
import { type Fleet, startFleet } from "../src/fleet.ts";
import { content, image } from "../src/images.ts";
import { type Lab, openLab } from "../src/lab.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import { seed, seedBlob } from "../src/seed.ts";
import { startTraffic } from "../src/traffic.ts";
import { beginDownload, beginUpload } from "../src/transfers.ts";
import type { Ware } from "../src/works.ts";

const mebibyte = 1024 * 1024;
// Sockets and haproxy can hold twenty mebibytes of a download that stands still.
const size = 32 * mebibyte;
const rounds = 2;
const leastRequests = 2_000;

describeE2E(
  "two routers behind haproxy, replaced one after the other",
  ["docker-registry", "haproxy"],
  () => {
    const resources = new Resources();
    const large = content(randomBytes(size));
    const target = `/v2/team/large/blobs/${large.digest}`;
    const wares: Ware[] = [];
    let lab: Lab;
    let fleet: Fleet;

    beforeAll(async () => {
      lab = await openLab(resources);
      for (const [repository, { origin }] of [
        ["library/tool", lab.public],
        ["team/app", lab.hosted],
      ] as const) {
        const ware = { repository, tag: "1.0", image: await image(randomBytes(100_000).toString("hex")) };
        await seed(origin, repository, ware.tag, ware.image);
        wares.push(ware);
      }
      await seedBlob(lab.hosted.origin, "team/large", large);
      fleet = await startFleet(resources, lab);
    }, 60_000);

    afterAll(() => resources[Symbol.asyncDispose](), 60_000);

    it("fail no request, and what is under way ends whole", async () => {
      const { origin } = fleet.balancer;
      await using traffic = startTraffic(origin, wares);
      const transfers: { replaced: string; by: unknown; status: number; digest: string }[] = [];
      const codes: (number | null)[] = [];
      for (let round = 0; round < rounds; round++) {
        for (const name of routerNames) {
          // Nobody can tell beforehand which router gets which.
          const downloads = await Promise.all([1, 2].map(() => beginDownload(origin, target)));
          const uploads = await Promise.all(
            [1, 2, 3].map(() => beginUpload(origin, "team/uploaded", 4 * mebibyte)),
          );
          const code = await fleet.replace(name, async () => {
            for (const transfer of [...downloads, ...uploads]) {
              const { status, digest, headers } = await transfer.finish();
              transfers.push({ replaced: name, by: headers[servedBy], status, digest });
            }
          });
          codes.push(code);
        }
      }
      await until(
        `${leastRequests} requests`,
        60_000,
        () => traffic.failures.length > 0 || traffic.requests >= leastRequests,
      );
      const done = await traffic.stop();

      expect(traffic.failures).toEqual([]);
      expect(codes).toEqual(Array.from({ length: rounds * routerNames.length }, () => 0));
      const downloads = transfers.filter(({ status }) => status === 200);
      const uploads = transfers.filter(({ status }) => status === 201);
      expect(downloads.length + uploads.length).toBe(rounds * routerNames.length * 5);
      expect(new Set(downloads.map(({ digest }) => digest))).toEqual(new Set([large.digest]));
      for (const some of [downloads, uploads]) {
        expect(some.some(({ by, replaced }) => by === replaced)).toBe(true);
      }
      expect(Object.values(done).every((times) => times > 20)).toBe(true);
      expect(traffic.requests).toBeGreaterThanOrEqual(leastRequests);
    }, 180_000);
  },
);
