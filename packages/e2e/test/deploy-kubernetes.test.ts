import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startRegistry } from "@combined-registry/testkit";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Deployment } from "kubernetes-types/apps/v1.js";
import type { HorizontalPodAutoscaler } from "kubernetes-types/autoscaling/v2.js";
import type { ConfigMap, PodSpec, Service } from "kubernetes-types/core/v1.js";
import type { Ingress } from "kubernetes-types/networking/v1.js";
import type { PodDisruptionBudget } from "kubernetes-types/policy/v1.js";
import { parse } from "yaml";
import { checkout } from "../src/checkout.ts";
import { codeBlock } from "../src/code-blocks.ts";
import { startContainerd } from "../src/containerd.ts";
import { type KubernetesObject, lint, render } from "../src/helm.ts";
import { request } from "../src/http.ts";
import { image } from "../src/images.ts";
import { checkTypes, isBuiltIn } from "../src/kubernetes-types.ts";
import { openLab } from "../src/lab.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import { startRouter } from "../src/router.ts";
import { seed } from "../src/seed.ts";

const readme = join(checkout, "examples/kubernetes/README.md");
const drain = { delay: 10_000, timeout: 300_000 };
const protocol = "nginx.ingress.kubernetes.io/backend-protocol";
const streamed = "nginx.ingress.kubernetes.io/proxy-buffering";

/** The object of a kind. */
function one<T>(objects: readonly KubernetesObject[], kind: string): KubernetesObject & T {
  const found = objects.filter((object): object is KubernetesObject & T => object.kind === kind);
  const [only, ...others] = found;
  if (only === undefined || others.length > 0) {
    throw new Error(`expected one ${kind}, given ${found.length}`);
  }
  return only;
}

function podOf(objects: readonly KubernetesObject[]): PodSpec {
  const pod = one<Deployment>(objects, "Deployment").spec?.template.spec;
  if (pod === undefined) {
    throw new Error("the Deployment has no pod");
  }
  return pod;
}

describeE2E("the chart", ["helm"], () => {
  const resources = new Resources();
  let everything: KubernetesObject[];

  beforeAll(async () => {
    everything = await render(await codeBlock(readme, "yaml"), await resources.folder());
  }, 60_000);

  afterAll(() => resources[Symbol.asyncDispose](), 30_000);

  describe.each([
    {
      form: "left out",
      given: {},
      meant: { hosted: "http://registry:5000", proxy: "http://docker-hub-cache:5000" },
    },
    { form: "texts", given: { hosted: "http://a:1", proxy: "http://b:2" } },
    { form: "tables", given: { hosted: { url: "http://a:1" }, proxy: { url: "http://b:2" } } },
    { form: "a list of both", given: { hosted: "http://a:1", proxy: ["http://b:2", { url: "http://c:3" }] } },
  ])("with upstreams that are $form", ({ given, meant = given }) => {
    it("passes helm lint without a warning", async () => {
      expect(await lint({ config: given }, await resources.folder())).toContain("0 chart(s) failed");
    }, 30_000);

    it("gives the router what it was given", async () => {
      const objects = await render({ config: given }, await resources.folder());
      const [text = ""] = Object.values(one<ConfigMap>(objects, "ConfigMap").data ?? {});
      expect(parse(text)).toEqual({ base: "hosted", ...meant, drain, host: "0.0.0.0", port: 5000 });
    }, 30_000);
  });

  it("is of the program's version", async () => {
    const { version } = JSON.parse(await readFile(join(checkout, "packages/cli/package.json"), "utf8"));
    expect(await readFile(join(checkout, "examples/kubernetes/Chart.yaml"), "utf8")).toContain(
      `\nappVersion: ${version}\n`,
    );
  });

  it("makes a few objects by default, and more where they are asked for", async () => {
    const kinds = (objects: readonly KubernetesObject[]) => objects.map(({ kind }) => kind).sort();
    const least = ["ConfigMap", "Deployment", "PodDisruptionBudget", "Service"];

    expect(kinds(await render({}, await resources.folder()))).toEqual(least);
    const more = ["HorizontalPodAutoscaler", "Ingress", "ServiceMonitor"];
    expect(kinds(everything)).toEqual([...least, ...more].sort());
  }, 30_000);

  describe("held against Kubernetes' own types", () => {
    it.each([
      { what: "what the README has", values: () => codeBlock(readme, "yaml") },
      { what: "the defaults", values: async () => "{}" },
      {
        what: "all that is left",
        values: async () => ({
          tlsSecret: "tls",
          env: [{ name: "A", valueFrom: { secretKeyRef: { name: "a", key: "b" } } }],
          image: { digest: `sha256:${"a".repeat(64)}` },
          imagePullSecrets: [{ name: "pull" }],
          podAnnotations: { a: "b" },
          podLabels: { c: "d" },
          nodeSelector: { e: "f" },
          tolerations: [{ key: "g", operator: "Exists" }],
          affinity: { nodeAffinity: {} },
          priorityClassName: "high",
          service: { annotations: { h: "i" } },
          ingress: { enabled: true },
          podDisruptionBudget: { maxUnavailable: "50%" },
        }),
      },
    ])(
      "has no field that there is not, and lacks none: $what",
      async ({ values }) => {
        const folder = await resources.folder();
        const objects = await render(await values(), folder);
        await checkTypes(objects.filter(isBuiltIn), folder);
      },
      60_000,
    );

    it("would be told of a field that there is not", async () => {
      const service = { ...one<Service>(everything, "Service"), spec: { selectors: {} } };
      await expect(checkTypes([service], await resources.folder())).rejects.toThrow(/selectors/);
    }, 60_000);
  });

  it("connects its objects", () => {
    const labels = one<Deployment>(everything, "Deployment").spec?.template.metadata?.labels;
    const service = one<Service>(everything, "Service");
    const { name } = service.metadata;
    expect(labels).toMatchObject({ ...service.spec?.selector });
    expect(labels).toMatchObject({
      ...one<PodDisruptionBudget>(everything, "PodDisruptionBudget").spec?.selector?.matchLabels,
    });
    expect(
      one<HorizontalPodAutoscaler>(everything, "HorizontalPodAutoscaler").spec?.scaleTargetRef.name,
    ).toBe(one(everything, "Deployment").metadata.name);
    const paths = one<Ingress>(everything, "Ingress").spec?.rules?.[0]?.http?.paths;
    expect(paths?.[0]?.backend.service).toEqual({ name, port: { name: "registry" } });
    expect(service.spec?.ports?.map((port) => port.name)).toEqual(["registry"]);
    expect(one(everything, "ServiceMonitor")).toMatchObject({
      spec: {
        selector: {
          matchLabels: {
            "app.kubernetes.io/name": service.metadata.labels["app.kubernetes.io/name"],
            "app.kubernetes.io/instance": service.metadata.labels["app.kubernetes.io/instance"],
          },
        },
        endpoints: [{ port: "registry", path: "/metrics" }],
        // Whose value alerts and dashboard take for the job's name.
        jobLabel: "app.kubernetes.io/name",
      },
    });
  });

  it("asks for no right that the router does not need", async () => {
    const pod = podOf(everything);
    const dockerfile = await readFile(join(checkout, "packages/cli/Dockerfile"), "utf8");
    expect(dockerfile).toContain(
      `USER ${pod.securityContext?.runAsUser}:${pod.securityContext?.runAsGroup}\n`,
    );
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
      containers: [
        {
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          },
        },
      ],
    });
  });

  it("gives a pod the time to be withdrawn and to finish", () => {
    const { terminationGracePeriodSeconds, containers } = podOf(everything);
    const { periodSeconds = 10, failureThreshold = 3 } = containers[0]?.readinessProbe ?? {};
    expect(terminationGracePeriodSeconds).toBeGreaterThan((drain.delay + drain.timeout) / 1000);
    expect(periodSeconds * failureThreshold * 1000).toBeLessThan(drain.delay);
  });

  it("probes with the scheme that the router speaks", async () => {
    const [secured] = podOf(await render({ tlsSecret: "tls" }, await resources.folder())).containers;
    const [plain] = podOf(everything).containers;
    for (const probe of ["livenessProbe", "readinessProbe", "startupProbe"] as const) {
      expect(plain?.[probe]?.httpGet?.scheme).toBe("HTTP");
      expect(secured?.[probe]?.httpGet?.scheme).toBe("HTTPS");
    }
  }, 30_000);

  it.each([
    { annotations: null, left: {} },
    { annotations: { "nginx.ingress.kubernetes.io/proxy-body-size": null }, left: { [streamed]: "off" } },
    { annotations: { [protocol]: "GRPCS" }, left: { [protocol]: "GRPCS", [streamed]: "off" } },
  ])(
    "tells the ingress that the router speaks HTTPS, unless told otherwise: annotations $annotations",
    async ({ annotations, left }) => {
      const ingress = { enabled: true, annotations };
      const rendered = async (values: object) =>
        one<Ingress>(await render({ ingress, ...values }, await resources.folder()), "Ingress").metadata
          .annotations;

      const secured = await rendered({ tlsSecret: "tls" });
      expect(secured).toMatchObject({ [protocol]: "HTTPS", ...left });
      if (annotations === null) {
        expect(secured).toEqual({ [protocol]: "HTTPS" });
        expect(await rendered({})).toBeUndefined();
        // How Helm is told to forget a value of another file.
        expect(await rendered({ tlsSecret: null })).toBeUndefined();
      }
    },
    30_000,
  );

  it("makes a configuration that the program starts with, from the files that the pod will have", async () => {
    await using hosted = await startRegistry();
    await using proxy = await startRegistry();
    const folder = await resources.folder();
    const objects = await render(
      {
        config: {
          hosted: { url: hosted.url, auth: { username: "router", passwordFile: "./hosted-password" } },
          proxy: [{ name: "dockerhub", url: proxy.url }],
          memory: { manifestBytes: 67_108_864 },
          drain,
        },
        htpasswdSecret: "users",
        secretFiles: ["hosted-password"],
      },
      folder,
    );
    const mounted = join(folder, "mounted");
    await mkdir(mounted);
    const [projected] = podOf(objects).volumes ?? [];
    expect(projected?.projected?.sources).toEqual([
      { configMap: { name: "registry-combined-registry" } },
      { secret: { name: "users", items: [{ key: "htpasswd", path: "htpasswd" }] } },
      { secret: { name: "hosted-password" } },
    ]);
    for (const [name, text = ""] of Object.entries(one<ConfigMap>(objects, "ConfigMap").data ?? {})) {
      await writeFile(join(mounted, name), text);
    }
    await writeFile(join(mounted, "htpasswd"), "alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n");
    await writeFile(join(mounted, "hosted-password"), "secret\n");
    const [, path = ""] = podOf(objects).containers[0]?.args ?? [];
    expect(podOf(objects).containers[0]?.args).toEqual([
      "--config",
      "/etc/combined-registry/combined-registry.yaml",
    ]);

    const file = join(mounted, path.replace("/etc/combined-registry/", ""));
    const router = resources.use(
      await startRouter({ args: ["--config", file, "--port", "0", "--host", "127.0.0.1"], folder }),
    );

    expect((await request(router.origin, "GET", "/readyz")).status).toBe(200);
    expect((await request(router.origin, "GET", "/v2/")).status).toBe(401);
    const Authorization = `Basic ${Buffer.from("alice:password").toString("base64")}`;
    expect((await request(router.origin, "GET", "/v2/", { headers: { Authorization } })).status).toBe(200);

    // What is public can still be pulled then, if the pods stay in the Service.
    await hosted[Symbol.asyncDispose]();
    const { readinessProbe, livenessProbe } = podOf(objects).containers[0] ?? {};
    for (const probe of [readinessProbe, livenessProbe]) {
      expect((await request(router.origin, "GET", probe?.httpGet?.path ?? "")).status).toBe(200);
    }
  }, 60_000);

  it.each([
    { wrong: "an unknown value", values: { replica: 3 }, says: /replica/ },
    { wrong: "a digest that is none", values: { image: { digest: "sha256:abc" } }, says: /digest/ },
    { wrong: "no hosted", values: { config: { hosted: null } }, says: /hosted/ },
    { wrong: "a drain that is no number", values: { config: { drain: { delay: "10s" } } }, says: /delay/ },
    { wrong: "pages that probes may not see", values: { config: { operations: "off" } }, says: /probes/ },
  ])(
    "refuses $wrong",
    async ({ values, says }) => {
      await expect(render(values, await resources.folder())).rejects.toThrow(says);
    },
    30_000,
  );
});

describeE2E("the hosts.toml for nodes", ["docker-registry", "containerd"], () => {
  it("makes containerd pull images of docker.io through the router", async () => {
    await using resources = new Resources();
    const lab = await openLab(resources);
    const file = join(lab.folder, "htpasswd");
    await writeFile(file, "alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n");
    const router = await lab.startRouter({ auth: { htpasswdFile: file } });
    const containerd = resources.use(await startContainerd(lab.folder));
    await seed(lab.public.origin, "library/mirrored", "1.0", await image("for a node"));
    const hosts = join(lab.folder, "certs.d");
    await mkdir(join(hosts, "docker.io"), { recursive: true });
    const written = (await codeBlock(readme, "toml")).replaceAll(
      "https://registry.example.com",
      router.origin,
    );
    await writeFile(join(hosts, "docker.io/hosts.toml"), written);

    const options = ["--hosts-dir", hosts, "--snapshotter", "native", "--platform", "linux/amd64"];
    await containerd.ctr("images", "pull", ...options, "docker.io/library/mirrored:1.0");

    const targets = lab.cacheTap.take().map(({ target }) => target);
    expect(targets).toContain("/v2/library/mirrored/manifests/1.0?ns=docker.io");
  }, 90_000);
});
