import { describe, expect, it } from "@jest/globals";
import { expiryAfter } from "../../src/cache/bounds.ts";

describe("a time-to-live", () => {
  it.each([1, 50, 250, 5_000, 600_000, 86_400_000])(
    "of %d ms is kept to the hundredth and to the second",
    (ttl) => {
      const expiry = expiryAfter(ttl);

      expect(expiry.ttl).toBe(ttl);
      expect(Number.isInteger(expiry.ttlResolution)).toBe(true);
      expect(expiry.ttlResolution).toBeGreaterThan(0);
      expect(expiry.ttlResolution).toBeLessThanOrEqual(Math.min(1_000, Math.max(1, Math.ceil(ttl / 100))));
    },
  );
});
