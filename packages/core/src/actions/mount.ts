import type { Mount, RegistryRequest } from "../protocol/request.ts";
import type { Services } from "../services.ts";
import { errorBodyLimit, readBounded } from "../upstream/bounded-body.ts";
import { CopyFailure } from "../upstream/failure.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { errandOf } from "./consult.ts";
import { copyBlob } from "./copy-blob.ts";
import { type Copying, copyingFor } from "./copying.ts";
import { entranceOf } from "./entrance.ts";
import type { Exchange } from "./exchange.ts";
import { forward } from "./forward.ts";
import { handOver } from "./hand-over.ts";
import { repeat } from "./relay.ts";
import { hasBody } from "./request-body.ts";
import { send } from "./send.ts";
import { giveUp, sessionOf } from "./upload-blob.ts";

/**
 * `POST ?mount=<digest>&from=<repository>`: hosted is asked, and if it has not got the blob there, a proxy may. Without `from`
 * hosted's word stands: it alone can know where else it has a blob.
 */
export async function mount(
  services: Services,
  exchange: Exchange,
  request: RegistryRequest,
  { to, mount: wanted }: { readonly to: Upstream; readonly mount: Mount },
): Promise<void> {
  const copying = copyingFrom(services, exchange, request, to, wanted.from);
  if (copying === undefined || hasBody(exchange.request)) {
    return forward(services, exchange, request, to);
  }
  const answer = await handOver(services, to, () => to.ask(errandOf(request, to), exchange));
  const body = (await readBounded(answer.body, errorBodyLimit, to.timeouts.idle)) ?? Buffer.alloc(0);
  const failure =
    answer.status === 202 ? await copied(services, exchange, copying, wanted.digest) : undefined;
  if (answer.status !== 202 || failure !== undefined) {
    const note = failure === undefined ? "" : `; not mounted from proxies: ${failure.message}`;
    exchange.decision = { upstream: to.name, reason: `pushes go to hosted${note}` };
    repeat(exchange, to, { answer, body });
    return;
  }
  giveUpSession(services, copying, answer.headers);
  exchange.decision = { upstream: to.name, reason: `copied from ${copying.from} of a proxy` };
  send(exchange, {
    status: 201,
    headers: [
      "Location",
      `/v2/${copying.repository}/blobs/${wanted.digest}`,
      "Docker-Content-Digest",
      wanted.digest,
    ],
    body: "",
  });
}

/** By the rules for the repository that it is to come from. */
function copyingFrom(
  services: Services,
  exchange: Exchange,
  request: RegistryRequest,
  hosted: Upstream,
  from: string | undefined,
): Copying | undefined {
  const { repository } = exchange;
  if (from === undefined || repository === undefined) {
    return undefined;
  }
  const source = services.policy.rulingFor(from, entranceOf(exchange, request));
  return copyingFor(services, exchange, { hosted, repository, from }, source);
}

/** @returns why there is no copy, if there is none: then the client uploads the blob itself */
async function copied(
  services: Services,
  exchange: Exchange,
  copying: Copying,
  digest: string,
): Promise<CopyFailure | undefined> {
  try {
    await copyBlob(services, copying, { digest, size: undefined }, exchange.signal);
    return undefined;
  } catch (error) {
    if (!(error instanceof CopyFailure)) {
      throw error;
    }
    if (!error.isAbsent) {
      exchange.problem = error;
    }
    return error;
  }
}

/** Of the upload that hosted has begun and nobody will go on with. */
function giveUpSession(services: Services, copying: Copying, headers: readonly string[]): void {
  try {
    giveUp(services, copying, sessionOf(copying, { headers }));
  } catch {
    // Hosted did not say where it is: it forgets it by itself one day.
  }
}
