/** `$cnt($avp(x))` and `$cnt($xavp(r[i]=>f[j]))`. Without an index all are counted. */
import type { Context } from '../context.js';
import { allAvps } from '../message-env.js';
import { type BindEnv, type BindResult, type PvAccessor, type PvDefinition, type PvUse, pvWith } from '../module.js';
import type { XavpList } from '../xavp.js';
import { avpKeyReader } from './avp.js';
import { type Get, indexReader } from './support.js';
import { parseXavpName, type XavpPart } from './xavp-name.js';

const KEY = /^\$\(?(avp|xavp)\((.*?)\)(?:\[[^\]]*\])?\)?$/s;

function bind(use: PvUse, env: BindEnv): BindResult<PvAccessor> {
  const text = use.key?.text ?? '';
  const m = KEY.exec(text);
  if (m === null) return { error: `expected avp or xavp name instead of [${text}]` };
  const get = m[1] === 'avp' ? countAvp(m[2]!, env) : countXavp(m[2]!, env);
  return 'error' in get ? get : { ok: { get: get.ok } };
}

function countAvp(name: string, env: BindEnv): BindResult<Get> {
  // the name cannot come from a variable here: 5.6.3 reads null then
  if (name[0] === '$') return { ok: () => null };
  const key = avpKeyReader({ kind: 'text', text: name }, env);
  if ('error' in key) return key;
  return {
    ok: (ctx) => {
      const k = key.ok(ctx);
      return k === undefined ? null : allAvps(ctx.env, k).length;
    },
  };
}

function countXavp(text: string, env: BindEnv): BindResult<Get> {
  const name = parseXavpName(text, env);
  if ('error' in name) return name;
  const { root, field } = name.ok;
  const roots = counter(root);
  if (field === undefined) return { ok: (ctx) => roots(ctx, ctx.env.xavps)?.length ?? null };
  const fields = counter(field);
  return {
    ok: (ctx) => {
      const places = roots(ctx, ctx.env.xavps);
      if (places === undefined) return null;
      let n = 0;
      for (const at of places) {
        const list = ctx.env.xavps.fields(root.name, at);
        n += list === undefined ? 0 : (fields(ctx, list)?.length ?? 0);
      }
      return n;
    },
  };
}

/** Places of the items that a name with its index means: all, or the one when it is there. */
function counter(part: XavpPart): (ctx: Context, list: XavpList) => number[] | undefined {
  const index = indexReader(part.index ?? '*');
  return (ctx, list) => {
    const i = index(ctx);
    if (i === undefined) return undefined;
    const count = list.count(part.name);
    if (i === '*') return Array.from({ length: count }, (_, at) => at);
    const at = i < 0 ? count + i : i;
    return at >= 0 && at < count ? [at] : [];
  };
}

export const COUNT: Readonly<Record<string, PvDefinition>> = {
  cnt: pvWith({
    doc: 'How many values an $avp, or roots or fields a $xavp has.',
    example: '$avp(x) = 1;\n$avp(x) = 2;\nxlog("$cnt($avp(x))\\n");\n#> 2',
    bind,
  }),
};
