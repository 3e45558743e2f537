import { parentPort } from "node:worker_threads";
import { checkCrypt } from "./crypt.ts";
import type { PasswordHash } from "./file.ts";

export interface VerifyRequest {
  readonly id: number;
  readonly hash: PasswordHash;
  readonly password: string;
}

export interface VerifyResponse {
  readonly id: number;
  readonly right: boolean;
}

parentPort?.on("message", ({ id, hash, password }: VerifyRequest) => {
  parentPort?.postMessage({ id, right: checkCrypt(hash, password) } satisfies VerifyResponse);
});
