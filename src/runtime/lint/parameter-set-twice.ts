/** A module parameter that holds one value is set twice: the first has no effect. */
import { defineRule } from './rule.js';

export const parameterSetTwice = defineRule({
  code: 'parameter-set-twice',
  severity: 'warning',
  doc: 'A module parameter that holds one value is set twice: the first has no effect.',
  example: 'modparam("tm", "fr_timer", 1000)\nmodparam("tm", "fr_timer", 2000)',
  *check(on) {
    const seen = new Map<string, number>();
    for (const item of on.script.items) {
      if (item.kind !== 'modparam' || item.dynamic) continue;
      const def = on.program.modules.find((m) => m.name === item.modules)?.params?.[item.param];
      if (def === undefined || def.type === 'list' || def.type === 'alias') continue;
      const key = `${item.modules}.${item.param}`;
      const line = seen.get(key);
      if (line !== undefined)
        yield { span: item.paramSpan, message: `${item.param} was set in line ${line}: that has no effect` };
      seen.set(key, item.span.line);
    }
  },
});
