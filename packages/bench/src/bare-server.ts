import { readFileSync } from "node:fs";
import { createServer } from "node:http";

// What Node itself can do: the same bytes from memory, by the digest at the end of the path. Run as
// `node bare-server.js [file]`, the file a list of manifests as [digest, media type, text].
const [, , file] = process.argv;
const manifests = new Map<string, { readonly headers: Record<string, string | number>; body: Buffer }>();
if (file !== undefined) {
  const all: [string, string, string][] = JSON.parse(readFileSync(file, "utf8"));
  for (const [digest, mediaType, text] of all) {
    const body = Buffer.from(text);
    const headers = {
      "Content-Type": mediaType,
      "Content-Length": body.length,
      "Docker-Content-Digest": digest,
    };
    manifests.set(digest, { headers, body });
  }
}

const server = createServer(({ url = "" }, response) => {
  const found = manifests.get(url.slice(url.lastIndexOf("/") + 1));
  if (found === undefined) {
    response.writeHead(404, { "Content-Length": 0 }).end();
  } else {
    response.writeHead(200, found.headers).end(found.body);
  }
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`listening on ${typeof address === "object" ? address?.port : ""}\n`);
});
