import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Daemon } from "@combined-registry/e2e/daemon";
import { request } from "@combined-registry/e2e/http";
import { freePort } from "@combined-registry/e2e/loopback";
import { isInstalled, searchPath } from "@combined-registry/e2e/search-path";
import { withChildren } from "./accounting.ts";
import type { Peer, PeerName, Upstreams } from "./peers.ts";

const moduleFolders = ["/usr/lib/nginx/modules", "/usr/lib64/nginx/modules"];
const luaModules = ["ndk_http_module.so", "ngx_http_lua_module.so"];

/** Reads go to the cache, everything else to hosted; what the cache has not got is asked of hosted. */
const errorPage = `
    location /v2/ {
      proxy_intercept_errors on;
      error_page 404 = @hosted;
      proxy_pass http://$first;
    }
    location @hosted {
      proxy_pass http://hosted;
    }`;

/** Asks the cache for the whole answer, keeps it in memory, and then asks whoever has it once more. */
const luaProbe = `
    location /v2/ {
      set $chosen hosted;
      rewrite_by_lua_block {
        local method = ngx.req.get_method()
        if method == "GET" or method == "HEAD" then
          local probe = ngx.location.capture("/probe" .. ngx.var.request_uri)
          if probe.status == 200 then
            ngx.var.chosen = "cache"
          end
        end
      }
      proxy_pass http://$chosen;
    }
    location /probe/ {
      internal;
      rewrite ^/probe(/.*)$ $1 break;
      # Without a file for what its few buffers do not hold, a captured answer never ends.
      proxy_max_temp_file_size 4096m;
      proxy_pass http://cache;
    }`;

/** Why a peer cannot be measured here, if so. */
export function nginxLacks(name: PeerName): string | undefined {
  if (!isInstalled("nginx")) {
    return "nginx is not installed";
  }
  return name === "nginx + Lua" && luaFolder() === undefined
    ? "the Lua module of nginx is not installed"
    : undefined;
}

function luaFolder(): string | undefined {
  return moduleFolders.find((folder) => luaModules.every((file) => existsSync(join(folder, file))));
}

/** Starts nginx as a knowledgeable operator would configure it, and waits until it answers. */
export async function startNginx(
  name: "nginx error_page" | "nginx + Lua",
  folder: string,
  upstreams: Upstreams,
): Promise<Peer> {
  const port = await freePort();
  const own = join(folder, `nginx-${port}`);
  await mkdir(own);
  const file = join(own, "nginx.conf");
  await writeFile(file, configuration(name, own, port, upstreams));
  const origin = `http://127.0.0.1:${port}`;
  const command = {
    label: name,
    program: "nginx",
    args: ["-p", own, "-c", file, "-e", "stderr"],
    env: { PATH: searchPath },
  };
  const daemon = await Daemon.answering(command, () => request(origin, "GET", "/livez"));
  return {
    name,
    origin,
    pids: () => withChildren(daemon.pid),
    [Symbol.asyncDispose]: () => daemon.stop(),
  };
}

function configuration(name: PeerName, folder: string, port: number, { cache, hosted }: Upstreams): string {
  const lua = name === "nginx + Lua";
  const modules = lua ? luaModules.map((module) => `load_module ${luaFolder()}/${module};`) : [];
  // A master that is root would give its workers to a user who may not enter the temporary folder.
  const user = process.getuid?.() === 0 ? "user root;" : "";
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  return `${modules.join("\n")}
${user}
daemon off;
pid ${folder}/nginx.pid;
worker_processes auto;
worker_rlimit_nofile 8192;
error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off;
  sendfile on;
  tcp_nodelay on;
  keepalive_requests 1000000;
  client_max_body_size 0;
  ${temporary.join("\n  ")}
  upstream cache { server ${new URL(cache).host}; keepalive 64; keepalive_requests 1000000; }
  upstream hosted { server ${new URL(hosted).host}; keepalive 64; keepalive_requests 1000000; }
  map $request_method $first { GET cache; HEAD cache; default hosted; }
  server {
    listen 127.0.0.1:${port} backlog=1024;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_request_buffering off;
    proxy_max_temp_file_size 0;
    location = /livez { return 200; }${lua ? luaProbe : errorPage}
  }
}
`;
}
