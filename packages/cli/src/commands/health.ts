import { once } from "node:events";
import { request as overHttp } from "node:http";
import { request as overHttps } from "node:https";
import { breakdown, messageOf } from "../failure.ts";
import { loadListener, type Sources } from "../load-config.ts";

/** Milliseconds. Less than the time that container engines give a health check. */
const timeout = 5_000;

/**
 * Requests /livez of the router that runs with this configuration, for health checks of containers.
 * @throws Failure if the router does not answer, or answers with an error
 */
export async function health(sources: Sources): Promise<0> {
  const url = livenessOf(await loadListener(sources));
  const status = await statusOf(url).catch((error: unknown) => {
    throw breakdown(
      `${url}: expected an answer within ${timeout} ms, given none (${messageOf(error)})`,
      error,
    );
  });
  // With `operations: off` or `protected`, the router answers 404 or 401: it is running all the same.
  if (status >= 500) {
    throw breakdown(`${url}: expected an answer below 500, given ${status}`);
  }
  return 0;
}

/** The URL for a program on the same machine. */
function livenessOf({ host, port, tls }: Awaited<ReturnType<typeof loadListener>>): string {
  const reachable = { "0.0.0.0": "127.0.0.1", "::": "::1" }[host] ?? host;
  const name = reachable.includes(":") ? `[${reachable}]` : reachable;
  return `${tls === undefined ? "http" : "https"}://${name}:${port}/livez`;
}

async function statusOf(url: string): Promise<number> {
  const signal = AbortSignal.timeout(timeout);
  // The certificate is for the public name, not for the address that is used here. The request contains nothing secret.
  const sent = url.startsWith("https:")
    ? overHttps(url, { signal, agent: false, rejectUnauthorized: false })
    : overHttp(url, { signal, agent: false });
  sent.end();
  const [response] = await once(sent, "response");
  response.resume();
  return response.statusCode;
}
