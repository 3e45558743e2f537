import { publicHost } from "../protocol/forwarding.ts";
import type { Ruling } from "../routing/ruling.ts";
import type { Services } from "../services.ts";
import type { OwnErrand } from "../upstream/errand.ts";
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

/** One request of a copy. */
export interface Step extends Omit<OwnErrand, "errand" | "accept"> {
  readonly method: string;
  /** What stands behind the repository's name, or the path and query of an upload session. */
  readonly address: string;
  readonly accept?: readonly string[];
  readonly range?: string;
  readonly body?: Buffer;
}

/** Asks hosted about the repository that is copied to. @throws ClientGone, CopyFailure */
export function askHosted(
  services: Services,
  { hosted, repository, authorization }: Copying,
  step: Step,
  signal: AbortSignal,
): Promise<Consultation> {
  const own = ownErrand(hosted.nameOf(repository), step);
  return consultAlone(services, hosted, { ...own, authorization }, signal);
}

/** Asks a proxy for something of the repository that is copied from. @throws ClientGone */
export function askProxy(
  services: Services,
  { from }: Copying,
  proxy: Upstream,
  step: Omit<Step, "method">,
  signal: AbortSignal,
): Promise<Consultation> {
  const own = ownErrand(proxy.nameOf(from), { ...step, method: "GET", follows: true });
  return consultAlone(services, proxy, own, signal);
}

function ownErrand(name: string, { method, address, range, body, accept = [], ...further }: Step): OwnErrand {
  const target = address.startsWith("/") ? address : `/v2/${name}/${address}`;
  const question = target.indexOf("?");
  const end = question === -1 ? target.length : question;
  return {
    ...further,
    accept,
    errand: {
      method,
      path: target.slice(0, end),
      search: target.slice(end),
      scope: [repositoryScope(name, method)],
      ...(range !== undefined && { range }),
      ...(body !== undefined && { body }),
    },
  };
}
