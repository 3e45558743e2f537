import { isLoopbackHost } from "../../protocol/host.ts";
import type { Finding } from "../check-report.ts";
import type { Inspection } from "../inspection.ts";

/** Whether an upstream takes the router for who it says it is. */
export function credentials(survey: Inspection): Finding[] {
  const { upstream, config } = survey;
  if (config.auth === "passthrough") {
    return [...passthrough(survey), ...readable(survey, "what clients log in with")];
  }
  const found = upstream.hasCredentials ? withUser(survey) : withoutUser(survey);
  return [...found, ...(upstream.hasCredentials ? readable(survey, "the router's user and password") : [])];
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
        what: `does not take the user of ${option}.auth${base.failure === undefined ? ` (${base.status})` : `: ${base.failure.cause}`}`,
        advice: `correct ${option}.auth; Docker Hub wants a personal access token where 2FA is on`,
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
          what: "answers /v2/ to anybody, so that whether it takes the user cannot be told",
          advice: `leave ${option}.auth out if it is not wanted`,
        },
      ]
    : [{ id: "credentials", severity: "ok", where, what: "takes the router's user" }];
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
              ? "give hosted.auth a user, or say auth: passthrough to let clients log in there"
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
    ? [{ id: "credentials", severity: "ok", where, what: "asks clients for credentials, which reach it" }]
    : [
        {
          id: "passthrough-unneeded",
          severity: "warning",
          where,
          what: "asks nobody for credentials, though clients are to log in there",
          advice: "switch authentication on there, or let the router ask (auth.htpasswdFile, authorize)",
        },
      ];
}

/** Over plain HTTP. */
function readable({ option, config, upstream }: Inspection, what: string): Finding[] {
  if (config.url.protocol === "https:" || isLoopbackHost(config.url.hostname)) {
    return [];
  }
  return [
    {
      id: "readable-credentials",
      severity: config.auth === "passthrough" ? "warning" : "hint",
      where: `${option}.url`,
      what: `${what} cross the network to ${upstream.name} readable to all, as it is asked in plain HTTP`,
      advice: "use https:// unless that network is nobody else's",
    },
  ];
}
