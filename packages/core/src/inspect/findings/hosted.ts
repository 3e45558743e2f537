import { errorCodes } from "../../protocol/error-body.ts";
import { parseObject } from "../../protocol/json.ts";
import type { Finding } from "../check-report.ts";
import type { Inspection } from "../inspection.ts";
import { statusOf, textOf } from "../probe.ts";
import { isTrouble } from "../product.ts";

/** Whether deletes are on: 405 means that they are off, 404 that only the digest is unknown. */
export function deletesAt({ deletion }: Pick<Inspection, "deletion">): boolean | undefined {
  const status = statusOf(deletion);
  if (status === 405) {
    return false;
  }
  return status === 404 || status === 202 ? true : undefined;
}

/** Whether hosted has the referrers API: an empty index, or a 404 with an OCI error code. Any other 404 means that it does not know the path. */
export function referrersAt({ referrers }: Pick<Inspection, "referrers">): boolean | undefined {
  switch (statusOf(referrers)) {
    case 200:
      return true;
    case 404:
      return errorCodes(textOf(referrers)).some(
        (code) => code === "NAME_UNKNOWN" || code === "MANIFEST_UNKNOWN",
      );
    default:
      return undefined;
  }
}

export function hosted(inspection: Inspection): Finding[] {
  const { upstream, product } = inspection;
  if (upstream.kind !== "hosted") {
    return [];
  }
  if (product.cache === true) {
    return [
      {
        id: "hosted-is-cache",
        severity: "error",
        where: upstream.name,
        what: "is a pull-through cache, which refuses pushes",
        advice: "give hosted a registry of its own: distribution without `proxy` in its configuration is one",
      },
    ];
  }
  return [...deletes(inspection), ...referrers(inspection), ...emptyLists(inspection)];
}

/** Registries that have every repository, as far as their lists say: olareg, Cloudflare's serverless-registry. */
function emptyLists({ upstream, tags }: Inspection): Finding[] {
  const list = statusOf(tags) === 200 ? parseObject(textOf(tags)) : undefined;
  if (list === undefined || (Array.isArray(list.tags) && list.tags.length > 0)) {
    return [];
  }
  const what = "answers an empty list of tags for a repository that does not exist";
  const advice = "nothing to do: the router takes an empty list for no repository";
  return [{ id: "empty-lists", severity: "hint", where: upstream.name, what, advice }];
}

/** Whether HEAD of a manifest is refused although GET is not. */
export function heads({ upstream, manifest, head }: Inspection): Finding[] {
  const [got, asked] = [statusOf(manifest), statusOf(head)];
  if (asked === undefined || got === asked || ![403, 405, 501].includes(asked)) {
    return [];
  }
  const what = `refuses HEAD of a manifest (${asked}), although it answers GET (${got})`;
  const advice = "update it if you can: a client that asks by HEAD costs it a GET";
  return [{ id: "head-refused", severity: "hint", where: upstream.name, what, advice }];
}

function deletes(inspection: Inspection): Finding[] {
  const where = inspection.upstream.name;
  switch (deletesAt(inspection)) {
    case true:
      return [{ id: "deletes", severity: "ok", where, what: "deletes are on" }];
    case false: {
      const advice = "for distribution, REGISTRY_STORAGE_DELETE_ENABLED=true switches them on";
      return [{ id: "deletes-off", severity: "hint", where, what: "deletes are off (405)", advice }];
    }
    case undefined: {
      const status = statusOf(inspection.deletion);
      const what = `check cannot say whether deletes are on (answered ${status})`;
      // Without an answer, or with a 401, another finding names the problem.
      return status === undefined || status === 401
        ? []
        : [{ id: "deletes-unknown", severity: "hint", where, what }];
    }
  }
}

function referrers(inspection: Inspection): Finding[] {
  const where = inspection.upstream.name;
  switch (referrersAt(inspection)) {
    case true:
      return [{ id: "referrers", severity: "ok", where, what: "has the referrers API" }];
    case false: {
      const advice = "nothing to do: the router keeps lists of referrers under sha256-... tags there";
      return [{ id: "referrers-missing", severity: "hint", where, what: "has no referrers API", advice }];
    }
    case undefined:
      return [];
  }
}

interface ProxyInspection extends Pick<Inspection, "option" | "product" | "manifest"> {
  readonly upstream: Pick<Inspection["upstream"], "name" | "kind">;
  readonly config: Pick<Inspection["config"], "libraryPrefix">;
}

export function proxy({ upstream, option, product, manifest, config }: ProxyInspection): Finding[] {
  if (upstream.kind !== "proxy") {
    return [];
  }
  const where = upstream.name;
  if (product.cache === true) {
    return [
      isTrouble(textOf(manifest))
        ? {
            id: "cache-upstream",
            severity: "warning",
            where,
            what: "is a cache that cannot reach its own public registry: it serves what it has cached, and answers not found for the rest",
            advice: "see its log, and check that it can reach its remoteurl",
          }
        : { id: "cache", severity: "ok", where, what: "is a pull-through cache, which refuses writes" },
    ];
  }
  if (product.name === "CNCF distribution" && product.cache === false) {
    const what = "is a registry of its own, not a pull-through cache";
    const advice =
      "set proxy.remoteurl in its configuration, or check that hosted and proxy are not mixed up";
    return [{ id: "proxy-is-registry", severity: "warning", where, what, advice }];
  }
  if (product.name === "Docker Hub" && !config.libraryPrefix) {
    const what = "clients have to write library/nginx for Docker Hub's nginx";
    const advice = "libraryPrefix: true asks it for library/nginx if the client writes nginx";
    return [{ id: "library-prefix", severity: "hint", where: `${option}.libraryPrefix`, what, advice }];
  }
  return [];
}
