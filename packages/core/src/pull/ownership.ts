import { RepositoryCache } from "../cache/repositories.ts";
import { ClientAborted } from "../errors.ts";
import { detached, type Exchange } from "../http/exchange.ts";
import { RegistryError } from "../protocol/errors.ts";
import { valuesOf } from "../protocol/headers.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import type { FailureReport } from "../routing/classify.ts";
import type { Policy } from "../routing/policy.ts";
import type { ResolvedRule } from "../routing/ruling.ts";
import { isRead, type UpstreamRequest } from "../upstream/request.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { readTagPage, searchImageTag, type TagPageAnswer, unknownRepository } from "./image-tags.ts";
import { errorFrom } from "./respond.ts";

type ExistenceResult =
  | { readonly kind: "told"; readonly exists: boolean }
  | { readonly kind: "failed"; readonly failure: FailureReport }
  /** With `auth: passthrough`: hosted refused the client's credentials. */
  | { readonly kind: "refused"; readonly answer: UpstreamResponse };

type Sides = Pick<Policy<Upstream>, "hosted" | "proxies">;

/** Knows which repositories hosted owns. Their names must not reach a proxy. */
export class Ownership {
  readonly #sides: Sides;
  readonly #known: RepositoryCache<ExistenceResult>;

  /** @param before of an earlier configuration; its knowledge stays if hosted is the same registry */
  constructor(sides: Sides, before?: Ownership) {
    this.#sides = sides;
    this.#known =
      before !== undefined && before.#sides.hosted === sides.hosted ? before.#known : new RepositoryCache();
  }

  /**
   * Removes the proxies from a rule if the repository is owned and hosted has it. If hosted fails, so does the request.
   * @throws RegistryError, ClientAborted
   */
  async restrict(
    exchange: Exchange,
    repository: string,
    ruling: ResolvedRule<Upstream>,
  ): Promise<ResolvedRule<Upstream>> {
    const { hosted } = this.#sides;
    const asksProxies = ruling.pull.some((upstream) => upstream !== hosted);
    if (!ruling.owned || !asksProxies || !(await this.#isAtHosted(exchange, repository))) {
      return ruling;
    }
    this.excludeFromProbes(repository);
    return { ...ruling, pull: ruling.pull.filter((upstream) => upstream === hosted) };
  }

  pushed(repository: string): void {
    this.#known.learn(repository, true);
    this.excludeFromProbes(repository);
  }

  /** After a deletion, or a push through another process: hosted has to be asked again. */
  forget(repository: string): void {
    this.#known.forget(repository);
  }

  /** A half-open probe may otherwise use a request from before hosted owned the repository. */
  excludeFromProbes(repository: string): void {
    for (const proxy of this.#sides.proxies) {
      proxy.dropProbe(repository);
    }
  }

  async #isAtHosted(exchange: Exchange, repository: string): Promise<boolean> {
    const { hosted } = this.#sides;
    const known = this.#known.has(repository);
    if (known !== undefined) {
      return known;
    }
    const existence = hosted.passthrough
      ? await askFor(hosted, exchange, repository)
      : // Detached: other clients may wait for the same answer when this one leaves.
        await this.#known.query(repository, () => askFor(hosted, detached(exchange), repository), told);
    if (exchange.signal.aborted) {
      throw new ClientAborted();
    }
    if (existence.kind === "failed") {
      throw errorFrom(hosted, existence.failure);
    }
    if (existence.kind === "refused") {
      throw refusalOf(existence.answer);
    }
    if (hosted.passthrough && existence.exists) {
      // Not if it does not exist: that may be true only with this client's credentials.
      this.#known.learn(repository, true);
    }
    // Another client may have pushed meanwhile.
    return this.#known.has(repository) ?? existence.exists;
  }
}

export function mayAskProxies({ method, resource }: RegistryRequest): boolean {
  return isRead(method) && resource.kind !== "upload-session";
}

function told(existence: ExistenceResult): boolean | undefined {
  return existence.kind === "told" ? existence.exists : undefined;
}

const unknown = {
  path: `/v2/${unknownRepository}/tags/list`,
  scope: [`repository:${unknownRepository}:pull`],
  repository: unknownRepository,
};

/** Hosted has a repository if one of its tags names an image. */
async function askFor(hosted: Upstream, exchange: Exchange, repository: string): Promise<ExistenceResult> {
  const asked: UpstreamRequest = {
    method: "GET",
    path: `/v2/${repository}/tags/list`,
    search: "",
    scope: [`repository:${repository}:pull`],
    repository,
    list: true,
    whole: true,
    decided: performance.now(),
    from: exchange,
    signal: exchange.signal,
  };
  const said = await searchImageTag((search, isUnknown) =>
    pageOf(hosted, isUnknown ? { ...asked, ...unknown, search } : { ...asked, search }),
  );
  if ("found" in said) {
    return { kind: "told", exists: said.found };
  }
  return "end" in said ? said.end : failed({ kind: "broken", cause: said.problem });
}

async function pageOf(hosted: Upstream, asked: UpstreamRequest): Promise<TagPageAnswer<ExistenceResult>> {
  const said = await hosted.query(asked);
  switch (said.outcome) {
    case "failed":
      return { end: failed(said.failure) };
    case "not_found":
      return { end: { kind: "told", exists: false } };
    case "final": {
      const { status } = said.answer;
      if (status === 401 || status === 403) {
        return { end: { kind: "refused", answer: said.answer } };
      }
      const end = failed({ kind: "broken", cause: `answered ${status}`, status });
      return status === 400 ? { rejected: end } : { end };
    }
    case "found": {
      const { status } = said.answer;
      if (status !== 200) {
        said.answer.body.destroy();
        return { end: failed({ kind: "broken", cause: `answered ${status}`, status }) };
      }
      const page = await readTagPage(said.answer, hosted.timeouts.idle);
      return page === undefined
        ? { end: failed({ kind: "broken", cause: "its list of tags broke off" }) }
        : { page };
    }
  }
}

/** Manifests may be readable where the list of tags is not, so the failure names the endpoint. */
function failed(failure: FailureReport): ExistenceResult {
  const cause = `${failure.cause}, asked at tags/list whether it has the repository`;
  return { kind: "failed", failure: { ...failure, cause } };
}

function refusalOf({ status, headers }: UpstreamResponse): RegistryError {
  return status === 401
    ? new RegistryError("UNAUTHORIZED", {
        headers: { "WWW-Authenticate": valuesOf(headers, "www-authenticate").join(", ") },
      })
    : new RegistryError("DENIED", {
        message: "hosted refused tags/list, which tells whether it has the repository",
      });
}
