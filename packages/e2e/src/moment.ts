/** Something that happens in the middle of others, which wait for it. */
export interface Moment {
  readonly passed: Promise<void>;
  /** Lets it happen. */
  pass(): void;
}

/** One that is yet to come. */
export function moment(): Moment {
  let pass: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => {
    pass = resolve;
  });
  return { passed, pass };
}
