import type { Profile } from "./profile.ts";

const password = "testkit-password";

/** Products that organisations run for themselves. */
export const privateProfiles = {
  /**
   * Harbor. Its token endpoint is `/service/token`, it sets a session cookie, a push needs a project that exists, and for a project that does
   * not exist it says 401 also to users (goharbor/harbor#966, #13988). Words of its policies and quotas: `refusals.harbor`.
   */
  harbor: {
    tokens: {
      user: { username: "robot$ci", password },
      path: "/service/token",
      service: "harbor-registry",
    },
    headers: {
      "Set-Cookie": "sid=5f9c3a0e7d21; Path=/; HttpOnly",
      "X-Request-Id": "1d2b8a56-0c1e-4f4e-9d0a-2c7c6a1f8a11",
    },
    mustExist: 1,
    missingProject: {
      status: 401,
      code: "UNAUTHORIZED",
      message:
        "unauthorized to access repository: {name}, action: push: unauthorized to access repository: {name}, action: push",
    },
    unknownRepository: {
      status: 401,
      code: "UNAUTHORIZED",
      message:
        "unauthorized to access repository: {name}, action: pull: unauthorized to access repository: {name}, action: pull",
    },
  },

  /**
   * Artifactory. It redirects to paths of its own API, `/artifactory/api/docker/...` (containerd/containerd#6339), says who it is in headers
   * (jfrog/charts#455), and its balancer sets cookies.
   */
  artifactory: {
    tokens: {
      user: { username: "deployer", password },
      path: "/artifactory/api/docker/docker-local/v2/token",
      service: "artifactory.local",
      anonymous: false,
    },
    headers: {
      "X-JFrog-Version": "Artifactory/7.98.7 79807900",
      "X-Artifactory-Id": "6e921143e3a9e856:-2c5c96d7:16cb7f6d82a:-8000",
      "X-Artifactory-Node-Id": "artifactory-0",
      "Set-Cookie": "AWSELB=4f0c; PATH=/; MAX-AGE=600",
    },
    redirects: [
      {
        of: ["blob"],
        to: "own",
        path: "/artifactory/api/docker/docker-local/v2/{name}/blobs/{digest}",
      },
    ],
    locations: "absolute",
  },

  /**
   * GitLab's registry. Tokens come from GitLab at another host, `/jwt/auth`, which gives anonymous clients none without a scope, and says
   * 403 "access forbidden" for what they may not have (getwud/wud#600, docker/docs on token authentication). A tag that begins with `sha256-` is
   * read as a digest.
   */
  gitlab: {
    tokens: {
      user: { username: "gitlab-ci-token", password },
      path: "/jwt/auth",
      service: "container_registry",
      realm: "elsewhere",
      field: "token",
      withoutScope: false,
      refusal: { status: 403, code: "DENIED", message: "access forbidden" },
    },
    digestTags: true,
    locations: "absolute",
    catalog: false,
  },

  /**
   * Sonatype Nexus. New repositories ask for Basic authentication, for reads too, and write the scheme in capitals
   * (sonatype/nexus-public#921). `Location` has no host.
   */
  nexus: {
    auth: {
      username: "deployer",
      password,
      challenge: 'BASIC realm="Sonatype Nexus Repository Manager"',
    },
    locations: "relative",
    referrers: false,
  },
} as const satisfies Readonly<Record<string, Profile>>;
