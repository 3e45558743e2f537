import { beforeAll, expect, jest, test } from "@jest/globals";
import { build } from "../support/build.ts";
import { pushOf, signature } from "../support/signature.ts";
import { startTwoWorkers } from "../support/two-workers.ts";
import { startUpstream } from "../support/upstream.ts";
import { within } from "../support/within.ts";

beforeAll(build, 120_000);
jest.setTimeout(90_000);

test("a worker that stands still while it has the turn of a list of referrers is ended, and the other's push goes on", async () => {
  let first = true;
  let reached: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    reached = resolve;
  });
  await using hosted = await startUpstream((request, response) => {
    if (request.method === "GET" && request.url?.includes("/manifests/sha256-") && first) {
      first = false;
      reached(); // The first worker has its turn, and is never answered.
      return;
    }
    response.writeHead(request.method === "PUT" ? 201 : 404).end();
  });
  await using workers = await startTwoWorkers({ config: { hosted: hosted.url } });
  using one = await workers.connectionTo(1);
  using other = await workers.connectionTo(2);
  const subject = `sha256:${"0".repeat(64)}`;
  const stuck = one.get(...pushOf("team/app", signature(subject, 1))).catch(() => undefined);
  await within(asked, "the first push to read the list");
  const pid = await workers.pidOf(1);
  process.kill(pid, "SIGSTOP");

  const [path, push] = pushOf("team/app", signature(subject, 2));
  const { statusCode } = await other.begin(path, { ...push, longest: 60_000 });

  expect(statusCode).toBe(201);
  const told = await workers.program.loggedWith(
    ({ msg }) => msg.includes("does not respond while others wait"),
    "why it was ended",
  );
  expect(told).toMatchObject({ level: "error", worker: 1, pid });
  await stuck;
});
