import type { IncomingMessage } from "node:http";
import type { RecordedRequest } from "../options.ts";

/** A recorded request while it is being answered. */
export type OpenRecord = { -readonly [K in keyof RecordedRequest]: RecordedRequest[K] };

/** What a registry was asked, in order. */
export class Recording {
  #requests: OpenRecord[] = [];

  get requests(): readonly RecordedRequest[] {
    return this.#requests;
  }

  begin({ method = "", url = "", headers, rawHeaders }: IncomingMessage): OpenRecord {
    const path = url.split("?", 1)[0] ?? "";
    const record: OpenRecord = { method, url, path, headers, rawHeaders, status: undefined, bodyBytes: 0 };
    this.#requests.push(record);
    return record;
  }

  clear(): void {
    this.#requests = [];
  }
}
