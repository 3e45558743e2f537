import { none, type Row } from "./row.ts";

const slow = { delay: 200 };

/** Caches and coalescing. */
export const memoryRows: readonly Row[] = [
  {
    rule: "R33",
    ask: "GET /v2/public/app/manifests/{hub}",
    after: ["/v2/public/app/manifests/1"],
    status: 200,
    by: "hub",
    asked: [],
  },
  {
    rule: "R33",
    ask: "HEAD /v2/public/app/manifests/{hub}",
    after: ["/v2/public/app/manifests/1"],
    status: 200,
    by: "hub",
    asked: ["hub", "hosted"],
  },
  {
    rule: "R33",
    ask: "GET /v2/public/app/manifests/{hub}",
    after: ["/v2/public/app/manifests/1"],
    router: { memory: { manifestBytes: 0 } },
    status: 200,
    by: "hub",
    asked: ["hub"],
  },
  {
    rule: "R34",
    ask: "GET /v2/private/app/manifests/1",
    after: ["/v2/private/app/manifests/1"],
    status: 200,
    by: "hosted",
    asked: ["hosted"],
  },
  {
    rule: "R34",
    ask: "HEAD /v2/private/app/manifests/1",
    after: ["/v2/private/app/manifests/1"],
    status: 200,
    by: "hosted",
    asked: ["hosted"],
  },
  {
    rule: "R34",
    ask: "GET /v2/private/app/manifests/1",
    after: ["/v2/private/app/manifests/1"],
    router: { memory: { absentTtl: 0 } },
    status: 200,
    by: "hosted",
    asked: ["hub", "other", "hosted"],
  },
  {
    rule: "R34",
    ask: `GET /v2/private/app/manifests/${none}`,
    after: [`/v2/private/app/manifests/${none}`],
    status: 404,
    by: "hosted",
    asked: ["hub", "other", "hosted"],
  },
  {
    rule: "R35",
    ask: "GET /v2/private/app/manifests/1",
    together: 20,
    faults: { hub: slow, other: slow, hosted: slow },
    status: 200,
    by: "hosted",
    asked: ["hub", "other", "hosted"],
  },
  {
    rule: "R35",
    ask: "HEAD /v2/public/app/manifests/1",
    together: 20,
    faults: { hub: slow },
    status: 200,
    by: "hub",
    asked: ["hub"],
  },
];
