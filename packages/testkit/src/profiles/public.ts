import type { Profile } from "./profile.ts";

const password = "testkit-password";

/** Registries that everybody pulls from. */
export const publicProfiles = {
  /**
   * ghcr.io. Upload sessions are at `/v2/<name>/blobs/upload/<id>` (hpc/charliecloud#1501). The token endpoint answers 403 DENIED for
   * names that it does not give (confidential-containers/cloud-api-adaptor#2829). Referrers are redirected with 303 to a page that is not there
   * (artifacthub/hub#4785). Layers are at another host.
   */
  ghcr: {
    tokens: {
      user: { username: "octocat", password },
      service: "ghcr.io",
      field: "token",
      refusal: { status: 403, code: "DENIED", message: "requested access to the resource is denied" },
    },
    uploads: "/v2/{name}/blobs/upload/{id}",
    redirects: [{ of: ["blob"], path: "/storage/{digest}" }],
    referrers: "redirect",
    catalog: false,
  },

  /**
   * Docker Hub. Tokens come from another host, 100 pulls in six hours are free (docs.docker.com/docker-hub/usage/pulls), an unknown name is
   * answered 401 as a private one is, layers are at a content delivery network, and there is no referrers API.
   */
  dockerhub: {
    tokens: {
      user: { username: "docker", password },
      service: "registry.docker.io",
      realm: "elsewhere",
    },
    unknownRepository: {
      status: 401,
      code: "UNAUTHORIZED",
      message: "authentication required",
    },
    rateLimit: { pulls: 100 },
    redirects: [{ of: ["blob"], methods: ["GET", "HEAD"], path: "/storage/{digest}" }],
    referrers: false,
    catalog: false,
    locations: "absolute",
  },

  /**
   * Quay. Its token endpoint is `/v2/auth`, an unknown repository is 401 (helm/helm#31567), and the answers are compressed for
   * clients that accept no compression (quay/quay#1310).
   */
  quay: {
    tokens: {
      user: { username: "acme+robot", password },
      path: "/v2/auth",
      service: "quay.io",
      field: "token",
    },
    redirects: [{ of: ["blob"], status: 302, path: "/storage/{digest}" }],
    gzip: true,
    locations: "absolute",
  },

  /**
   * registry.k8s.io. Everything under `/v2/`, the version check included, is redirected with 307 to a registry or to a bucket
   * (kubernetes/registry.k8s.io#71, rpardini/docker-registry-proxy#164). It takes no pushes.
   */
  k8s: {
    redirects: [
      { of: ["base", "manifest", "tags"], methods: ["GET", "HEAD"] },
      { of: ["blob"], methods: ["GET", "HEAD"], path: "/storage/{digest}" },
    ],
    referrers: true,
    catalog: false,
    readOnly: true,
  },

  /**
   * mcr.microsoft.com. It asks nobody for a token, and has a catalog (microsoft/containerregistry#168). Layers are at the data endpoint, which is
   * another host (microsoft/containerregistry#45).
   */
  mcr: {
    redirects: [{ of: ["blob"], path: "/storage/{digest}" }],
    referrers: true,
    readOnly: true,
  },
} as const satisfies Readonly<Record<string, Profile>>;
