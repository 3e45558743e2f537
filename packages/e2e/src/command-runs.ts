/** A test or script, and the commands of the pages that it runs. */
export interface Runs {
  /** From the top of the checkout. */
  readonly by: string;
  /** What stands in that file if it does. */
  readonly says: readonly string[];
  /** As `commandsIn` finds them. Ports, hosts and images may be others there. */
  readonly commands: readonly string[];
}

const e2e = (name: string) => `packages/e2e/test/${name}.test.ts`;
const cli = (name: string) => `packages/cli/test/${name}.test.ts`;

/** Who runs what. */
export const commandRuns: readonly Runs[] = [
  {
    by: e2e("getting-started"),
    says: [
      'block("sh", "docker pull")',
      'block("sh", "npx combined-registry check")',
      'block("sh", "htpasswd")',
    ],
    commands: [
      "docker pull localhost:5000/library/hello:latest",
      "docker tag localhost:5000/library/hello:latest localhost:5000/team/hello:1",
      "docker push localhost:5000/team/hello:1",
      "docker pull localhost:5000/team/hello:1",
      "curl http://localhost:5000/v2/team/hello/tags/list",
      "npx combined-registry explain library/nginx:latest",
      "htpasswd -B -c htpasswd alice",
      "htpasswd -cB htpasswd alice",
      "npx combined-registry --htpasswd ./htpasswd --tls-cert ./cert.pem --tls-key ./key.pem --hosted http://localhost:5001 --proxy http://localhost:5002",
      "docker login registry.example.com:5000",
      "docker login",
    ],
  },
  {
    by: e2e("getting-started"),
    says: ['block("sh", "npx combined-registry --hosted")', 'started("npx combined-registry --demo")'],
    commands: [
      "npx combined-registry --hosted http://localhost:5001 --proxy http://localhost:5002",
      "npx combined-registry --hosted http://registry:5000 --proxy http://docker-hub-cache:5000",
      "npx combined-registry --demo",
    ],
  },
  {
    by: e2e("docs-typed"),
    says: [
      "check|explain",
      "combined-registry init -",
      "combined-registry completion",
      "^printf",
      "^haproxy -c",
    ],
    commands: [
      "npx combined-registry check",
      "npx combined-registry explain team/app:1.2",
      "combined-registry init --hosted http://registry:5000 --proxy hub=http://docker-hub-cache:5000 --yes",
      "combined-registry init --htpasswd ./htpasswd --user alice --password-stdin < password",
      "HOSTED_HOSTNAME=registry:5000 PROXY_HOSTNAME=cache:5000 ENABLE_AUTH=true combined-registry init --yes",
      "source <(combined-registry completion bash)",
      "combined-registry completion zsh > ~/.zfunc/_combined-registry",
      "combined-registry completion fish > ~/.config/fish/completions/combined-registry.fish",
      "combined-registry completion bash",
      "npx combined-registry completion bash",
      "printf %s USER:PASSWORD | base64",
      "haproxy -c -f haproxy.cfg",
    ],
  },
  {
    by: e2e("new-user"),
    says: ["npm start -- --once", "npx --yes", "combined-registry --demo"],
    commands: ["npm start", "npm start -- --once"],
  },
  {
    by: e2e("clients"),
    says: ['docker("pull"', 'docker("push"'],
    commands: [
      "docker pull registry.example.com/library/nginx",
      "docker push registry.example.com/team/app",
      "docker pull registry.example.com/team/app",
      "docker pull localhost:5000/library/nginx",
    ],
  },
  {
    by: e2e("installed"),
    says: ['"npx"', '"combined-registry", "--config"', "installPacked"],
    commands: [
      "npx combined-registry --config combined-registry.yaml",
      "npm install @combined-registry/core",
      "npm install --save-dev @combined-registry/testkit",
      "npm install --prefix /opt/combined-registry combined-registry",
    ],
  },
  {
    by: e2e("terminal"),
    says: ['start(["init"])', "startRouter({ folder })"],
    commands: ["combined-registry init", "npx combined-registry init", "combined-registry"],
  },
  {
    by: cli("commands/docs"),
    says: ['["explain", "check"]', "lab.run(argv)"],
    commands: [
      "combined-registry check",
      "combined-registry explain registry.example.com/team/app:1.2",
      "combined-registry explain",
      "combined-registry explain <image>",
    ],
  },
  { by: cli("commands/health"), says: ['["health", '], commands: ["combined-registry health"] },
  {
    by: cli("workers/docs"),
    says: ["--workers"],
    commands: ["combined-registry --workers 2 --log-format json"],
  },
  {
    by: e2e("migration-two-registries"),
    says: ["/^ch(?:grp|mod) /", 'command.includes("run --rm router")'],
    commands: [
      "chgrp 65532 certs/registry.key",
      "chmod 640 certs/registry.key",
      "docker compose --file docker-compose.new.yml run --rm router check",
      "docker compose --file docker-compose.new.yml run --rm router explain library/alpine:latest",
      "docker compose --file docker-compose.new.yml run --rm router explain team/app:1.0",
    ],
  },
  {
    by: e2e("drop-in"),
    says: ["HOSTED_HOSTNAME", "PROXY_HOSTNAME", "AGGREGATE_HOSTNAME", "ENABLE_AUTH"],
    commands: [
      "HOSTED_HOSTNAME=registry:5000 PROXY_HOSTNAME=cache:5000 AGGREGATE_HOSTNAME=registry.example.com ENABLE_AUTH=true npx combined-registry",
    ],
  },
  {
    by: ".ci/run",
    says: [
      "npm test -- ",
      "pnpm@10.34.9 typecheck",
      "pnpm@10.34.9 lint",
      "soak.mjs --minutes",
      "slow-headers.mjs",
    ],
    commands: [
      "npm test",
      "npm test -- --selectProjects core",
      "npm test -- packages/core/test/behaviour/reload/reload.test.ts",
      "npm run typecheck",
      "npm run lint",
      "node packages/e2e/measure/soak.mjs --minutes 5",
      "node packages/e2e/measure/slow-headers.mjs",
      "node packages/e2e/measure/passwords.mjs",
    ],
  },
  { by: ".github/workflows/ci.yml", says: ["run: .ci/run"], commands: [".ci/run"] },
  {
    by: e2e("outage-load"),
    says: ["../measure/outage.mjs"],
    commands: ["node packages/e2e/measure/outage.mjs"],
  },
  {
    by: "packages/bench/test/bench.test.ts",
    says: ['"bench", "--", "--size", "tiny", "--out"', '"--against"'],
    commands: [
      "npm run bench",
      "npm run bench -- --quick",
      "npm run bench -- --out results",
      "npm run bench -- --against ../other/packages/cli/bin/combined-registry.js",
    ],
  },
  {
    by: e2e("release"),
    says: ["scripts/version.mjs", ".changeset/a-change.md"],
    commands: ["npm run version-packages"],
  },
  {
    by: cli("reference/schema"),
    says: ["npm run reference", "makeReference()"],
    commands: ["npm run reference"],
  },
  {
    by: "packages/e2e/src/router-image.ts",
    says: ['"build"', "packages/cli/Dockerfile"],
    commands: ["docker build --file packages/cli/Dockerfile --tag combined-registry ."],
  },
  {
    by: "packages/e2e/src/example.ts",
    says: ["npm install", '"server.mjs"'],
    commands: ["npm install", "HOSTED=http://registry:5000 PROXY=http://cache:5000 node server.mjs"],
  },
  {
    by: "packages/e2e/src/balancer.ts",
    says: ['program: "haproxy"', '"-f"'],
    commands: ["haproxy -W -f haproxy.cfg"],
  },
  {
    by: e2e("deploy-monitoring"),
    says: ['promtool("check", "config"', 'promtool("test", "rules"', "startPrometheus"],
    commands: [
      "promtool check config prometheus.yml",
      "promtool test rules alerts.test.yml",
      "prometheus --config.file prometheus.yml",
    ],
  },
  {
    by: e2e("deploy-systemd"),
    says: ['analyze("security"', "ExecReload"],
    commands: ["systemd-analyze security", "systemctl reload combined-registry"],
  },
];

/** Commands that nothing runs, and why not; what is tested instead. */
export const notRun: Readonly<Record<string, string>> = {
  "docker run -d --name hosted -p 5001:5000 registry:2":
    "The image is in Docker Hub. Tests run the same program as Debian's docker-registry.",
  "docker run -d --name cache -p 5002:5000 -e REGISTRY_PROXY_REMOTEURL=https://registry-1.docker.io registry:2":
    "The image is in Docker Hub. deploy-compose.test.ts runs the same program with that variable.",
  "docker compose up --build --detach":
    "Its images are in Docker Hub. deploy-compose.test.ts has compose read the file, and runs what is in it.",
  "docker compose --file docker-compose.yml --file docker-compose.auth.yml up --build --detach":
    "Its images are in Docker Hub. deploy-compose.test.ts has compose read the files, and runs what is in them.",
  "docker compose rm --stop --force nginx":
    "There are no containers. migration-two-registries.test.ts stops and starts the programs that are in them.",
  "docker compose --file docker-compose.new.yml up --detach":
    "Its images are in Docker Hub. migration-two-registries.test.ts has compose read the file, and runs what is in it.",
  "docker compose --file docker-compose.new.yml rm --stop --force router":
    "There are no containers. migration-two-registries.test.ts stops and starts the programs that are in them.",
  "docker compose up --detach":
    "Its images are in Docker Hub. migration-two-registries.test.ts has compose read the file, and runs what is in it.",
  "docker compose down --volumes": "The page warns of it.",
  "docker pull registry.example.com/library/alpine":
    "The image is in Docker Hub. migration-two-registries.test.ts pulls another one of that name.",
  "docker tag registry.example.com/library/alpine registry.example.com/team/alpine":
    "The image is in Docker Hub. migration-two-registries.test.ts pushes another one.",
  "docker push registry.example.com/team/alpine":
    "The image is in Docker Hub. migration-two-registries.test.ts pushes another one.",
  "docker pull localhost:5000/library/alpine":
    "The image is in Docker Hub. deploy-compose.test.ts copies another one of that name.",
  "docker tag localhost:5000/library/alpine localhost:5000/team/alpine":
    "The image is in Docker Hub. deploy-compose.test.ts copies another one of that name.",
  "docker push localhost:5000/team/alpine":
    "The image is in Docker Hub. deploy-compose.test.ts copies another one of that name.",
  "docker login --username alice --password wonderland localhost:5000":
    "express.test.ts sends what docker would; clients.test.ts and getting-started.test.ts run docker login.",
  "curl -u": "No command as it stands: the page speaks of credentials that curl is given.",
  "helm upgrade --install registry examples/kubernetes --namespace registry --create-namespace --values my-values.yaml":
    "There is no cluster. deploy-kubernetes.test.ts has helm lint the chart and render it with the page's values.",
  "kubectl --namespace registry exec deploy/registry-combined-registry -- node /app/bin/combined-registry.js check":
    "There is no cluster. deploy-kubernetes.test.ts runs the router with the chart's configuration.",
  "install -m 644 combined-registry.service /etc/systemd/system/":
    "systemd does not run in a container. deploy-systemd.test.ts has systemd-analyze judge the unit.",
  "systemctl daemon-reload": "systemd does not run in a container.",
  "systemctl enable --now combined-registry":
    "systemd does not run in a container. deploy-systemd.test.ts starts the program with the unit's arguments.",
  "systemctl restart": "systemd does not run in a container.",
  "apt-get install docker-registry nginx libnginx-mod-http-lua":
    "Tests install nothing; .ci/run does, the first of them at least.",
  "npx changeset": "It asks at a terminal. release.test.ts writes what it would.",
};
