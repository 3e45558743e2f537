import { describe, expect, it } from "@jest/globals";
import { ImageNameError, parseImageName } from "../../src/inspect/image-name.ts";

const digest = `sha256:${"a".repeat(64)}`;

describe("an image name", () => {
  it.each<[string, host: string | undefined, repository: string, reference: string]>([
    ["nginx", undefined, "nginx", "latest"],
    ["nginx:1.27", undefined, "nginx", "1.27"],
    ["team/app:1.2", undefined, "team/app", "1.2"],
    ["a/b/c/d", undefined, "a/b/c/d", "latest"],
    [`app@${digest}`, undefined, "app", digest],
    [`team/app:1.2@${digest}`, undefined, "team/app", digest],
    ["registry.example.com/team/app:tag", "registry.example.com", "team/app", "tag"],
    ["Registry.Example.com/team/app", "registry.example.com", "team/app", "latest"],
    ["localhost/app", "localhost", "app", "latest"],
    ["localhost:5000/app:1", "localhost:5000", "app", "1"],
    ["docker.io/library/nginx", "docker.io", "library/nginx", "latest"],
    [`[::1]:5000/app@${digest}`, "[::1]:5000", "app", digest],
    ["team/manifests/blobs:tags", undefined, "team/manifests/blobs", "tags"],
  ])("%s", (text, host, repository, reference) => {
    expect(parseImageName(text)).toEqual({ host, repository, reference });
  });

  it.each([
    ["", 'the image name "" has no repository in it'],
    [":1.2", "has no repository in it"],
    ["registry.example.com/", "has no repository in it"],
    ["Team/App", 'has upper case in its repository, "Team/App"'],
    ["team//app", 'has an invalid repository, "team//app"'],
    ["team/app:", 'has an invalid tag, ""'],
    ["team/app:-1", 'has an invalid tag, "-1"'],
    ["app@sha256:12", 'has an invalid digest, "sha256:12"'],
    ["app@", 'has an invalid digest, ""'],
    ["docker://team/app", 'is a URL: leave out "docker://"'],
    ["https://registry.example.com/app", 'is a URL: leave out "https://"'],
    ["team/../app", 'has an invalid repository, "team/../app"'],
    ["team/%2e%2e", 'has an invalid repository, "team/%2e%2e"'],
    ["a".repeat(300), "has an invalid repository"],
  ])("%s is refused with the reason", (text, problem) => {
    expect(() => parseImageName(text)).toThrow(ImageNameError);
    expect(() => parseImageName(text)).toThrow(problem);
  });
});
