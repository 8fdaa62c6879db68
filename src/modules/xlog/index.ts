/** Log lines with variables (Kamailio's xlog; variables.md, section 7). */
import { type AnyFunction, defineModule, fn, forms, type Host, LEVEL, pvWith } from '../../runtime/module.js';
import { methodId, methodOf } from '../../sip/header.js';
import { colorSequence } from './colors.js';
import { logColors, params, type XlogParams } from './params.js';
import { facility, level, type Place, print, text } from './print.js';

function atLevel(name: string, lev: number, place: Place = 'plain', example?: string): AnyFunction {
  return fn({
    doc: `Prints the text at level ${name}${place === 'plain' ? '' : ', with the line of the call in front'}.`,
    args: [text],
    ...(example === undefined ? {} : { example }),
    run: (ctx, p: XlogParams, t) => print(ctx, p, lev, t, place),
  });
}

function withLevel(place: Place): AnyFunction {
  return fn({
    doc: 'Prints the text at the level.',
    args: [level, text],
    run: (ctx, p: XlogParams, lev, t) => print(ctx, p, lev, t, place),
  });
}

function withFacility(place: Place): AnyFunction {
  return fn({
    doc: 'Prints the text at the level; the facility is for syslog.',
    args: [facility, level, text],
    run: (ctx, p: XlogParams, _facility, lev, t) => print(ctx, p, lev, t, place),
  });
}

const EXAMPLE =
  'xlog("$rm from $fU\\n");\nxlog("L_INFO", "to $tu\\n");\n#> OPTIONS from alice\n#> to sip:bob@example.com';

export const xlog = defineModule({
  name: 'xlog',
  doc: 'Log lines with variables in them.',
  params,
  settings: ['methods_filter'],
  functions: {
    xlog: forms(atLevel('L_ERR', LEVEL.ERR, 'plain', EXAMPLE), withLevel('plain'), withFacility('plain')),
    xlogl: forms(atLevel('L_ERR', LEVEL.ERR, 'with line'), withLevel('with line'), withFacility('with line')),
    xlogm: fn({
      doc: 'Prints the text at the level unless `methods_filter` has the method of the message.',
      args: [level, text],
      run(ctx, p: XlogParams, lev, t) {
        if (p.methods_filter === -1 || (methodId(methodOf(ctx.msg)) & p.methods_filter) !== 0) return 1;
        return print(ctx, p, lev, t, 'plain');
      },
    }),
    xdbg: atLevel('L_DBG', LEVEL.DBG),
    xdbgl: atLevel('L_DBG', LEVEL.DBG, 'with line'),
    xinfo: atLevel('L_INFO', LEVEL.INFO),
    xnotice: atLevel('L_NOTICE', LEVEL.NOTICE),
    xwarn: atLevel('L_WARN', LEVEL.WARN),
    xerr: atLevel('L_ERR', LEVEL.ERR),
    xbug: atLevel('L_BUG', LEVEL.BUG),
    xcrit: atLevel('L_CRIT', LEVEL.CRIT2),
    xalert: atLevel('L_ALERT', LEVEL.ALERT),
  },
  pvs: {
    C: pvWith({
      doc: 'Colour of what follows, for terminals: letters of foreground and background, `$C(gx)`; `$C(xx)` ends it.',
      bind(use) {
        const letters = use.key?.kind === 'text' ? use.key.text : '';
        const sequence = colorSequence(letters);
        if (sequence === undefined) return { error: `invalid color name ${letters}` };
        return { ok: { get: () => sequence, type: 'string' } };
      },
    }),
  },
  start(host: Host, values) {
    for (const value of (values as unknown as XlogParams).log_colors) {
      const colors = logColors(value);
      if (typeof colors !== 'string') for (const [lev, sequence] of colors) host.log.colors?.set(lev, sequence);
    }
  },
});
