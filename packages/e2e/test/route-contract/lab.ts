import { expect } from "@jest/globals";
import type { Reply } from "../../src/http.ts";
import { type Lab, openLab } from "../../src/lab.ts";
import type { Resources } from "../../src/resources.ts";
import { seed } from "../../src/seed.ts";
import { subjects, tag } from "./subjects.ts";

/** The lab with a repository for every subject, and a router before it. */
export interface ContractLab extends Lab {
  readonly router: string;
}

/** @param config added to the router's */
export async function openContractLab(resources: Resources, config: object = {}): Promise<ContractLab> {
  const lab = await openLab(resources);
  for (const { repository, public: atPublic, hosted } of subjects) {
    if (atPublic !== undefined) {
      await seed(lab.public.origin, repository, tag, atPublic);
    }
    if (hosted !== undefined) {
      await seed(lab.hosted.origin, repository, tag, hosted);
    }
  }
  const router = await lab.startRouter(config);
  return { ...lab, router: router.origin };
}

/** Who answered, as the router says. */
export function answeredBy({ headers }: Reply): string | undefined {
  return String(headers["x-combined-registry"]).split(/[; ]/)[0];
}

/** What holds for every answer below `/v2/`, whoever gave it. */
export function expectRegistryAnswer(reply: Reply, method: string): void {
  expect(reply.headers["docker-distribution-api-version"]).toBe("registry/2.0");
  if (reply.status >= 400 && method !== "HEAD") {
    const codes = errorCodes(reply);
    expect(codes).not.toEqual([]);
    expect(codes).toEqual(codes.map(() => expect.stringMatching(/^[A-Z_]+$/)));
  }
}

/** The codes of an error answer. */
export function errorCodes({ body, headers }: Reply): string[] {
  expect(headers["content-type"]).toMatch(/^application\/json/);
  const { errors }: { errors: { code: string; message: string }[] } = JSON.parse(body.toString());
  return errors.map(({ code }) => code);
}
