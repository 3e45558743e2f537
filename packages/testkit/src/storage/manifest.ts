/** The parts of a manifest or index that a registry looks at (image-spec 1.1). */
export interface Manifest {
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly config?: Reference;
  readonly layers?: readonly Reference[];
  readonly manifests?: readonly Reference[];
  readonly subject?: Reference;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Reference {
  readonly digest: string;
  readonly mediaType?: string;
  readonly urls?: readonly string[];
}

/** A manifest's JSON; undefined if it is not an object. */
export function readManifest(bytes: Buffer): Manifest | undefined {
  try {
    const parsed: unknown = JSON.parse(bytes.toString());
    return isManifest(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function isManifest(value: unknown): value is Manifest {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Every digest that a manifest needs; layers that live elsewhere (`urls`) are not among them. */
export function childrenOf({ config, layers = [], manifests = [] }: Manifest): string[] {
  const held = [...(config === undefined ? [] : [config]), ...layers, ...manifests];
  return held.filter(({ urls }) => urls === undefined).map(({ digest }) => digest);
}

/** What a manifest refers to. */
export function subjectOf({ subject }: Manifest): string | undefined {
  return subject?.digest;
}

/** What a manifest is to the referrers API (distribution-spec 1.1, "Listing Referrers"). */
export function artifactTypeOf({ artifactType, config }: Manifest): string | undefined {
  return artifactType ?? config?.mediaType;
}
