// Made with `htpasswd -nbB`, `-nbBC 4`, `-nbm`, `-nbs` and `-nbd`, and with `openssl passwd -1`.

export interface Fixture {
  readonly tool: string;
  readonly password: string;
  readonly hash: string;
}

export const plainPassword = "correct horse";
/** Colons and characters of more than one byte. */
export const unusualPassword = "pässwörd:mit:doppelpunkt";

export const fixtures: readonly Fixture[] = [
  {
    tool: "bcrypt",
    password: plainPassword,
    hash: "$2y$05$6jGWnmAVt.3reYzR87oniOWa7/IHRgRTDV8Il28WRdoCi0ApZGHc6",
  },
  {
    tool: "bcrypt",
    password: unusualPassword,
    hash: "$2y$05$GHrkrYJnW8S2R.Lwa.R1tuCdbq5cudg.CgtD30WlUGtLHS95q93Xu",
  },
  {
    tool: "bcrypt of cost 4",
    password: plainPassword,
    hash: "$2y$04$AHPGjjMS/4nfnweqpYh5AezV2qpjLSJwKRW/bTbjgATpnLP62SxDK",
  },
  {
    tool: "bcrypt as 2a",
    password: plainPassword,
    hash: "$2a$04$AHPGjjMS/4nfnweqpYh5AezV2qpjLSJwKRW/bTbjgATpnLP62SxDK",
  },
  {
    tool: "bcrypt as 2b",
    password: plainPassword,
    hash: "$2b$04$AHPGjjMS/4nfnweqpYh5AezV2qpjLSJwKRW/bTbjgATpnLP62SxDK",
  },
  { tool: "apr1", password: plainPassword, hash: "$apr1$xc5SJuVb$KIiN9dJbTjoVvhMrFFRmD." },
  { tool: "apr1", password: unusualPassword, hash: "$apr1$XNHPduhd$amgV/KCFxjT7L7FIR4g7C1" },
  { tool: "apr1", password: "x".repeat(100), hash: "$apr1$C3t0P/EG$YO3lYklk3luBctxf5nYmV0" },
  { tool: "MD5 crypt", password: plainPassword, hash: "$1$b3x6Fdc2$GMUtVP.R0ZAXG8Nt.AhIZ." },
  { tool: "MD5 crypt", password: unusualPassword, hash: "$1$5t/y3z6r$i09/9Nv0hVBN3TFR8lWha/" },
  { tool: "SHA", password: plainPassword, hash: "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=" },
  { tool: "SHA", password: unusualPassword, hash: "{SHA}dlAX1cdS6op3TUN+J8p5y1YWZ4o=" },
  { tool: "SSHA", password: plainPassword, hash: "{SSHA}awc/Cj0kafyFd5d8fGn07xoHBJJzYWx0c2FsdA==" },
  { tool: "SSHA", password: unusualPassword, hash: "{SSHA}8FrNnKUpk61k6tNQHDySOeKNo7pzYWx0c2FsdA==" },
  { tool: "crypt", password: plainPassword, hash: "It1Jg0fcrshLY" },
  { tool: "crypt", password: unusualPassword, hash: "7zF0/HnPJhAdM" },
];
