import { createHash, randomBytes } from "node:crypto";
import { Agent, request } from "node:http";
import { buffer } from "node:stream/consumers";

const manifestType = "application/vnd.oci.image.manifest.v1+json";

/** @param {Buffer} bytes */
export function digestOf(bytes) {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/**
 * An image of one layer, unlike any other.
 * @param {number} [size] bytes of the layer
 */
export function makeImage(size = 20_000) {
  const layer = randomBytes(size);
  const config = Buffer.from(JSON.stringify({ os: "linux", architecture: "amd64", id: digestOf(layer) }));
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: descriptor("application/vnd.oci.image.config.v1+json", config),
      layers: [descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
    }),
  );
  return { manifest, blobs: [config, layer] };
}

/** @typedef {ReturnType<typeof makeImage>} Image */

/**
 * @param {string} mediaType
 * @param {Buffer} bytes
 */
function descriptor(mediaType, bytes) {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

/** A client of a registry, with connections of its own. */
export function registryClient(/** @type {string} */ origin) {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const { hostname, port } = new URL(origin);

  /**
   * @param {string} method
   * @param {string} path
   * @param {import("node:http").OutgoingHttpHeaders} [headers]
   * @param {Buffer} [body]
   */
  const send = async (method, path, headers = {}, body = undefined) => {
    const length = body === undefined && method !== "GET" && method !== "HEAD" ? { "Content-Length": 0 } : {};
    const more = body === undefined ? length : { "Content-Length": body.length };
    const answer = await new Promise((resolve, reject) => {
      const sent = request({ hostname, port, method, path, headers: { ...headers, ...more }, agent });
      sent.setTimeout(60_000, () => sent.destroy(new Error(`${method} ${path}: no answer in 60 s`)));
      sent.on("response", resolve).on("error", reject).end(body);
    });
    return { status: answer.statusCode, headers: answer.headers, body: await buffer(answer) };
  };

  /** @param {Awaited<ReturnType<typeof send>>} answer */
  const expectStatus = (answer, status, what) => {
    if (answer.status !== status) {
      throw new Error(`${what}: ${answer.status} instead of ${status}: ${answer.body}`);
    }
    return answer;
  };

  return {
    send,
    /** Pulls an image as docker does, and checks every byte. */
    async pull(/** @type {string} */ repository, /** @type {string} */ tag, /** @type {Image} */ image) {
      const accept = { Accept: manifestType };
      const manifest = expectStatus(
        await send("GET", `/v2/${repository}/manifests/${tag}`, accept),
        200,
        `${repository}:${tag}`,
      );
      expectDigest(manifest.body, digestOf(image.manifest));
      for (const blob of image.blobs) {
        const path = `/v2/${repository}/blobs/${digestOf(blob)}`;
        expectDigest(expectStatus(await send("GET", path), 200, path).body, digestOf(blob));
      }
    },
    /** Pushes an image as docker does. */
    async push(/** @type {string} */ repository, /** @type {string} */ tag, /** @type {Image} */ image) {
      for (const blob of image.blobs) {
        const digest = digestOf(blob);
        const head = await send("HEAD", `/v2/${repository}/blobs/${digest}`);
        expectStatus(head, 404, `HEAD of ${digest}`);
        const begun = expectStatus(await send("POST", `/v2/${repository}/blobs/uploads/`), 202, "POST");
        const patched = expectStatus(await send("PATCH", pathOf(begun), {}, blob), 202, "PATCH");
        const session = pathOf(patched);
        const put = `${session}${session.includes("?") ? "&" : "?"}digest=${digest}`;
        expectStatus(await send("PUT", put), 201, `PUT of ${digest}`);
        expectStatus(await send("HEAD", `/v2/${repository}/blobs/${digest}`), 200, `HEAD of ${digest}`);
      }
      const type = { "Content-Type": manifestType };
      const put = await send("PUT", `/v2/${repository}/manifests/${tag}`, type, image.manifest);
      expectStatus(put, 201, `PUT of ${repository}:${tag}`);
    },
    close: () => agent.destroy(),
  };

  /** @param {Awaited<ReturnType<typeof send>>} answer */
  function pathOf({ headers }) {
    const { pathname, search } = new URL(headers.location ?? "", origin);
    return pathname + search;
  }
}

/**
 * @param {Buffer} bytes
 * @param {string} digest
 */
function expectDigest(bytes, digest) {
  if (digestOf(bytes) !== digest) {
    throw new Error(`wrong content: ${digestOf(bytes)} instead of ${digest}`);
  }
}

/**
 * @param {readonly number[]} times
 * @param {number} share 0.99, say
 */
export function percentile(times, share) {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
