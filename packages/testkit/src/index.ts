export type { ImageDescriptor, ImageOptions } from "./images/image.ts";
export type {
  ActiveFault,
  Credentials,
  Descriptor,
  Fault,
  RateLimitOptions,
  RecordedRequest,
  RegistryOptions,
  TokenOptions,
} from "./options.ts";
export { startRegistry, type TestRegistry } from "./registry.ts";
export {
  type RouterHandler,
  type RouterOptions,
  type RouterUpstreams,
  startRouter,
  type TestRouter,
} from "./router.ts";
export type { ManifestOptions } from "./storage/contents.ts";
