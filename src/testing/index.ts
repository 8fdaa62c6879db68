/** `kamscript/testing`: tests for routing scripts, without sockets, in virtual time, for any test runner. */

export { VirtualClock } from './clock.js';
export { type Companion, companionStarter, type Input, playBeside, type StartCompanion } from './companion.js';
export { Message, type ReplyParts, type RequestParts } from './message.js';
export { type Call, type Mock, type MockBehaviour, type OutVariable, ScriptTestError } from './mocks.js';
export { type Candidate, type LogLine, type Publication, type RouteRun, Run } from './run.js';
export {
  type KdmqSource,
  type LoadOptions,
  load,
  type NsqSource,
  type Responder,
  type ScriptUnderTest,
  type Source,
} from './script.js';
export { HANDSHAKE, type HttpParts } from './web.js';
