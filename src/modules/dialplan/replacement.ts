/** The replacement of a rule: text with groups of the match, the request URI and variables in it. */
import type { Context } from '../../runtime/context.js';
import { variableEnd } from '../../runtime/format/scan.js';
import { bindVariable } from '../../runtime/format.js';
import type { BindEnv, BindResult, Value } from '../../runtime/module.js';
import { toText } from '../../runtime/values.js';

type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'char'; readonly text: string }
  | { readonly kind: 'group'; readonly group: number }
  | { readonly kind: 'uri'; readonly raw: string }
  | { readonly kind: 'variable'; readonly raw: string; readonly get: (ctx: Context) => Value };

export interface Replacement {
  readonly source: string;
  readonly pieces: readonly Piece[];
  /** It is more than plain text. */
  readonly hasEscapes: boolean;
  readonly highestGroup: number;
}

/** Escapes and variables that one replacement may have (5.6.3 refuses the tenth). */
const MAX_ESCAPES = 9;
/** Longest output. */
const MAX_OUTPUT = 126;

const CONTROL: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/** Reads `\\1`, `\\u`, `\\n`, `$var(x)` and the text between them. */
export function parseReplacement(source: string, env: BindEnv): BindResult<Replacement> {
  const pieces: Piece[] = [];
  let text = '';
  let escapes = 0;
  const push = (piece: Piece) => {
    if (text !== '') pieces.push({ kind: 'text', text });
    text = '';
    pieces.push(piece);
    escapes++;
  };
  for (let at = 0; at < source.length; at++) {
    const c = source[at]!;
    // a backslash at the very end stands for itself
    if (c === '\\' && at + 1 < source.length) push(escaped(source[++at]!));
    else if (c === '$') {
      const end = variableEnd(source, at);
      const raw = source.slice(at, end < 0 ? undefined : end);
      const bound = bindVariable(raw, env, { quoted: true });
      if ('error' in bound) return { error: `bad specifier in replace part ${source}` };
      push({ kind: 'variable', raw, get: bound.ok.get });
      at += raw.length - 1;
    } else text += c;
  }
  if (text !== '') pieces.push({ kind: 'text', text });
  if (escapes > MAX_ESCAPES) return { error: `too many escapes in the replace part ${source}` };
  const highestGroup = Math.max(0, ...pieces.map((p) => (p.kind === 'group' ? p.group : 0)));
  return { ok: { source, pieces, hasEscapes: escapes > 0, highestGroup } };
}

function escaped(c: string): Piece {
  if (c >= '0' && c <= '9') return { kind: 'group', group: Number(c) };
  if (c === 'u') return { kind: 'uri', raw: '\\u' };
  return { kind: 'char', text: (Object.hasOwn(CONTROL, c) ? CONTROL[c] : undefined) ?? c };
}

/** Where a replacement is made; `ctx` is missing for the RPC command, where variables and \\u stay as written. */
export interface Match {
  readonly ctx: Context | undefined;
  readonly input: string;
  /** Start and end by group. */
  readonly groups: readonly number[];
}

/** Undefined: the output would be too long. */
export function build({ pieces }: Replacement, match: Match): string | undefined {
  let out = '';
  for (const [i, piece] of pieces.entries()) {
    // text behind the last escape is not counted
    const isRest = piece.kind === 'text' && i === pieces.length - 1;
    out += pieceText(piece, match);
    if (!isRest && out.length > MAX_OUTPUT) return undefined;
  }
  return out;
}

function pieceText(piece: Piece, { ctx, input, groups }: Match): string {
  switch (piece.kind) {
    case 'text':
    case 'char':
      return piece.text;
    case 'group': {
      const start = groups[2 * piece.group] ?? -1;
      return start < 0 ? '' : input.slice(start, groups[2 * piece.group + 1]);
    }
    case 'uri':
      return ctx?.msg.isRequest === true ? ctx.msg.uri : piece.raw;
    case 'variable':
      return ctx === undefined ? piece.raw : toText(piece.get(ctx));
  }
}
