import { expect, test } from "@jest/globals";
import type { LoginEvent } from "../../src/htpasswd/passwords.ts";
import { beWrong, settled, setUp } from "./bench.ts";

/** Two processes that hear of each other's findings. */
function setUpTwo() {
  const key = Buffer.alloc(32, "key");
  const told: LoginEvent[] = [];
  const one = setUp({
    peers: {
      key,
      publish(finding) {
        told.push(finding);
        other.passwords.receive(structuredClone(finding));
      },
    },
  });
  const other = setUp({ peers: { key, publish: () => undefined } });
  return { one, other, told };
}

test("wrong passwords at one process slow down their sender at the other, and are logged by one of them", async () => {
  const { one, other } = setUpTwo();

  await beWrong(one, 10);

  expect(other.verify("mallory", "one more")).toEqual({ retryAfter: 1 });
  expect(one.warnings).toHaveLength(1);
  expect(other.warnings).toEqual([]);
});

test("a right password is checked by one of them for both", async () => {
  const { one, other } = setUpTwo();
  const result = one.verify("alice", "right");
  await one.asked.at(-1)?.answer(true);
  await settled(result);

  expect(other.verify("alice", "right")).toBe("right");
  expect(other.asked).toEqual([]);
});

test("guesses that are refused unchecked at one count at the other", async () => {
  const { one, other } = setUpTwo();
  const result = one.verify("alice", "right", "198.51.100.1");
  await one.asked.at(-1)?.answer(true);
  await settled(result);
  await beWrong(one, 10);
  for (let number = 0; number < 10; number++) {
    expect(one.verify("alice", `guess ${number}`)).toEqual({ retryAfter: 1 });
  }

  // Even the right one: it may be just another guess of those who wait there.
  expect(other.verify("alice", "right")).toEqual({ retryAfter: 1 });
  expect(other.verify("alice", "right", "198.51.100.1")).toBe("right");
});

test("nobody is told a password, nor the same guess twice", async () => {
  const { one, told } = setUpTwo();
  const result = one.verify("alice", "s3cret");
  await one.asked.at(-1)?.answer(true);
  await settled(result);
  await beWrong(one, 10);
  for (let number = 0; number < 30; number++) {
    expect(one.verify("alice", "guess")).toEqual({ retryAfter: 1 });
  }

  expect(told.map(({ kind }) => kind)).toEqual(["right", ...Array(10).fill("wrong"), "refused"]);
  expect(JSON.stringify(told)).not.toMatch(/s3cret|wrong \d|guess/);
});
