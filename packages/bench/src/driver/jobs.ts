/** One after the other on each of several kept connections, round the paths, until the time is over. */
export interface RequestsJob {
  readonly kind: "requests";
  readonly origin: string;
  readonly paths: readonly string[];
  readonly connections: number;
  readonly seconds: number;
  /** Ends earlier after so many. */
  readonly most?: number;
}

/** Many clients, connected beforehand, that ask for the same at once. */
export interface HerdJob {
  readonly kind: "herd";
  readonly origin: string;
  readonly path: string;
  readonly clients: number;
}

/** Several downloads of one blob at once, as fast as they go. */
export interface BlobsJob {
  readonly kind: "blobs";
  readonly origin: string;
  readonly path: string;
  readonly streams: number;
}

/** Downloads that take so many bytes per second each, given up after a time. */
export interface SlowJob {
  readonly kind: "slow";
  readonly origin: string;
  readonly path: string;
  readonly streams: number;
  readonly bytesPerSecond: number;
  readonly seconds: number;
}

/** An upload of `blobBytes(megabytes)`. */
export interface UploadJob {
  readonly kind: "upload";
  readonly origin: string;
  readonly repository: string;
  readonly megabytes: number;
}

/** What the load generator can be told to do. Any answer but the expected one is an error. */
export type Job = RequestsJob | HerdJob | BlobsJob | SlowJob | UploadJob;

/** What it saw. */
export interface Outcome {
  readonly requests: number;
  /** Of bodies, either way. */
  readonly bytes: number;
  readonly seconds: number;
  /** Milliseconds to the end of an answer. */
  readonly p50: number;
  readonly p99: number;
  /** CPU seconds per second that the load generator itself used: near 1 it is the bottleneck. */
  readonly busy: number;
}
