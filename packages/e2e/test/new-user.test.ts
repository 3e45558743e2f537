import { copyFile, mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type BareMachine, cloneInto, startBareMachine } from "../src/bare-machine.ts";
import { dockerClient, podmanClient, skopeoClient } from "../src/clients.ts";
import { startDockerEngine } from "../src/docker-engine.ts";
import { packAll } from "../src/packed.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";

const minute = 60_000;

describeE2E(
  "a new user with Node and npm, and nothing else",
  ["podman run", "docker", "dockerd", "skopeo"],
  () => {
    const resources = new Resources();
    let machine: BareMachine;

    beforeAll(async () => {
      machine = await startBareMachine(resources);
    }, 3 * minute);

    afterAll(() => resources[Symbol.asyncDispose](), minute);

    it(
      "sees it work after cloning and `npm start`",
      async () => {
        await cloneInto(join(machine.home, "clone"));
        const began = performance.now();

        const start = await machine.begin("clone", "npm start -- --once --port 0");
        const printed = await start.printed("List the tags of team/app:");

        expect(await start.ended()).toBe(0);
        expect(performance.now() - began).toBeLessThan(5 * minute);
        expect(printed.match(/every digest is right/g)).toHaveLength(2);
      },
      6 * minute,
    );

    describe("has it running after `npx combined-registry --demo`, and from outside", () => {
      let host: string;
      let folder: string;

      beforeAll(async () => {
        await mkdir(join(machine.home, "empty"));
        const names = [];
        for (const tarball of Object.values(await packAll())) {
          await copyFile(tarball, join(machine.home, "empty", basename(tarball)));
          names.push(`--package=./${basename(tarball)}`);
        }
        const began = performance.now();
        const demo = await machine.begin(
          "empty",
          `npx --yes ${names.join(" ")} combined-registry --demo --port 0`,
        );
        const printed = await demo.printed("Ctrl-C");
        expect(performance.now() - began).toBeLessThan(5 * minute);
        host = /router +http:\/\/(\S+)/.exec(printed)?.[1] ?? "";
        folder = await resources.folder();
      }, 6 * minute);

      it(
        "docker pulls what is public, pushes it as its own, and pulls that",
        async () => {
          const docker = dockerClient(folder, resources.use(await startDockerEngine(folder)));
          const [hello, own] = [`${host}/library/hello`, `${host}/team/docker:1.0`];
          await docker("pull", hello);
          await docker("tag", hello, own);
          await docker("push", own);
          await docker("rmi", hello, own);
          await docker("pull", own);
        },
        2 * minute,
      );

      it(
        "the image runs, and prints a line",
        async () => {
          const podman = await podmanClient(folder);
          const limits = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"];
          const image = `${host}/library/hello`;
          expect(
            await podman("run", "--rm", "--network=host", "--tls-verify=false", ...limits, image),
          ).toContain("Hello.");
        },
        minute,
      );

      it(
        "skopeo copies an image with all its platforms, and finds it again",
        async () => {
          const skopeo = skopeoClient(folder);
          const [hello, own] = [`docker://${host}/library/hello`, `docker://${host}/team/skopeo:1.0`];
          await skopeo("copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false", hello, own);
          const tags = JSON.parse(
            await skopeo("list-tags", "--tls-verify=false", `docker://${host}/team/skopeo`),
          );
          expect(tags.Tags).toEqual(["1.0"]);
        },
        minute,
      );
    });
  },
);
