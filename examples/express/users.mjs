import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

const hash = promisify(scrypt);

// Stands in for the application's database. The passwords are "wonderland" and "builder".
const users = new Map([
  [
    "alice",
    {
      role: "developer",
      salt: "abeb264f7252c6784a6cdd87701e93e5",
      hash: "11350223cb092f6473734baaef5c3c87fdcf2d76df10cc8f230dfb5f8fc22e12",
    },
  ],
  [
    "bob",
    {
      role: "reader",
      salt: "c2f565e087814c248feeb21a3d07b60b",
      hash: "a54c49c987989771f68d260ea00fbb55318cac84a33f805643aaad0646860998",
    },
  ],
]);

// The access that each role has. "base" is needed to log in.
const accesses = {
  reader: ["base", "catalog", "pull"],
  developer: ["base", "catalog", "pull", "push"],
};

// For unknown names. Checking it takes as long as a wrong password, so response times do not tell which names exist.
const unknown = { salt: "", hash: randomBytes(32).toString("hex") };

/** Returns the name if the password is right. This takes some 50 ms of a thread, and docker causes it with each request. */
export async function authenticate(name, password) {
  const { salt, hash: expected } = users.get(name) ?? unknown;
  const given = await hash(String(password), salt, 32);
  return timingSafeEqual(given, Buffer.from(expected, "hex")) ? name : undefined;
}

/** Reads the role each time, so that a change of role also applies to open sessions. */
export function mayDo(name, access) {
  return accesses[users.get(name)?.role]?.includes(access) ?? false;
}
