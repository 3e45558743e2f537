/** How much work a run is. */
export interface Sizes {
  readonly name: "full" | "quick" | "tiny";
  /** How often each peer has its turn at each work. */
  readonly rounds: number;
  /** Images on either side. */
  readonly images: number;
  readonly connections: number;
  /** How long one turn of small requests lasts. */
  readonly seconds: number;
  /** Clients that ask for one new tag at once. */
  readonly herd: number;
  readonly blobMegabytes: number;
  readonly slowStreams: number;
  readonly slowSeconds: number;
  readonly rules: number;
  /** Distinct names of repositories that the router is asked for. */
  readonly repositories: number;
}

const full: Sizes = {
  name: "full",
  rounds: 5,
  images: 200,
  connections: 32,
  seconds: 2,
  herd: 500,
  blobMegabytes: 500,
  slowStreams: 200,
  slowSeconds: 20,
  rules: 1000,
  repositories: 100_000,
};

const quick: Sizes = {
  ...full,
  name: "quick",
  rounds: 3,
  images: 30,
  connections: 16,
  seconds: 0.3,
  herd: 50,
  blobMegabytes: 50,
  slowStreams: 50,
  slowSeconds: 2,
  repositories: 5000,
};

/** Not worth looking at: proves that the benchmark itself works. */
const tiny: Sizes = {
  name: "tiny",
  rounds: 1,
  images: 3,
  connections: 2,
  seconds: 0.05,
  herd: 5,
  blobMegabytes: 2,
  slowStreams: 2,
  slowSeconds: 0.2,
  rules: 10,
  repositories: 20,
};

export const allSizes: Readonly<Record<Sizes["name"], Sizes>> = { full, quick, tiny };
