import { type Image, image } from "../../src/images.ts";

/** A kind of repository name, and where repositories of that name are. */
export interface Subject {
  /** For the titles of tests. */
  readonly what: string;
  readonly repository: string;
  /** What `:1.0` is in the public registry. */
  readonly public?: Image;
  /** What `:1.0` is in the hosted registry. */
  readonly hosted?: Image;
}

export const tag = "1.0";

export const publicName = {
  what: "a public name",
  repository: "library/tool",
  public: await image("public"),
} satisfies Subject;

export const privateName = {
  what: "a private name",
  repository: "acme/app",
  hosted: await image("private"),
} satisfies Subject;

/** Every kind of name that the contract speaks of. */
export const subjects: readonly Subject[] = [
  publicName,
  privateName,
  {
    what: "a name on both sides",
    repository: "library/both",
    public: await image("both, public"),
    hosted: await image("both, private"),
  },
  { what: "a missing name", repository: "nobody/nothing" },
  {
    what: "a public name of four components",
    repository: "mirror/quay/prometheus/node",
    public: await image("four, public"),
  },
  {
    what: "a private name of four components",
    repository: "corp/team/project/app",
    hosted: await image("four, private"),
  },
  {
    what: "a public name with components manifests, blobs, tags",
    repository: "manifests/blobs/uploads/tags/list",
    public: await image("awkward, public"),
  },
  {
    what: "a private name with components manifests, blobs, tags",
    repository: "tags/list/blobs/manifests/app",
    hosted: await image("awkward, private"),
  },
];
