import Sequencer from "@jest/test-sequencer";

/**
 * What takes longest, in seconds on two cores. jest knows it by itself from the second run on; in the first one, as in CI, a long
 * file that came last would keep one core idle. A file that is not in here only begins later.
 */
const seconds = {
  "e2e/test/new-user.test.ts": 38,
  "e2e/test/installed.test.ts": 38,
  "e2e/test/scale-out.test.ts": 37,
  "e2e/test/aborts.test.ts": 35,
  "e2e/test/deploy-image.test.ts": 35,
  "e2e/test/outage-load.test.ts": 32,
  "e2e/test/examples/servers.test.ts": 31,
  "core/test/properties.test.ts": 30,
  "cli/test/workers/serving.test.ts": 30,
  "cli/test/workers/standing-still.test.ts": 27,
  "cli/test/reload.test.ts": 24,
  "cli/test/workers/reload.test.ts": 22,
  "core/test/breaker-review.test.ts": 20,
  "e2e/test/copy-large.test.ts": 24,
  "e2e/test/rolling-restart.test.ts": 24,
  "e2e/test/examples/test-runners.test.ts": 40,
  "e2e/test/large-blob.test.ts": 17,
  "e2e/test/drain.test.ts": 15,
  "e2e/test/status-page.test.ts": 14,
  "e2e/test/published.test.ts": 13,
  "e2e/test/install-size.test.ts": 11,
  "core/test/merged-lists.test.ts": 10,
};

function known({ path }) {
  const [, name] = /packages[\\/](.+)$/.exec(path) ?? [];
  return seconds[name?.replaceAll("\\", "/")] ?? 0;
}

/** The long files begin first. */
export default class LongestFirst extends Sequencer {
  async sort(tests) {
    const sorted = await super.sort(tests);
    const isFirstRun = sorted.every(({ duration }) => duration === undefined);
    return isFirstRun ? sorted.sort((one, other) => known(other) - known(one)) : sorted;
  }
}
