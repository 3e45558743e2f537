/** How a client sends HEAD of a manifest. */
export interface Client {
  /** Its `Accept`, one value for each header line. */
  readonly lines: readonly string[];
  readonly purpose: "push" | "push or pull" | "pull";
}

const docker = "application/vnd.docker.distribution.manifest";
const schema2 = `${docker}.v2+json`;
const schema1 = `${docker}.v1+json`;
const signed = `${docker}.v1+prettyjws`;
const list = `${docker}.list.v2+json`;
const oci = "application/vnd.oci.image.manifest.v1+json";
const index = "application/vnd.oci.image.index.v1+json";
const artifact = "application/vnd.oci.artifact.manifest.v1+json";
const orasArtifact = "application/vnd.cncf.oras.artifact.manifest.v1+json";

/** From the sources of the clients named, and from what they were seen to send. */
export const accepts = {
  // core/remotes/docker/pusher.go: the type of what is pushed, and any type.
  "containerd 1.7, pushing a manifest": { lines: [`${oci}, */*`], purpose: "push" },
  "containerd 2.1, pushing an index": { lines: [`${index}, */*`], purpose: "push" },
  "docker 29 with the containerd image store, pushing a list": { lines: [`${list}, */*`], purpose: "push" },
  "buildkit 0.20 and nerdctl 2, pushing docker's type": { lines: [`${schema2}, */*`], purpose: "push" },
  "containerd 1.2, pushing": { lines: [`${schema2}, *`], purpose: "push" },
  "a pusher behind a proxy that writes its own spaces": { lines: [`${index},*/*`], purpose: "push" },
  "a pusher behind a proxy that splits lines": { lines: [oci, "*/*"], purpose: "push" },
  "a pusher with weights": { lines: [`${oci};q=1.0, */*;q=0.1`], purpose: "push" },
  "a pusher in capitals, with the types in another order": {
    lines: [`*/*, ${oci.toUpperCase()}`],
    purpose: "push",
  },
  // core/remotes/docker/resolver.go.
  "containerd 1.7 and 2.1, pulling": {
    lines: [`${schema2}, ${list}, ${oci}, ${index}, */*`],
    purpose: "pull",
  },
  "containerd 1.2, pulling": { lines: [`${schema2}, ${list}, ${oci}, ${index}, *`], purpose: "pull" },
  // fetcher.go, FetchByDigest without a media type.
  "containerd 2.1, fetching by digest": { lines: ["*/*"], purpose: "pull" },
  "docker 20 to 28, pulling": {
    lines: [index, signed, "application/json", schema2, list, oci],
    purpose: "pull",
  },
  "docker 20 to 28, pulling by digest": { lines: [], purpose: "pull" },
  "podman 4, skopeo 1.9, CRI-O": { lines: [oci, schema2, signed, schema1, list, index], purpose: "pull" },
  "podman behind a proxy that joins lines": {
    lines: [[oci, schema2, signed, schema1, list, index].join(", ")],
    purpose: "pull",
  },
  "oras 1.2": { lines: [[schema2, list, oci, index, orasArtifact, artifact].join(", ")], purpose: "pull" },
  "regctl 0.8": { lines: [index, oci, list, schema2, signed, schema1, artifact], purpose: "pull" },
  "crane 0.20, kaniko 1.23, cosign 2": {
    lines: [[schema1, signed, schema2, oci, list, index].join(",")],
    purpose: "push or pull",
  },
  "crane behind a proxy that splits lines": {
    lines: [schema1, signed, schema2, oci, list, index],
    purpose: "push or pull",
  },
  "go-containerregistry 0.8, and the conformance suite: one type alone": { lines: [oci], purpose: "pull" },
  "watchtower 1.7": { lines: [schema2, list, schema1, index], purpose: "pull" },
  curl: { lines: ["*/*"], purpose: "pull" },
  "a browser": {
    lines: ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
    purpose: "pull",
  },
  axios: { lines: ["application/json, text/plain, */*"], purpose: "pull" },
  "an empty header": { lines: [""], purpose: "pull" },
} as const satisfies Readonly<Record<string, Client>>;
