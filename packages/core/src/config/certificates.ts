import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { CompleteUpstream } from "./complete.ts";
import type { ConfigProblem } from "./problems.ts";

// OpenSSL reads the last two as well.
const beginning = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/g;
// It passes over a line that has anything else on it but blanks at its end.
const whole =
  /(?<=^\uFEFF?|\n)-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[^\S\n]*\n[^-]*\n-----END \1-----[^\S\n]*(?=\n|$)/g;

/**
 * What is wrong with an upstream's certificates and key. Node would say so with the first connection, or pass over the
 * certificates of a `ca` that it cannot read, and every request would find the upstream failed.
 * @param upstream its option
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

/** Nothing of the text is told: a key may have been given for the certificate. */
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
