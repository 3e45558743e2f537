import { table } from "../report/table.ts";
import type { Exchange } from "./registry-client.ts";

/** Requests as a table: what was asked, and who answered with what. */
export function exchangeTable(exchanges: readonly Exchange[]): string {
  const rows = exchanges.map(({ method, path, status, decision = "" }) => {
    const [who = "", ...why] = decision.split("; ");
    return [`${method} ${shorten(path)}`, String(status), who, why.join("; ")];
  });
  return table([["request", "status", "answered by", "because"], ...rows]);
}

/** Upload sessions and digests are long and say little. */
function shorten(path: string): string {
  return path
    .replace(/\?.*$/, "?...")
    .replace(/\/uploads\/[^/?]+/, "/uploads/<session>")
    .replace(/(sha256:[0-9a-f]{12})[0-9a-f]+/, "$1...");
}

/** What to try with clients that people have. */
export function thingsToTry(port: number): string {
  const here = `localhost:${port}`;
  const insecure = "--tls-verify=false";
  const commands = [
    ["docker", `docker pull ${here}/library/hello`],
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
