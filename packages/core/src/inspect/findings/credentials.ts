import { isLoopbackHost } from "../../protocol/address.ts";
import { parseChallenges, realmAt } from "../../protocol/challenge.ts";
import { valuesOf } from "../../protocol/headers.ts";
import { isUp } from "../../upstream/pings.ts";
import type { Finding } from "../check-report.ts";
import type { Inspection } from "../inspection.ts";
import type { Probe } from "../probe.ts";

export function credentials(inspection: Inspection): Finding[] {
  const { upstream, config } = inspection;
  if (config.auth === "passthrough") {
    return [...passthrough(inspection), ...readable(inspection, "the passwords of clients")];
  }
  return upstream.hasCredentials
    ? [...withUser(inspection), ...readable(inspection, "the router's user and password")]
    : withoutUser(inspection);
}

function isRefused(base: Probe): boolean {
  return base.failure === undefined
    ? base.status === 401 || base.status === 403
    : base.failure.kind === "refused";
}

function withUser({ upstream, option, base, ping, anonymous }: Inspection): Finding[] {
  const where = upstream.name;
  if (isRefused(base) && !isUp(ping)) {
    const status = base.failure === undefined ? ` (${base.status})` : `: ${base.failure.cause}`;
    const what = `does not accept the user of ${option}.auth${status}`;
    const advice = `correct ${option}.auth; Docker Hub needs a personal access token if 2FA is on`;
    return [{ id: "credentials-refused", severity: "error", where, what, advice }];
  }
  if (base.failure !== undefined || (base.status !== 200 && base.status !== 401)) {
    return [];
  }
  if (anonymous.failure === undefined && anonymous.status === 200) {
    const what = "answers /v2/ without credentials, so check cannot say whether it accepts the user";
    const advice = `remove ${option}.auth if it is not needed`;
    return [{ id: "credentials-unneeded", severity: "hint", where, what, advice }];
  }
  return [{ id: "credentials", severity: "ok", where, what: "accepts the router's user" }];
}

function withoutUser({ upstream, option, base, ping }: Inspection): Finding[] {
  if (!isRefused(base)) {
    return [];
  }
  const where = upstream.name;
  if (isUp(ping)) {
    const what = "asks everybody for credentials at /v2/, and the router has none for it";
    const advice =
      upstream.kind === "hosted"
        ? `give hosted.auth a user if pushes fail`
        : `nothing to do if its images are public, else give ${option}.auth a user`;
    return [{ id: "anonymous", severity: "hint", where, what, advice }];
  }
  const what = "asks for credentials, and the router has none for it";
  const advice =
    upstream.kind === "hosted"
      ? "give hosted.auth a user, or set auth: passthrough so that clients log in there"
      : `give ${option}.auth a user`;
  return [{ id: "credentials-missing", severity: "error", where, what, advice }];
}

/** Realms that clients or the router may be unable to use. */
export function realms({ upstream, config, anonymous }: Inspection): Finding[] {
  const where = upstream.name;
  const challenges = anonymous.failure === undefined ? valuesOf(anonymous.headers, "www-authenticate") : [];
  const bearer = parseChallenges(challenges).find(({ scheme }) => scheme === "bearer");
  const realm = bearer?.parameters.get("realm") ?? "";
  if (realm.startsWith("/")) {
    const what = "names its token endpoint without a host, which many clients cannot use";
    const advice =
      "nothing to do: the router puts the host of its URL before it. Give it an external URL to mend it";
    return [{ id: "relative-realm", severity: "hint", where, what, advice }];
  }
  const at = realmAt(config.url, realm);
  if (at === undefined || at.host === config.url.host || config.auth !== "passthrough") {
    return [];
  }
  const what = `sends clients to ${at.origin} for tokens`;
  const advice = "check that every client can reach that address, for the router passes it on";
  return [{ id: "realm-elsewhere", severity: "hint", where, what, advice }];
}

function passthrough({ upstream, base }: Inspection): Finding[] {
  const where = upstream.name;
  if (base.failure !== undefined) {
    return [];
  }
  if (base.status === 401) {
    const what = "asks clients for credentials, and the router passes them on";
    return [{ id: "credentials", severity: "ok", where, what }];
  }
  const what = "asks for no credentials, although clients are to log in there";
  const advice =
    "switch authentication on there, or let the router check passwords (auth.htpasswdFile, authorize)";
  return [{ id: "passthrough-unneeded", severity: "warning", where, what, advice }];
}

function readable({ option, config, upstream }: Inspection, secret: string): Finding[] {
  if (config.url.protocol === "https:" || isLoopbackHost(config.url.hostname)) {
    return [];
  }
  return [
    {
      id: "readable-credentials",
      severity: config.auth === "passthrough" ? "warning" : "hint",
      where: `${option}.url`,
      what: `${secret} go to ${upstream.name} over plain HTTP, where anyone on the network can read them`,
      advice: "use https:// unless you trust that network",
    },
  ];
}
