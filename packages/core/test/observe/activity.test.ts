import { describe, expect, it } from "@jest/globals";
import { Activity, MinuteRing } from "../../src/observe/activity.ts";

const minute = 60_000;

describe("the sums of the last hour", () => {
  it("cover the current minute and the 59 before it", () => {
    const ring = new MinuteRing(2);
    ring.add(0, 1, 0);
    ring.add(1, 10, 30 * minute);
    ring.add(0, 2, 30 * minute + 1);

    expect(ring.sums(59 * minute)).toEqual([3, 10]);
    expect(ring.sums(60 * minute)).toEqual([2, 10]);
    expect(ring.sums(90 * minute)).toEqual([0, 0]);
  });

  it("start from zero when an old minute's slot is reused, in every column", () => {
    const ring = new MinuteRing(2);
    ring.add(0, 5, 0);
    ring.add(1, 7, 0);
    ring.add(0, 1, 60 * minute);

    expect(ring.sums(60 * minute)).toEqual([1, 0]);
  });

  it("equal the sums over a list of all counted events", () => {
    const ring = new MinuteRing(1);
    const all: { at: number; amount: number }[] = [];
    for (let now = 0, step = 1; now < 300 * minute; step = (step * 7919 + 13) % 400_009, now += step) {
      const amount = step % 17;
      ring.add(0, amount, now);
      all.push({ at: now, amount });
      const oldest = (Math.floor(now / minute) - 59) * minute;
      const expected = all.filter(({ at }) => at >= oldest).reduce((sum, one) => sum + one.amount, 0);
      expect(ring.sums(now)).toEqual([expected]);
    }
  });
});

describe("the activity of an upstream", () => {
  it("is kept across a reload while it is configured, and dropped when it is removed", () => {
    const activity = new Activity(() => 0);
    activity.show(["hosted", "proxy"]);
    activity.asked("hosted", "found");
    activity.asked("proxy", "failed");
    activity.asked("nobody", "failed");

    activity.show(["hosted", "other"]);

    expect(activity.hourOf("hosted")).toMatchObject({ asked: 1, failed: 0 });
    expect(activity.hourOf("proxy")).toMatchObject({ asked: 0, failed: 0 });
    activity.show(["hosted", "proxy"]);
    expect(activity.hourOf("proxy")).toMatchObject({ asked: 0, failed: 0 });
  });
});
