import { manifestPath, seedNewTag } from "./content.ts";
import type { Job } from "./driver/jobs.ts";
import type { Lab } from "./lab.ts";
import type { Peer, PeerName } from "./peers.ts";
import type { Target } from "./results.ts";

/** Something to do, and who does it. */
export interface Work {
  readonly id: string;
  readonly title: string;
  readonly unit: "req/s" | "MB/s";
  /** Whose targets these are. @default "router" */
  readonly subject?: PeerName;
  readonly peers: readonly Peer[];
  /** What a peer is to be asked this time. */
  job(origin: string): Job | Promise<Job>;
  /** What to ask it before it counts. */
  warmUp?(origin: string): Job;
  readonly targets: readonly Target[];
  /** @default as many as the run has */
  readonly rounds?: number;
}

/** The rows of the table, in its order. */
export function worksOf(lab: Lab): Work[] {
  const combining = [...smallWorks(lab), ...largeWorks(lab)];
  return lab.against === undefined ? [...combining, ...scaleWorks(lab)] : combining.map(betweenBuilds);
}

/** The same work for two builds of the router: neither may be slower than the other, or hold more memory. */
function betweenBuilds(work: Work): Work {
  const isTimed = work.id !== "new-tag" && work.id !== "slow";
  const targets: Target[] = [
    ...(isTimed ? [{ metric: "rate", against: "other build", least: 0.97 } as const] : []),
    ...(work.unit === "MB/s" ? [{ metric: "memory", against: "other build", most: 1 } as const] : []),
    ...work.targets.filter(({ against }) => against === undefined),
  ];
  const peers = work.peers.filter(({ name }) => name === "router" || name === "other build");
  return { ...work, peers, targets };
}

function smallWorks(lab: Lab): Work[] {
  const { sizes, combiners, direct, bare, publicImages, privateImages } = lab;
  const many = `${sizes.images} images, ${sizes.connections} connections`;
  return [
    {
      id: "public-tag",
      title: `public manifests by tag (${many})`,
      unit: "req/s",
      peers: [...combiners, direct.cache],
      ...requests(lab, publicImages.byTag, publicImages.byDigest),
      targets: [
        { metric: "rate", against: "nginx error_page", least: 0.9 },
        { metric: "rate", against: "nginx + Lua", least: 2 },
      ],
    },
    {
      id: "private-tag",
      title: `private manifests by tag (${many})`,
      unit: "req/s",
      peers: [...combiners, direct.hosted],
      ...requests(lab, privateImages.byTag),
      targets: [{ metric: "rate", against: "nginx error_page", least: 1.5 }],
    },
    {
      id: "digest",
      title: `public manifests by digest (${many})`,
      unit: "req/s",
      peers: [...combiners, direct.cache, bare],
      ...requests(lab, publicImages.byDigest),
      targets: [
        { metric: "rate", against: "direct", least: 15 },
        { metric: "rate", against: "bare node", least: 0.5 },
      ],
    },
    {
      id: "new-tag",
      title: `${sizes.herd} clients ask for the same new tag at once`,
      unit: "req/s",
      peers: [...combiners, direct.cache],
      job: async (origin) => ({
        kind: "herd",
        origin,
        path: await seedNewTag(lab.publicOrigin),
        clients: sizes.herd,
      }),
      targets: [{ metric: "upstream", most: 1 }],
    },
  ];
}

function largeWorks(lab: Lab): Work[] {
  const { sizes, combiners, direct, blobPath: path } = lab;
  const size = `${sizes.blobMegabytes} MB`;
  // The Lua peer keeps whole blobs in memory: several at once would need many times their size.
  const streaming = combiners.filter(({ name }) => name !== "nginx + Lua");
  const atLeastNginx: Target[] = [
    { metric: "rate", against: "nginx error_page", least: 1.2 },
    { metric: "cpu", against: "nginx error_page", most: 1 },
  ];
  return [
    {
      id: "blob-1",
      title: `blob of ${size}, 1 stream`,
      unit: "MB/s",
      peers: [...combiners, direct.cache],
      job: (origin) => ({ kind: "blobs", origin, path, streams: 1 }),
      targets: atLeastNginx,
    },
    {
      id: "blob-8",
      title: `blob of ${size}, 8 streams`,
      unit: "MB/s",
      peers: [...streaming, direct.cache],
      job: (origin) => ({ kind: "blobs", origin, path, streams: 8 }),
      targets: [...atLeastNginx, { metric: "memory", most: 200 }],
    },
    {
      id: "upload",
      title: `upload of ${size}`,
      unit: "MB/s",
      peers: [...streaming, direct.hosted],
      job: (origin) => ({
        kind: "upload",
        origin,
        repository: "private/large",
        megabytes: sizes.blobMegabytes,
      }),
      targets: [{ metric: "rate", against: "nginx error_page", least: 0.9 }],
    },
    {
      id: "slow",
      title: `${sizes.slowStreams} streams at 1 MB/s for ${sizes.slowSeconds} s`,
      unit: "MB/s",
      peers: streaming,
      job: (origin) => ({
        kind: "slow",
        origin,
        path,
        streams: sizes.slowStreams,
        bytesPerSecond: 1e6,
        seconds: sizes.slowSeconds,
      }),
      targets: [{ metric: "memory", most: 300 }],
      rounds: 1,
    },
  ];
}

/** Before a bare server, which costs so little that the router itself is what is measured. */
function scaleWorks(lab: Lab): Work[] {
  const { sizes, fewRules, manyRules, publicImages } = lab;
  const digests = publicImages.images.map(({ manifest }) => manifest.digest);
  const names = Array.from({ length: sizes.repositories }, (_, index) =>
    manifestPath(`many/name-${index}`, digests[index % digests.length] ?? ""),
  );
  return [
    {
      id: "rules",
      title: `${sizes.rules.toLocaleString("en-US")} rules against 1 rule`,
      unit: "req/s",
      subject: "router, many rules",
      peers: [manyRules, fewRules],
      ...requests(lab, publicImages.byDigest),
      targets: [
        { metric: "rate", against: "router, 1 rule", least: 0.97 },
        { metric: "cpu", against: "router, 1 rule", most: 1.03 },
      ],
    },
    {
      id: "repositories",
      title: `${sizes.repositories.toLocaleString("en-US")} distinct repositories seen`,
      unit: "req/s",
      subject: "router, 1 rule",
      peers: [fewRules],
      job: (origin) => ({
        kind: "requests",
        origin,
        paths: names,
        connections: sizes.connections,
        seconds: 90,
        most: names.length,
      }),
      targets: [],
      rounds: 1,
    },
  ];
}

/**
 * @param before what else peers are asked for until those that compile what they do often have done so; nothing of it is of use for
 * `paths`
 */
function requests(
  { sizes: { connections, seconds } }: Lab,
  paths: readonly string[],
  before?: readonly string[],
): Required<Pick<Work, "warmUp" | "job">> {
  const job = (what: readonly string[], time: number) => (origin: string) =>
    ({ kind: "requests", origin, paths: what, connections, seconds: time }) satisfies Job;
  const warmUp =
    before === undefined ? job(paths, Math.min(seconds / 2, 0.5)) : job(everyTimeAnew(before), 2 * seconds);
  return { job: job(paths, seconds), warmUp };
}

/** With queries, which registries pass over, so that nobody can know the answers. */
function everyTimeAnew(paths: readonly string[]): string[] {
  return Array.from({ length: 50 }, (_, round) => paths.map((path) => `${path}?round=${round}`)).flat();
}
