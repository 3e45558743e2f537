import type { Explanation, UpstreamAnswer } from "./explanation.ts";

type Found = Omit<Explanation, "advice">;

export function adviceOn(explanation: Found): string[] {
  return [
    ...aboutHost(explanation),
    ...explanation.upstreams.flatMap(aboutUpstream),
    ...aboutStop(explanation),
    ...aboutShadowing(explanation),
    ...aboutAbsence(explanation),
  ];
}

function aboutHost({ host, pull }: Found): string[] {
  return host?.means === "nothing" && pull.from === undefined
    ? [
        `${host.name} is not the hosts or namespace of an upstream, so it was ignored: only the name after it counts`,
      ]
    : [];
}

function aboutUpstream({ name, outcome, cause, status, breaker }: UpstreamAnswer): string[] {
  if (outcome === "final") {
    return [
      status === 401 || status === 403
        ? `${name} checks each client's own credentials, and was asked without any: clients that may pull get its answer`
        : `${name} answers ${status} to this request, and clients get that answer`,
    ];
  }
  if (outcome === "failed") {
    return [`${name} failed (${cause}): combined-registry check says more`];
  }
  return breaker === "closed"
    ? []
    : [`${name} answers now but its circuit is ${breaker}: it is asked again within seconds of its recovery`];
}

function aboutStop({ rule, upstreams, stopsAfterFailureOf, pull }: Found): string[] {
  const stopper = upstreams.find(
    ({ kind, name, outcome }) =>
      kind === "hosted" && outcome === "failed" && stopsAfterFailureOf.includes(name),
  );
  return stopper === undefined || rule.onFailure !== undefined || pull.from !== undefined
    ? []
    : [
        `${stopper.name} may have this tag, so no proxy after it is asked: ` +
          "if its image under this tag will do, give the rule onFailure: continue",
      ];
}

function aboutShadowing({ shadowing, pull, repository }: Found): string[] {
  return shadowing.map(
    ({ hosted, proxy }) =>
      `${proxy.name} and ${hosted.name} have different images under this tag, and pulls get ${pull.from}'s: ` +
      `if the name is yours, give ${repository} a rule with pull: [hosted], or with owned: true`,
  );
}

function aboutAbsence({ pull, upstreams, repository, push }: Found): string[] {
  if (pull.status !== 404) {
    return [];
  }
  if (upstreams.length === 0) {
    return [
      "no upstream may be asked for this name: see the rule's pull, and the match and namespace of each proxy",
    ];
  }
  const official = upstreams.some(({ kind, repository: there }) => kind === "proxy" && there === repository);
  if (!repository.includes("/") && official) {
    return [
      `Docker Hub keeps its official images under library/: try library/${repository}, or set libraryPrefix: true on its proxy`,
    ];
  }
  return [
    push.to === undefined
      ? "no upstream has it: check the spelling and the tag"
      : `no upstream has it: check the spelling and the tag, or push it (it would go to ${push.to})`,
  ];
}
