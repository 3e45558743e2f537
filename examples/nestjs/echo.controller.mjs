import { Body, Controller, Get, HttpCode, Post } from "@nestjs/common";

/** The application's own pages. Each call stands for a decorator: `@Get()`, `@Post("echo")`, ... */
export class EchoController {
  hello() {
    return { application: "fine" };
  }

  echo(body) {
    return body;
  }
}

const { prototype } = EchoController;
const method = (name) => [prototype, name, Object.getOwnPropertyDescriptor(prototype, name)];

Controller()(EchoController);
Get()(...method("hello"));
Post("echo")(...method("echo"));
HttpCode(200)(...method("echo"));
Body()(prototype, "echo", 0);
