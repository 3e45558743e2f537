import type { Profile } from "./profile.ts";

// The user of each profile. Tests and harnesses read it from `registry.user`.
const password = "testkit-password";

/** Registries that cloud providers run for their customers. */
export const cloudProfiles = {
  /**
   * Amazon ECR. A password of `aws ecr get-login-password` holds for 12 hours, and then the answer is 403 (aws/aws-cli#2351,
   * awslabs/amazon-ecr-credential-helper#118). Repositories are created before a push (moby/moby#24473, zarf-dev/zarf#1938). Blobs are in S3.
   */
  ecr: {
    auth: {
      username: "AWS",
      password,
      lifetime: 12 * 60 * 60,
      challenge:
        'Basic realm="https://012345678901.dkr.ecr.eu-central-1.amazonaws.com/",service="ecr.amazonaws.com"',
    },
    expired: {
      status: 403,
      code: "DENIED",
      message: "Your authorization token has expired. Reauthenticate and try again.",
    },
    mustExist: "all",
    missingProject: {
      status: 404,
      code: "NAME_UNKNOWN",
      message: "The repository with name '{name}' does not exist in the registry with id '012345678901'",
    },
    unknownRepository: {
      status: 404,
      code: "NAME_UNKNOWN",
      message: "The repository with name '{name}' does not exist in the registry with id '012345678901'",
    },
    redirects: [{ of: ["blob"], path: "/storage/{digest}" }],
    catalog: false,
    locations: "absolute",
    referrers: true,
  },

  /**
   * Google Artifact Registry. Upload sessions are at a path of their own (gitpod-io/gitpod#10214), and so are downloads (astral-sh/uv#13041).
   * The token endpoint refuses anonymous clients what is not public (argoproj/argo-cd#26260), and a repository that does not exist is said in
   * the words for one that is forbidden (googleapis/google-cloud-python#10663). Names are project, repository and image (gitpod-io/gitpod#3695).
   */
  "artifact-registry": {
    tokens: {
      user: { username: "oauth2accesstoken", password },
      path: "/v2/token",
      service: "europe-docker.pkg.dev",
      field: "token",
      refusal: {
        status: 403,
        code: "DENIED",
        message:
          'Unauthenticated request. Unauthenticated requests do not have permission "artifactregistry.repositories.downloadArtifacts" on resource "projects/{project}/locations/europe/repositories/{repository}" (or it may not exist)',
      },
    },
    unknownRepository: {
      status: 403,
      code: "DENIED",
      message:
        'Permission "artifactregistry.repositories.downloadArtifacts" denied on resource "projects/{project}/locations/europe/repositories/{repository}" (or it may not exist)',
    },
    mustExist: 2,
    missingProject: {
      status: 404,
      code: "NAME_UNKNOWN",
      message: 'Repository "{repository}" not found',
    },
    uploads: "/artifacts-uploads/namespaces/{project}/repositories/{repository}/uploads/{id}",
    redirects: [
      {
        of: ["blob"],
        to: "own",
        status: 302,
        path: "/artifacts-downloads/namespaces/{project}/repositories/{repository}/downloads/{digest}",
      },
    ],
  },

  /**
   * gcr.io, which Artifact Registry serves today: `302 /artifacts-downloads/namespaces/...` at its own host (rpardini/docker-registry-proxy#115).
   * Public images need no token.
   */
  gcr: {
    uploads: "/artifacts-uploads/namespaces/{project}/repositories/gcr.io/uploads/{id}",
    redirects: [
      {
        of: ["blob"],
        to: "own",
        status: 302,
        path: "/artifacts-downloads/namespaces/{project}/repositories/gcr.io/downloads/{digest}",
      },
    ],
    headers: { "X-Gcr-Using-Artifact-Registry": "true" },
    tokens: {
      user: { username: "_json_key", password },
      path: "/v2/token",
      service: "gcr.io",
      field: "token",
    },
  },

  /**
   * Azure Container Registry. Its token endpoint takes GET with Basic, and POST with a password or a refresh token, and answers with
   * `access_token` alone (azure.github.io/acr: Token-BasicAuth, AAD-OAuth). Blobs are in Azure's storage.
   */
  acr: {
    tokens: {
      user: { username: "00000000-0000-0000-0000-000000000000", password },
      path: "/oauth2/token",
      service: "contoso.azurecr.io",
      field: "access_token",
      anonymous: false,
    },
    redirects: [{ of: ["blob"], path: "/storage/{digest}" }],
  },
} as const satisfies Readonly<Record<string, Profile>>;
