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

// What each role may do in the registry. "base" is logging in.
const accesses = {
  reader: ["base", "catalog", "pull"],
  developer: ["base", "catalog", "pull", "push"],
};

// Costs as much to refuse as a wrong password, so that nobody can time which names exist.
const nobody = { salt: "", hash: randomBytes(32).toString("hex") };

/** The user's name, if the password is right. It takes a thread some 50 ms: docker has it checked with each request. */
export async function authenticate(name, password) {
  const { salt, hash: expected } = users.get(name) ?? nobody;
  const given = await hash(String(password), salt, 32);
  return timingSafeEqual(given, Buffer.from(expected, "hex")) ? name : undefined;
}

/** Looked up each time, so that whoever loses a role loses it in the sessions that are open as well. */
export function mayDo(name, access) {
  return accesses[users.get(name)?.role]?.includes(access) ?? false;
}
