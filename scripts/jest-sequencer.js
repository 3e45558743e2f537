import Sequencer from "@jest/test-sequencer";

/**
 * What takes longest, in seconds on two cores. jest knows it by itself from the second run on; in the first one, as in CI, a long
 * file that came last would keep one core idle. A file that is not in here only begins later. By package and name, wherever
 * the file stands.
 */
const seconds = {
  "e2e/new-user.test.ts": 38,
  "e2e/installed.test.ts": 38,
  "e2e/scale-out.test.ts": 37,
  "e2e/aborts.test.ts": 35,
  "e2e/deploy-image.test.ts": 35,
  "e2e/outage-load.test.ts": 32,
  "e2e/servers.test.ts": 31,
  "core/properties.test.ts": 30,
  "cli/serving.test.ts": 30,
  "cli/unresponsive.test.ts": 27,
  "cli/reload.test.ts": 24,
  "core/outliers.test.ts": 20,
  "e2e/copy-large.test.ts": 24,
  "e2e/rolling-restart.test.ts": 24,
  "e2e/test-runners.test.ts": 40,
  "e2e/large-blob.test.ts": 17,
  "e2e/drain.test.ts": 15,
  "e2e/status-page.test.ts": 14,
  "e2e/published.test.ts": 13,
  "e2e/install-size.test.ts": 11,
  "core/merged-lists.test.ts": 10,
};

function known({ path }) {
  const [, layer, name] = /packages[\\/](\w+)[\\/].*?([^\\/]+)$/.exec(path) ?? [];
  return seconds[`${layer}/${name}`] ?? 0;
}

/** The long files begin first. */
export default class LongestFirst extends Sequencer {
  async sort(tests) {
    const sorted = await super.sort(tests);
    const isFirstRun = sorted.every(({ duration }) => duration === undefined);
    return isFirstRun ? sorted.sort((one, other) => known(other) - known(one)) : sorted;
  }
}
