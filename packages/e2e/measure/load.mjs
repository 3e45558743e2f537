import { once } from "node:events";
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

/** @param {string} credentials */
export function basic(credentials) {
  return { Authorization: `Basic ${Buffer.from(credentials).toString("base64")}` };
}

/**
 * Sends a GET request and reads the answer.
 * @param {import("node:http").RequestOptions} options
 */
export async function get(options) {
  const sent = request({ host: "127.0.0.1", ...options });
  sent.end();
  const [response] = await once(sent, "response");
  return { status: response.statusCode, body: await text(response) };
}

/**
 * Several clients that send one request after the other until the time is over.
 * @param {number} clients
 * @param {number} milliseconds
 * @param {(client: number, count: number) => Promise<{ status: number }>} send
 * @param {number} [pause] milliseconds before each request
 * @returns {Promise<{ perSecond: number, p99: number, statuses: Record<number, number> }>} p99 in milliseconds
 */
export async function load(clients, milliseconds, send, pause = 0) {
  const begun = performance.now();
  /** @type {number[]} */
  const times = [];
  /** @type {Record<number, number>} */
  const statuses = {};
  const work = async (/** @type {number} */ client) => {
    for (let count = 0; performance.now() < begun + milliseconds; count += 1) {
      if (pause > 0) {
        await sleep(pause);
      }
      const sent = performance.now();
      const { status } = await send(client, count);
      times.push(performance.now() - sent);
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, client) => work(client)));
  const seconds = (performance.now() - begun) / 1000;
  times.sort((a, b) => a - b);
  return {
    perSecond: times.length / seconds,
    p99: times[Math.floor(times.length * 0.99)] ?? Number.NaN,
    statuses,
  };
}
