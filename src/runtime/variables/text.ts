/** `$_s(format)` and `$sel(path)`. */
import { bindFormat, bindSelect } from '../format.js';
import { type BindEnv, type BindResult, type PvAccessor, type PvDefinition, type PvUse, pvWith } from '../module.js';

function bindText(use: PvUse, env: BindEnv): BindResult<PvAccessor> {
  const format = bindFormat(use.key?.text ?? '', env);
  if ('error' in format) return format;
  const { constant, get } = format.ok;
  return { ok: { get: constant === undefined ? get : () => constant, type: 'string' } };
}

function bindSel(use: PvUse, env: BindEnv): BindResult<PvAccessor> {
  const select = bindSelect(use.key?.text ?? '', env);
  if ('error' in select) return select;
  const get = select.ok;
  return { ok: { get: (ctx) => get(ctx) ?? null } };
}

export const TEXT: Readonly<Record<string, PvDefinition>> = {
  _s: pvWith({
    doc: 'A text with variables, evaluated.',
    example: '$var(a) = $_s($rU@$rd);\nxlog("$var(a)\\n");\n#> bob@example.com',
    bind: bindText,
  }),
  sel: pvWith({ doc: 'A select: $sel(cseq.num) is @cseq.num; null where it is absent.', bind: bindSel }),
};
