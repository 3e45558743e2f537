import { isLoopbackHost } from "../../protocol/address.ts";
import type { Finding } from "../check-report.ts";
import type { Inspection } from "../inspection.ts";

/** Whether an upstream accepts the router's credentials, and whether it needs any. */
export function credentials(inspection: Inspection): Finding[] {
  const { upstream, config } = inspection;
  if (config.auth === "passthrough") {
    return [...passthrough(inspection), ...readable(inspection, "the passwords of clients")];
  }
  const found = upstream.hasCredentials ? withUser(inspection) : withoutUser(inspection);
  return [
    ...found,
    ...(upstream.hasCredentials ? readable(inspection, "the router's user and password") : []),
  ];
}

function withUser({ upstream, option, base, anonymous }: Inspection): Finding[] {
  const where = upstream.name;
  const refused =
    base.failure === undefined ? base.status === 401 || base.status === 403 : base.failure.kind === "refused";
  if (refused) {
    return [
      {
        id: "credentials-refused",
        severity: "error",
        where,
        what: `does not accept the user of ${option}.auth${base.failure === undefined ? ` (${base.status})` : `: ${base.failure.cause}`}`,
        advice: `correct ${option}.auth; Docker Hub needs a personal access token if 2FA is on`,
      },
    ];
  }
  if (base.failure !== undefined || base.status !== 200) {
    return [];
  }
  return anonymous.failure === undefined && anonymous.status === 200
    ? [
        {
          id: "credentials-unneeded",
          severity: "hint",
          where,
          what: "answers /v2/ without credentials, so check cannot say whether it accepts the user",
          advice: `remove ${option}.auth if it is not needed`,
        },
      ]
    : [{ id: "credentials", severity: "ok", where, what: "accepts the router's user" }];
}

function withoutUser({ upstream, option, base }: Inspection): Finding[] {
  const asks =
    base.failure === undefined ? base.status === 401 || base.status === 403 : base.failure.kind === "refused";
  return asks
    ? [
        {
          id: "credentials-missing",
          severity: "error",
          where: upstream.name,
          what: "asks for credentials, and the router has none for it",
          advice:
            upstream.kind === "hosted"
              ? "give hosted.auth a user, or set auth: passthrough so that clients log in there"
              : `give ${option}.auth a user`,
        },
      ]
    : [];
}

function passthrough({ upstream, base }: Inspection): Finding[] {
  const where = upstream.name;
  if (base.failure !== undefined) {
    return [];
  }
  return base.status === 401
    ? [
        {
          id: "credentials",
          severity: "ok",
          where,
          what: "asks clients for credentials, and the router passes them on",
        },
      ]
    : [
        {
          id: "passthrough-unneeded",
          severity: "warning",
          where,
          what: "asks for no credentials, although clients are to log in there",
          advice:
            "switch authentication on there, or let the router check passwords (auth.htpasswdFile, authorize)",
        },
      ];
}

/** Credentials over plain HTTP. */
function readable({ option, config, upstream }: Inspection, what: string): Finding[] {
  if (config.url.protocol === "https:" || isLoopbackHost(config.url.hostname)) {
    return [];
  }
  return [
    {
      id: "readable-credentials",
      severity: config.auth === "passthrough" ? "warning" : "hint",
      where: `${option}.url`,
      what: `${what} go to ${upstream.name} over plain HTTP, where anyone on the network can read them`,
      advice: "use https:// unless you trust that network",
    },
  ];
}
