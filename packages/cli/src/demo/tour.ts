import { breakdown } from "../failure.ts";
import type { Progress } from "../report/progress.ts";
import { table } from "../report/table.ts";
import { type Exchange, RegistryClient } from "./registry-client.ts";

/**
 * Pulls a public image through the router, pushes it under a private name, and pulls that back, printing who
 * answered what.
 * @throws Failure if an answer or a digest is not as it should be
 */
export async function tour(url: string, print: (text: string) => void, progress: Progress): Promise<void> {
  const architecture = process.arch === "arm64" ? "arm64" : "amd64";
  const exchanges: Exchange[] = [];
  const client = new RegistryClient(url, (exchange) => exchanges.push(exchange));
  const step = async <T>(
    title: string,
    act: () => Promise<T>,
    outcome: (result: T) => string,
  ): Promise<T> => {
    const result = await progress.during(title.replace(/:$/, ""), act());
    print(`${title}\n${exchangeTable(exchanges.splice(0))}\n  ${outcome(result)}\n\n`);
    return result;
  };

  const image = await step(
    "Pull library/hello, a public image:",
    () => client.pull("library/hello", "latest", architecture),
    ({ manifest }) => `linux/${architecture} is ${manifest.digest}; every digest is right`,
  );
  await step(
    "Push it as team/app, a private image:",
    () => client.push("team/app", "1.0", image),
    () => "the private registry has it now",
  );
  const pulled = await step(
    "Pull team/app back:",
    () => client.pull("team/app", "1.0", architecture),
    ({ manifest }) => `${manifest.digest}; every digest is right`,
  );
  if (pulled.manifest.digest !== image.manifest.digest) {
    throw breakdown(`pushed ${image.manifest.digest} and pulled ${pulled.manifest.digest}`);
  }
  await step(
    "List the tags of team/app:",
    () => client.tags("team/app"),
    (tags) => `tags: ${tags.join(", ")}`,
  );
}

/** A table of requests, their status, and the upstream that answered. */
export function exchangeTable(exchanges: readonly Exchange[]): string {
  const rows = exchanges.map(({ method, path, status, decision = "" }) => {
    const [who = "", ...why] = decision.split("; ");
    return [`${method} ${shorten(path)}`, String(status), who, why.join("; ")];
  });
  return table([["request", "status", "answered by", "because"], ...rows]);
}

function shorten(path: string): string {
  return path
    .replace(/\?.*$/, "?...")
    .replace(/\/uploads\/[^/?]+/, "/uploads/<session>")
    .replace(/(sha256:[0-9a-f]{12})[0-9a-f]+/, "$1...");
}

/** Commands to try with common clients. */
export function thingsToTry(port: number): string {
  const here = `localhost:${port}`;
  const insecure = "--tls-verify=false";
  const commands = [
    ["docker", `docker pull ${here}/library/hello && docker run --rm ${here}/library/hello`],
    ["", `docker tag ${here}/library/hello ${here}/team/mine && docker push ${here}/team/mine`],
    ["podman", `podman pull ${insecure} ${here}/library/hello`],
    ["", `podman tag ${here}/library/hello ${here}/team/mine && podman push ${insecure} ${here}/team/mine`],
    ["skopeo", `skopeo inspect ${insecure} docker://${here}/library/hello`],
    ["", `skopeo list-tags ${insecure} docker://${here}/team/app`],
    ["a browser", `http://${here}/`],
    ["curl", `curl -si ${here}/v2/team/app/manifests/1.0`],
    ["", `curl -s ${here}/healthcheck; curl -s ${here}/metrics`],
  ];
  return table(commands);
}
