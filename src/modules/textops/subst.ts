/** subst() and its kin, and {re.subst,…}: "/expression/replacement/flags". */
import type { Context } from '../../runtime/context.js';
import { bindVariable } from '../../runtime/format.js';
import {
  type BindEnv,
  type BindResult,
  fn,
  headerName,
  literal,
  parsed,
  quoted,
  type Transform,
  type TransformationDefinition,
  toText,
} from '../../runtime/module.js';
import { parseSubstitution, type Substitution } from '../../runtime/substitution.js';
import { changeUri } from '../../runtime/uri-rewrite.js';
import { WHOLE } from '../../sip/edits.js';
import { parseUri } from '../../sip/uri.js';

const substitution = () => parsed('substitution', '/expression/replacement/flags', parseSubstitution);
const routes = ['request', 'reply', 'failure', 'branch'] as const;

/** Replaces in the text from `from` to `to`; false without a match and where it fails. */
function substitute(ctx: Context, s: Substitution, from: number, to: number, tag?: string): boolean {
  const { text, edits } = ctx.msg;
  const found = s.find(ctx, text.slice(from, to));
  if (found === undefined || found.length === 0) return false;
  for (const { start, end, text: t } of found) edits.replace(from + start, end - start, t, tag);
  return true;
}

const code = (ok: boolean): number => (ok ? 1 : -1);

export const substFunctions = {
  subst: fn({
    doc: 'Substitutes in the message behind the start line: "/expression/replacement/flags". Flags i, g, s; case counts without i.',
    args: [substitution()],
    example: "subst('/^Subject: (.*)/Subject: [\\1]/');",
    run: (ctx, _params: unknown, s) => code(substitute(ctx, s, ctx.msg.headersStart, ctx.msg.text.length, WHOLE)),
  }),
  subst_body: fn({
    doc: 'Substitutes in the body.',
    args: [substitution()],
    run(ctx, _params: unknown, s) {
      const { bodyStart, text } = ctx.msg;
      return code(bodyStart >= 0 && bodyStart < text.length && substitute(ctx, s, bodyStart, text.length));
    },
  }),
  subst_hf: fn({
    doc: 'Substitutes in the values of the headers of a name: all (`a`), the first (`f`) or the last (`l`).',
    args: [quoted(headerName('header')), substitution(), quoted(literal('mode'))],
    run(ctx, _params: unknown, named, s, mode) {
      const all = ctx.msg.headers.filter(named);
      const picked = mode[0] === 'f' ? all.slice(0, 1) : mode[0] === 'l' ? all.slice(-1) : all;
      return code(picked.filter((h) => substitute(ctx, s, h.valueStart, h.valueEnd)).length > 0);
    },
  }),
  subst_uri: fn({
    doc: 'Substitutes in the request URI at once; false without a match.',
    args: [substitution()],
    routes,
    run(ctx, _params: unknown, s) {
      const changed = ctx.msg.isRequest ? s.apply(ctx, ctx.msg.uri) : null;
      if (typeof changed !== 'string') return -1;
      ctx.msg.newUri = changed;
      return 1;
    },
  }),
  subst_user: fn({
    doc: 'Substitutes in the user of the request URI at once; false without a match.',
    args: [substitution()],
    routes,
    run(ctx, _params: unknown, s) {
      const uri = ctx.msg.isRequest ? parseUri(ctx.msg.uri) : undefined;
      const changed = uri === undefined ? null : s.apply(ctx, uri.user ?? '');
      return code(typeof changed === 'string' && changeUri(ctx.msg, { kind: 'user', text: changed }));
    },
  }),
};

/** Texts longer than this fail, as in Kamailio's buffer. */
const MAX_TEXT = 8191;

function transform(find: (ctx: Context) => Substitution | undefined): Transform {
  return (value, ctx) => {
    const text = value === null ? '' : toText(value);
    const s = text === '' || text.length >= MAX_TEXT ? undefined : find(ctx);
    const changed = s?.apply(ctx, text);
    if (changed === null) return value;
    return changed === undefined || changed.length >= MAX_TEXT ? undefined : changed;
  };
}

function bindSubst(rest: string, env: BindEnv): BindResult<Transform> {
  const text = rest.replace(/^,/, '');
  if (text[0] !== '$') {
    const s = parseSubstitution(text, env);
    return 'error' in s ? s : { ok: transform(() => s.ok) };
  }
  const variable = bindVariable(text.trim(), env, { quoted: true });
  if ('error' in variable) return variable;
  let last: { text: string; s: Substitution | undefined } | undefined;
  return {
    ok: transform((ctx) => {
      const source = toText(variable.ok.get(ctx));
      if (last?.text !== source) {
        const s = parseSubstitution(source, env);
        last = { text: source, s: 'error' in s ? undefined : s.ok };
      }
      return last.s;
    }),
  };
}

export const re: TransformationDefinition = {
  doc: 'Regular expressions.',
  names: { subst: '`{re.subst,/expression/replacement/flags}` substitutes; unchanged without a match.' },
  ownGrammar: ['subst'],
  bind: (name, _args, env, rest) =>
    name.toLowerCase() === 'subst' ? bindSubst(rest, env) : { error: `unknown transformation {re.${name}}` },
};
