/** The destination set of a request: its own URI and the additional branches (RFC 3261, 16.6). */
import type { Branch, SipMessage } from '../sip/message.js';
import type { Context } from './context.js';
import { LEVEL } from './host.js';

/** Adds a branch; false when there are as many as max_branches allows, the request's own counting as one. */
export function addBranch(ctx: Context, branch: Branch): boolean {
  const { msg } = ctx;
  if (msg.branches.length >= ctx.program.core.maxBranches - 1) {
    ctx.lastError = -12;
    ctx.host.log.write(LEVEL.ERR, '<core>', 'max nr of branches exceeded\n');
    return false;
  }
  msg.branches.push(branch);
  return true;
}

/** q in thousandths; undefined when the text is no q (`0.5`, `1`, `.25`): beyond 1 or with other characters. */
export function parseQ(text: string): number | undefined {
  const m = /^[ \t]*(0*)(1?)(?:\.(\d*))?$/.exec(text);
  if (m === null) return undefined;
  const [, zeros = '', one, decimals] = m;
  if (zeros === '' && one === '' && decimals === undefined) return undefined;
  if (one === '1') return /^0*$/.test(decimals ?? '') ? 1000 : undefined;
  return Number((decimals ?? '').padEnd(3, '0').slice(0, 3));
}

/** q in thousandths as text: 500 is `0.5`. */
export function qText(q: number): string {
  if (q >= 1000) return '1';
  return q <= 0 ? '0' : `0.${String(q).padStart(3, '0').replace(/0+$/, '')}`;
}

/** What else a Contact of a 3xx may tell: bits of sl's `rich_redirect`. */
export const RICH = { FLAGS: 1, PATH: 2 } as const;

type Target = Pick<Branch, 'uri' | 'q' | 'path' | 'flags'>;

/**
 * The set as a Contact line with its CRLF: a rewritten request URI first, then the branches; undefined when there is
 * neither.
 */
export function redirectContact(msg: SipMessage, rich = 0): string | undefined {
  const own: Target[] =
    msg.newUri === null ? [] : [{ uri: msg.newUri, q: msg.q, path: msg.path, flags: msg.branchFlags }];
  const items = [...own, ...msg.branches].map((t) => contact(t, rich));
  return items.length === 0 ? undefined : `Contact: ${items.join(', ')}\r\n`;
}

function contact({ uri, q, path, flags }: Target, rich: number): string {
  const route = (rich & RICH.PATH) !== 0 && path ? `?Route=${escapeParam(path)}` : '';
  const qParam = q < 0 ? '' : `;q=${qText(q)}`;
  const flagsParam = (rich & RICH.FLAGS) !== 0 ? `;flags=${flags >>> 0}` : '';
  return `<${uri}${route}>${qParam}${flagsParam}`;
}

function escapeParam(text: string): string {
  return text.replace(/[^A-Za-z0-9\-_.!~*'()[\]/:&+$]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
