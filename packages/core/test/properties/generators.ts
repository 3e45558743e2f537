import fc from "fast-check";

const hex = "a".repeat(64);

/** Components that are names, look like something else, or are neither. */
const component = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("a", "team", "library", "app-1", "x.y", "a__b") },
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      "manifests",
      "blobs",
      "uploads",
      "tags",
      "list",
      "referrers",
      "v2",
      "_catalog",
      "token",
    ),
  },
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      ".",
      "..",
      "",
      "%2e",
      "%2E%2e",
      ".%2e",
      "%2f",
      "%5c",
      "%00",
      "%",
      "%zz",
      "%c3%a9",
      "%25",
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "A",
      "a b",
      "é",
      "a;b",
      "a:b",
      "a@b",
      "a\\b",
      "-a",
      "a-",
      "a..b",
      "a___b",
      "~",
      "*",
      "__proto__",
    ),
  },
  { weight: 2, arbitrary: fc.string({ maxLength: 12 }) },
  { weight: 1, arbitrary: fc.constantFrom("a".repeat(300), "a/".repeat(60)) },
);

const reference = fc.oneof(
  fc.constantFrom("latest", "1.0", "_x", "sha256", "a".repeat(128), "a".repeat(129), "..", "%2e%2e", "."),
  fc.constantFrom(
    `sha256:${hex}`,
    `sha512:${hex}${hex}`,
    "sha256:abc",
    "md5:abc",
    `SHA256:${hex}`,
    "sha256:",
    ":",
    "a:b:c",
  ),
  fc.constantFrom(`sha256%3A${hex}`, `sha256:${hex}/..`, `sha256:${hex}%2f..`),
  fc.string({ maxLength: 20 }),
);

const query = fc.oneof(
  { weight: 5, arbitrary: fc.constant("") },
  {
    weight: 3,
    arbitrary: fc
      .array(
        fc.tuple(
          fc.constantFrom("mount", "from", "digest", "n", "last", "ns", "artifactType", "%6dount", "_state"),
          fc.oneof(
            fc.constantFrom(`sha256:${hex}`, "library/base", "../x", "a%2fb", "A", "-1", "", "%00"),
            fc.string({ maxLength: 8 }),
          ),
        ),
        { maxLength: 4 },
      )
      .map((pairs) => `?${pairs.map(([key, value]) => `${key}=${value}`).join("&")}`),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 12 }).map((text) => `?${text}`) },
);

const plain = fc.constantFrom(
  "a",
  "team",
  "app-1",
  "x.y",
  "a__b",
  "manifests",
  "blobs",
  "tags",
  "uploads",
  "list",
  "v2",
);
const path = fc
  .oneof(fc.array(component, { maxLength: 6 }), fc.array(plain, { minLength: 1, maxLength: 4 }))
  .map((parts) => parts.join("/"));

/** Targets that often are nearly right: a path in the API with a tail that the API knows. */
export const target: fc.Arbitrary<string> = fc
  .oneof(
    { weight: 8, arbitrary: fc.tuple(path, reference).map(([name, end]) => `/v2/${name}/manifests/${end}`) },
    { weight: 5, arbitrary: fc.tuple(path, reference).map(([name, end]) => `/v2/${name}/blobs/${end}`) },
    { weight: 3, arbitrary: path.map((name) => `/v2/${name}/blobs/uploads/`) },
    {
      weight: 2,
      arbitrary: fc.tuple(path, component).map(([name, end]) => `/v2/${name}/blobs/uploads/${end}`),
    },
    { weight: 2, arbitrary: path.map((name) => `/v2/${name}/tags/list`) },
    { weight: 2, arbitrary: fc.tuple(path, reference).map(([name, end]) => `/v2/${name}/referrers/${end}`) },
    { weight: 3, arbitrary: path.map((name) => `/v2/${name}`) },
    { weight: 1, arbitrary: path.map((name) => `/${name}`) },
    { weight: 1, arbitrary: path.map((name) => `http://other.example/v2/${name}/manifests/1`) },
    { weight: 1, arbitrary: fc.string({ maxLength: 40 }) },
  )
  .chain((before) => query.map((after) => before + after));

/** A target as a client can send it: Node's parser has refused anything else before the router sees it. */
export const sendableTarget: fc.Arbitrary<string> = target
  .map((text) => text.replace(/[^\x21-\x7e]/g, "x"))
  .map((text) => (text.startsWith("/") || text.startsWith("http://") ? text : `/${text}`));

export const method: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("GET", "HEAD") },
  { weight: 4, arbitrary: fc.constantFrom("PUT", "POST", "PATCH", "DELETE") },
  { weight: 1, arbitrary: fc.constantFrom("OPTIONS", "TRACE", "PROPFIND", "SEARCH") },
);
