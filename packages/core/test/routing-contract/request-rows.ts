import { manifestOf, manifestType } from "../support/push.ts";
import { all, broken, manifest, merge, none, type Row, rules } from "./row.ts";
import type { Side } from "./sides.ts";

/** Ready is who can take pushes. */
const askedFor: Readonly<Record<string, readonly Side[]>> = {
  "/healthcheck": all,
  "/readyz": ["hosted"],
};

/** As a pusher of containerd asks. */
const pushing = { Accept: `${manifestType}, */*` };

/** Who is asked for what. */
export const requestRows: readonly Row[] = [
  { rule: "R8", ask: "GET /v2/", status: 200, asked: all },
  { rule: "R8", ask: "HEAD /v2/", status: 200, asked: all },
  { rule: "R8", ask: "GET /v2/", faults: { other: broken }, status: 503, asked: all },
  { rule: "R9", ask: "GET /v2/both/app/tags/list", status: 200, by: "hosted", asked: ["hosted"] },
  { rule: "R9", ask: "GET /v2/public/app/tags/list", status: 200, by: "hub", asked: ["hub", "hosted"] },
  {
    rule: "R9",
    ask: "GET /v2/public/app/tags/list",
    router: { lists: "hosted" },
    status: 404,
    by: "hosted",
    asked: ["hosted"],
  },
  { rule: "R9", ask: "GET /v2/both/app/tags/list", router: merge, status: 200, asked: all },
  { rule: "R10", ask: "GET /v2/both/app/manifests/1", status: 200, by: "hub", asked: ["hub"] },
  { rule: "R10", ask: "GET /v2/rare/app/manifests/1", status: 200, by: "other", asked: ["hub", "other"] },
  { rule: "R10", ask: "HEAD /v2/private/app/manifests/1", status: 200, by: "hosted", asked: all },
  { rule: "R10", ask: "HEAD /v2/both/app/manifests/1", status: 200, by: "hub", asked: ["hub"] },
  { rule: "R11", ask: "GET /v2/private/app/manifests/{own}", status: 200, by: "hosted", asked: all },
  { rule: "R11", ask: "GET /v2/public/app/blobs/{hubLayer}", status: 200, by: "hub", asked: ["hub"] },
  {
    rule: "R11",
    ask: "GET /v2/private/app/blobs/{ownLayer}",
    after: ["/v2/private/app/manifests/1"],
    status: 200,
    by: "hosted",
    asked: ["hosted"],
  },
  { rule: "R12", ask: "HEAD /v2/private/app/blobs/{ownLayer}", status: 200, by: "hosted", asked: ["hosted"] },
  ...["manifests/1", "manifests/{hub}"].map(
    (rest): Row => ({
      rule: "R12",
      ask: `HEAD /v2/public/app/${rest}`,
      headers: pushing,
      status: 404,
      by: "hosted",
      asked: ["hosted"],
    }),
  ),
  {
    rule: "R12",
    ask: "HEAD /v2/both/app/manifests/1",
    headers: pushing,
    status: 200,
    by: "hosted",
    asked: ["hosted"],
  },
  {
    rule: "R12",
    ask: "HEAD /v2/public/app/manifests/1",
    router: rules({ push: "deny" }),
    headers: pushing,
    status: 200,
    by: "hub",
    asked: ["hub"],
  },
  {
    rule: "R12",
    ask: "HEAD /v2/public/app/blobs/{hubLayer}",
    headers: pushing,
    status: 200,
    by: "hub",
    asked: ["hub", "hosted"],
  },
  {
    rule: "R12",
    ask: "HEAD /v2/public/app/manifests/{hub}",
    status: 200,
    by: "hub",
    asked: ["hub", "hosted"],
  },
  {
    rule: "R13",
    ask: "PUT /v2/private/app/manifests/2",
    headers: manifest,
    body: () => manifestOf(),
    status: 201,
    by: "hosted",
    asked: ["hosted"],
  },
  {
    rule: "R13",
    ask: "PUT /v2/public/app/manifests/2",
    headers: manifest,
    body: ({ hubLayer }) => manifestOf(hubLayer),
    status: 201,
    by: "hosted",
    asked: ["hub", "hosted"],
  },
  {
    rule: "R14",
    ask: "DELETE /v2/private/app/manifests/{own}",
    status: 202,
    by: "hosted",
    asked: ["hosted"],
  },
  {
    rule: "R14",
    ask: "DELETE /v2/private/app/blobs/{ownLayer}",
    status: 202,
    by: "hosted",
    asked: ["hosted"],
  },
  { rule: "R15", ask: "POST /v2/new/app/blobs/uploads/", status: 202, by: "hosted", asked: ["hosted"] },
  {
    rule: "R15",
    ask: "POST /v2/new/app/blobs/uploads/?mount={ownLayer}&from=private/app",
    status: 201,
    by: "hosted",
    asked: ["hosted"],
  },
  {
    rule: "R15",
    ask: "POST /v2/new/app/blobs/uploads/?mount={hubLayer}&from=public/app",
    status: 201,
    by: "hosted",
    asked: ["hub", "hosted"],
  },
  ...["GET", "PATCH", "PUT", "DELETE"].map(
    (method): Row => ({
      rule: "R16",
      ask: `${method} /v2/private/app/blobs/uploads/1?digest=${none}`,
      status: 404,
      by: "hosted",
      asked: ["hosted"],
    }),
  ),
  { rule: "R17", ask: "GET /v2/_catalog", status: 200, by: "hosted", asked: ["hosted"] },
  { rule: "R17", ask: "GET /v2/_catalog", router: merge, status: 200, asked: all },
  { rule: "R18", ask: "GET /v2/private/app/referrers/{own}", status: 200, asked: all },
  {
    rule: "R18",
    ask: "GET /v2/private/app/referrers/{own}",
    router: rules({ pull: ["hosted"] }),
    status: 200,
    asked: ["hosted"],
  },
  {
    rule: "R19",
    ask: "GET /v2/token",
    router: { ...rules({ access: { pull: "anonymous" } }), authorize: () => "challenge" },
    status: 200,
    asked: [],
  },
  { rule: "R20", ask: "GET /v2", status: 301, asked: [] },
  { rule: "R21", ask: "GET /v2/private/app/layers/1", status: 404, asked: [] },
  { rule: "R21", ask: "POST /v2/private/app/tags/list", status: 405, asked: [] },
  ...["/healthcheck", "/livez", "/readyz", "/metrics"].flatMap((path): Row[] =>
    ["GET", "HEAD"].map((method) => ({
      rule: "R22",
      ask: `${method} ${path}`,
      status: 200,
      asked: askedFor[path] ?? [],
    })),
  ),
  ...["GET", "HEAD"].map((method) => ({
    rule: "R22",
    ask: `${method} /`,
    headers: { Accept: "text/html" },
    status: 200,
    asked: askedFor["/healthcheck"] ?? [],
  })),
];
