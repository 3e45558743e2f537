// Two CommonJS packages whose module.exports is the function itself: one has no types, the other's
// describe an ES module.

declare module "unix-crypt-td-js" {
  /** crypt(3) with DES. */
  export default function unixCryptTD(password: readonly number[], salt: string): string;
}

declare module "apache-md5" {
  /** MD5 crypt as `$apr1$`, or as `$1$` if the salt says so. */
  export default function md5Crypt(password: string, salt: string): string;
}
