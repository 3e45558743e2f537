/** User and password of a request. */
export interface BasicCredentials {
  readonly user: string;
  readonly password: string;
}

const token = /^basic +((?:[+/0-9A-Za-z]{4})*(?:[+/0-9A-Za-z]{2}==|[+/0-9A-Za-z]{3}=)?)$/i;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what RFC 7617 section 2 forbids.
const controls = /[\x00-\x1f\x7f]/;

/** Reads `Authorization: Basic` (RFC 7617, UTF-8). Undefined for anything else and for malformed ones. */
export function parseBasic(header: string | undefined): BasicCredentials | undefined {
  const encoded = token.exec(header ?? "")?.[1];
  const decoded = encoded === undefined ? undefined : decode(encoded);
  const colon = decoded?.indexOf(":") ?? -1;
  if (decoded === undefined || colon < 1 || controls.test(decoded)) {
    return undefined;
  }
  // Only the password may hold colons.
  return { user: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

function decode(encoded: string): string | undefined {
  try {
    return utf8.decode(Buffer.from(encoded, "base64"));
  } catch {
    return undefined;
  }
}
