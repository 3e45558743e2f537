import { publicHost } from "../protocol/forwarding.ts";
import { type Attempt, describeAttempt } from "../routing/attempt.ts";
import type { Ruling } from "../routing/ruling.ts";
import type { Services } from "../services.ts";
import type { Answer } from "../upstream/ask.ts";
import type { OwnErrand } from "../upstream/errand.ts";
import { CopyFailure } from "../upstream/failure.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { type Consultation, consultAlone } from "./consult.ts";
import type { Exchange } from "./exchange.ts";
import { repositoryScope } from "./scope.ts";

/** From where to where content is copied, and on whose behalf. */
export interface Copying {
  readonly hosted: Upstream;
  /** Where hosted is to have it. */
  readonly repository: string;
  /** Where proxies are asked for it. */
  readonly from: string;
  /** In order; at least one. */
  readonly proxies: readonly Upstream[];
  /** What hosted goes by if it judges the client's own credentials. */
  readonly authorization: string | undefined;
  /** The name that hosted may build addresses with, besides its own. */
  readonly publicHost: string | undefined;
}

/**
 * Whom a copy may be had from.
 * @param source the rules' word on `from`: proxies that it does not name never hear of it
 * @returns undefined if nobody, or copies are switched off
 */
export function copyingFor(
  { config }: Services,
  { request, client }: Exchange,
  where: Pick<Copying, "hosted" | "repository" | "from">,
  source: Ruling<Upstream>,
): Copying | undefined {
  const proxies = source.pull.filter(({ kind }) => kind === "proxy");
  return !config.copy || proxies.length === 0
    ? undefined
    : {
        ...where,
        proxies,
        authorization: where.hosted.passthrough ? request.headers.authorization : undefined,
        publicHost: publicHost(request.rawHeaders, client),
      };
}

/** What an errand has beyond method and address. */
export type Further = Omit<OwnErrand, "errand" | "accept"> & {
  readonly accept?: readonly string[];
  readonly range?: string;
  readonly body?: Buffer;
};

/**
 * Asks hosted about the repository that it is copied to.
 * @param address behind the repository's name, or the path and query of an upload session
 * @throws ClientGone, CopyFailure
 */
export function askHosted(
  services: Services,
  { hosted, repository, authorization }: Copying,
  method: string,
  address: string,
  signal: AbortSignal,
  further: Further = {},
): Promise<Consultation> {
  const own = ownErrand(hosted.nameOf(repository), method, address, further);
  return consultAlone(services, hosted, { ...own, authorization }, signal);
}

/** Asks a proxy about the repository that it is copied from. @throws ClientGone */
export function askProxy(
  services: Services,
  { from }: Copying,
  proxy: Upstream,
  address: string,
  signal: AbortSignal,
  further: Further = {},
): Promise<Consultation> {
  const own = ownErrand(proxy.nameOf(from), "GET", address, { ...further, follows: true });
  return consultAlone(services, proxy, own, signal);
}

function ownErrand(
  name: string,
  method: string,
  address: string,
  { range, body, accept = [], ...further }: Further,
): OwnErrand {
  const [path = "", search] = (address.startsWith("/") ? address : `/v2/${name}/${address}`).split(/(?=\?)/);
  return {
    ...further,
    accept,
    errand: {
      method,
      path,
      search: search ?? "",
      scope: [repositoryScope(name, method)],
      ...(range !== undefined && { range }),
      ...(body !== undefined && { body }),
    },
  };
}

/** Whether hosted has something already. @throws ClientGone; CopyFailure if that cannot be told */
export async function hostedHas(
  services: Services,
  copying: Copying,
  address: string,
  signal: AbortSignal,
  accept: readonly string[] = [],
): Promise<boolean> {
  const said = await askHosted(services, copying, "HEAD", address, signal, { accept });
  if (said.outcome === "absent") {
    return false;
  }
  drained(said, `whether it has ${address}`, copying.hosted);
  return true;
}

/** Content as a proxy begins to send it. */
export interface Found {
  readonly proxy: Upstream;
  readonly answer: Answer;
}

/** Asks the proxies in order. @throws ClientGone; CopyFailure if none has it */
export async function findAtProxies(
  services: Services,
  copying: Copying,
  address: string,
  signal: AbortSignal,
  accept: readonly string[] = [],
): Promise<Found> {
  const attempts: Attempt[] = [];
  for (const proxy of copying.proxies) {
    const said = await askProxy(services, copying, proxy, address, signal, { accept });
    if (said.outcome === "found" && said.answer.status === 200) {
      return { proxy, answer: said.answer };
    }
    attempts.push(attemptOf(proxy, said));
  }
  throw new CopyFailure(`${address} of ${copying.from}: ${attempts.map(describeAttempt).join(", ")}`, {
    isAbsent: attempts.every(({ outcome }) => outcome === "absent"),
  });
}

function attemptOf(member: Upstream, said: Consultation): Attempt {
  if (said.outcome === "failed") {
    return { member, outcome: "failed", failure: said.failure };
  }
  const { status, body } = said.answer;
  if (said.outcome === "absent") {
    return { member, outcome: "absent", status };
  }
  body.destroy();
  return { member, outcome: "failed", failure: { kind: "broken", cause: `answered ${status}`, status } };
}

/**
 * Reads away the answer to a step that has to succeed.
 * @param what was asked of the upstream, for people
 * @throws CopyFailure unless it did
 */
export function drained(said: Consultation, what: string, { name }: Upstream, expected?: number): Answer {
  if (said.outcome === "failed") {
    throw new CopyFailure(`${what}: ${name} failed (${said.failure.cause})`);
  }
  const { answer } = said;
  if (said.outcome !== "found" || (expected ?? answer.status) !== answer.status) {
    answer.body.destroy();
    throw new CopyFailure(`${what}: ${name} answered ${answer.status}`);
  }
  // Short, and of no use; its connection is.
  answer.body.resume();
  return answer;
}
