/** What leaves the server: replies of its own, forwarded requests and replies, Via lines and tags. */

export { buildForward, buildForwardedReply, type ForwardOptions, rebuild } from './build-forward.js';
export {
  buildReply,
  forwardedReplyTarget,
  needsReceived,
  needsRport,
  type ReplyOptions,
  replyDestination,
} from './build-reply.js';
export { ownVia, sentBy, type ViaOptions, viaConnection } from './own-via.js';
export { localTag, MAGIC_COOKIE, statelessBranch, tagPrefix, tagSuffix } from './tag.js';
