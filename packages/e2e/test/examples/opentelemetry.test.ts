import { startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { afterAll, expect, it } from "@jest/globals";
import { installExample, startExample } from "../../src/example.ts";
import { request } from "../../src/http.ts";
import { Resources } from "../../src/resources.ts";

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parent: string;
  readonly name: string;
  readonly "url.full"?: string;
  readonly "http.response.status_code"?: number;
  readonly upstream?: string;
}

const resources = new Resources();
afterAll(() => resources[Symbol.asyncDispose](), 60_000);

const traceId = "0af7651916cd43dd8448eb211c80319c";
const clientSpan = "b7ad6b7169203331";
const target = "/v2/team/app/manifests/1.0";

const parentsSeenBy = ({ requests }: TestRegistry) => requests.map(({ headers }) => headers.traceparent);

it("examples/opentelemetry makes one trace of a pull, from the client to both registries", async () => {
  const folder = await installExample("opentelemetry", resources);
  const cache = resources.use(await startRegistry());
  const hosted = resources.use(await startRegistry());
  hosted.addImage("team/app", { tag: "1.0" });
  const server = resources.use(await startExample(folder, { HOSTED: hosted.url, PROXY: cache.url }));
  const spanNamed = async (name: string): Promise<Span> =>
    JSON.parse(await server.printed(new RegExp(`"name":"${name}"`)));

  const pulled = await request(server.origin, "GET", target, {
    headers: { traceparent: `00-${traceId}-${clientSpan}-01` },
  });
  const [router, toCache, toHosted] = await Promise.all([
    spanNamed("GET"),
    spanNamed("GET proxy"),
    spanNamed("GET hosted"),
  ]);

  expect(pulled.status).toBe(200);
  expect(router).toMatchObject({ traceId, parent: clientSpan, "http.response.status_code": 200 });
  expect(router).toMatchObject({ upstream: "hosted", repository: "team/app", route: "manifest" });
  expect(toCache).toMatchObject({ traceId, parent: router.spanId, "http.response.status_code": 404 });
  expect(toHosted).toMatchObject({ traceId, parent: router.spanId, "http.response.status_code": 200 });
  expect(toHosted["url.full"]).toBe(`${hosted.url}${target}`);
  expect(parentsSeenBy(cache)).toEqual([`00-${traceId}-${toCache.spanId}-01`]);
  expect(parentsSeenBy(hosted)).toEqual([`00-${traceId}-${toHosted.spanId}-01`]);
}, 300_000);
