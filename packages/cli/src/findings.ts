import { isIP } from "node:net";
import type { Finding } from "@combined-registry/core";
import type { ServeConfig } from "./load-config.ts";

/** Findings that the library cannot have: about the listener, authentication and the source of the configuration. */
export function listenerFindings(config: ServeConfig): Finding[] {
  return [
    {
      id: "configuration",
      severity: "ok",
      where: "configuration",
      what: config.file === undefined ? "is valid" : `${config.file.path} is valid`,
    },
    ...config.warnings.map(
      (what): Finding => ({ id: "accepted", severity: "warning", where: "configuration", what }),
    ),
    ...openToAll(config),
    ...ownAddress(config),
  ];
}

function openToAll(config: ServeConfig): Finding[] {
  const { auth, host, router } = config;
  const passthrough = typeof router.hosted === "object" && router.hosted.auth === "passthrough";
  if (sendsPasswordsReadably(config)) {
    return [
      {
        id: "readable-passwords",
        severity: "warning",
        where: "tls",
        what: readablePasswords,
        advice: "give --tls-cert and --tls-key, or terminate TLS in front and listen on 127.0.0.1",
      },
    ];
  }
  return auth === undefined && !passthrough && !isLoopback(host)
    ? [
        {
          id: "open-to-all",
          severity: "warning",
          where: "auth",
          what: `every client that reaches ${host} may pull and push everything that the rules allow`,
          advice: "give --htpasswd, or listen on 127.0.0.1 behind a proxy that asks for passwords",
        },
      ]
    : [];
}

/** An upstream whose address is the one where the router listens: a request would come back. */
function ownAddress({ host, port, router: { hosted, proxy } }: ServeConfig): Finding[] {
  const proxies = [proxy].flat();
  const upstreams = [
    ["hosted", hosted] as const,
    ...proxies.map((one, index) => [proxies.length === 1 ? "proxy" : `proxy[${index}]`, one] as const),
  ];
  return upstreams.flatMap(([option, upstream]): Finding[] => {
    const url = new URL(typeof upstream === "string" ? upstream : upstream.url);
    const name = url.hostname.replace(/^\[(.*)\]$/, "$1");
    const here = name === host || (isLoopback(name) && (isLoopback(host) || isWildcard(host)));
    return here && portOf(url) === port
      ? [
          {
            id: "own-address",
            severity: "error",
            where: option,
            what: `${url.origin} is the address where the router itself listens`,
            advice: "give one of the two another port",
          },
        ]
      : [];
  });
}

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

function portOf({ port, protocol }: URL): number {
  return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
}

/** Whether only this machine can reach what listens there. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/** The warning for `sendsPasswordsReadably`. */
export const readablePasswords =
  "passwords cross the network in plain text, unless TLS is terminated in front of this port";

/** Whether clients of other machines are asked for passwords over plain HTTP. */
export function sendsPasswordsReadably({
  auth,
  tls,
  host,
}: Pick<ServeConfig, "auth" | "tls" | "host">): boolean {
  return auth !== undefined && tls === undefined && !isLoopback(host);
}
