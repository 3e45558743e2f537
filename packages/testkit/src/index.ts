export type {
  BehaviourOptions,
  ErrorAnswer,
  RedirectedKind,
  RedirectOptions,
} from "./behaviour.ts";
export type { ImageDescriptor, ImageOptions } from "./images/image.ts";
export type {
  ActiveFault,
  BasicOptions,
  Credentials,
  Descriptor,
  Fault,
  RateLimitOptions,
  RecordedRequest,
  RegistryOptions,
  TokenOptions,
} from "./options.ts";
export { type Profile, type ProfileName, profiles } from "./profiles/profile.ts";
export { type Refusals, refusals } from "./profiles/refusals.ts";
export { type OtherHost, startRegistry, type TestRegistry } from "./registry.ts";
export {
  type RouterHandler,
  type RouterOptions,
  type RouterUpstreams,
  startRouter,
  type TestRouter,
} from "./router.ts";
export type { ManifestOptions } from "./storage/contents.ts";
