import { once } from "node:events";
import { request as overHttp } from "node:http";
import { request as overHttps } from "node:https";
import { breakdown, messageOf } from "../failure.ts";
import { loadListener, type Sources } from "../load-config.ts";

/** Longer than any healthy router takes, shorter than the time that container engines give a health check. */
const timeout = 5_000;

/**
 * Asks the router that runs with this configuration whether it lives, as health checks of containers do.
 * @throws Failure if it does not answer, or not well
 */
export async function health(sources: Sources): Promise<0> {
  const url = livenessOf(await loadListener(sources));
  const status = await statusOf(url).catch((error: unknown) => {
    throw breakdown(
      `${url}: expected an answer within ${timeout} ms, given none (${messageOf(error)})`,
      error,
    );
  });
  // `operations: off` and `protected` answer 404 and 401: whoever answers that lives.
  if (status >= 500) {
    throw breakdown(`${url}: expected an answer below 500, given ${status}`);
  }
  return 0;
}

/** Where a program on the same machine reaches what listens there. */
function livenessOf({ host, port, tls }: Awaited<ReturnType<typeof loadListener>>): string {
  const reachable = { "0.0.0.0": "127.0.0.1", "::": "::1" }[host] ?? host;
  const name = reachable.includes(":") ? `[${reachable}]` : reachable;
  return `${tls === undefined ? "http" : "https"}://${name}:${port}/livez`;
}

async function statusOf(url: string): Promise<number> {
  const signal = AbortSignal.timeout(timeout);
  // Its certificate is for the public name, which is not the one by which it is reached here; nothing secret is sent.
  const sent = url.startsWith("https:")
    ? overHttps(url, { signal, agent: false, rejectUnauthorized: false })
    : overHttp(url, { signal, agent: false });
  sent.end();
  const [response] = await once(sent, "response");
  response.resume();
  return response.statusCode;
}
