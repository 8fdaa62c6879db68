/** Replies to HTTP requests: jsonrpcs, xhttp_prom and others answer by this. */
import type { RouteContext } from '../../runtime/module.js';
import { replyStateless } from '../../runtime/replies.js';

const FAILED = -1;

/** False when the message is no HTTP request, or could not be answered. An empty `type` gives no Content-Type. */
export function httpReply(ctx: RouteContext, code: number, reason: string, type: string, body: string): boolean {
  if (!isHttpRequest(ctx)) return false;
  const headers = type === '' ? [] : [`Content-Type: ${type}\r\n`];
  const content = body === '' ? null : { type: '', text: body };
  return replyStateless(ctx, code, reason, { headers, body: content }) !== FAILED;
}

export function isHttpRequest(ctx: RouteContext): boolean {
  return ctx.msg.isRequest && ctx.msg.version.startsWith('HTTP');
}
