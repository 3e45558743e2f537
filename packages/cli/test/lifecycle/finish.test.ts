import { expect, test } from "@jest/globals";
import { finish } from "../../src/lifecycle/finish.ts";
import { within } from "../support/within.ts";

const never = new Promise<never>(() => undefined);

function ending(cut: number, close: () => Promise<void>) {
  return { server: { stop: async () => cut }, handler: { close }, drain: { delay: 0, timeout: 5 } };
}

test("what is under way is finished before the router is closed", async () => {
  const order: string[] = [];
  const ended = await finish({
    server: {
      async stop(drain) {
        await Promise.resolve();
        order.push(`server ${JSON.stringify(drain)}`);
        return 2;
      },
    },
    handler: {
      async close() {
        order.push("handler");
      },
    },
    drain: { delay: 1, timeout: 2 },
  });

  expect(order).toEqual(['server {"delay":1,"timeout":2}', "handler"]);
  expect(ended).toEqual({ cut: 2, closed: true });
});

test("a router that never says that it is done does not keep the program from ending", async () => {
  expect(await within(finish(ending(0, () => never)), "the end")).toEqual({ cut: 0, closed: false });
});
