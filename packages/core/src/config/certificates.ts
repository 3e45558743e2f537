import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { CompleteUpstream } from "./complete.ts";
import type { ConfigProblem } from "./problems.ts";

// OpenSSL also reads the two with a prefix.
const beginning = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/g;
// OpenSSL ignores a line with anything else on it than trailing blanks.
const whole =
  /(?<=^\uFEFF?|\n)-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[^\S\n]*\n[^-]*\n-----END \1-----[^\S\n]*(?=\n|$)/g;

/**
 * Without these checks, Node would report a problem only with the first connection. It ignores certificates of a `ca` that it
 * cannot read, and then every request to the upstream would fail.
 * @param upstream the name of its option
 */
export function certificateProblems(
  { ca, cert, key }: CompleteUpstream["tls"],
  upstream: string,
): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const wrong = ca === undefined ? undefined : unreadable(ca);
  if (wrong !== undefined) {
    problems.push({ option: `${upstream}.tls.ca`, expected: "PEM certificates", given: wrong });
  }
  const mismatch = cert === undefined ? undefined : (pairProblem(cert, key) ?? unreadable(cert));
  if (mismatch !== undefined) {
    const expected = "a PEM certificate and the private key that belongs to it";
    problems.push({ option: `${upstream}.tls.cert`, expected, given: mismatch });
  }
  return problems;
}

function unreadable(pem: string): string | undefined {
  const begun = pem.match(beginning) ?? [];
  if (begun.length === 0) {
    return "text without a certificate";
  }
  const readable = (pem.match(whole) ?? []).filter(isCertificate);
  return readable.length === begun.length
    ? undefined
    : `text of which ${begun.length - readable.length} of ${begun.length} cannot be read`;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

/** Shows nothing of the text: it may be a key in place of the certificate. */
function pairProblem(cert: string, key: string | undefined): string | undefined {
  try {
    createSecureContext({ cert, key });
    return undefined;
  } catch (error) {
    // "error:05800074:x509 certificate routines::key values mismatch"
    const reason = /[^:]*$/.exec(String(error))?.[0].trim();
    return `which OpenSSL refuses (${reason})`;
  }
}
