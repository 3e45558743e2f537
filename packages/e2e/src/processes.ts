import { readFile } from "node:fs/promises";

/** The processes that a process has begun and that are there still. */
export async function childrenOf(pid: number): Promise<number[]> {
  const listed = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return listed.split(" ").filter(Boolean).map(Number);
}

/** What this process sees as the number of a user whom another process, in a namespace of its own perhaps, knows by `uid`. */
export async function uidSeenFromHere(pid: number, uid: number): Promise<number> {
  const map = await readFile(`/proc/${pid}/uid_map`, "utf8");
  for (const line of map.trim().split("\n")) {
    const [inside = 0, outside = 0, count = 0] = line.trim().split(/\s+/).map(Number);
    if (uid >= inside && uid < inside + count) {
      return outside + uid - inside;
    }
  }
  throw new Error(`process ${pid} has no user ${uid}:\n${map}`);
}
