/** The sender of a message writes a part of a command line. */
import { constantText, defineRule } from './rule.js';
import { unsafeVariable } from './said-by-sender.js';

const SAFE = /\{(?:s\.(?:int|md5|sha\d+|encode\.hexa|encode\.base\w*|numeric|escape\.common))/;

export const execUnescaped = defineRule({
  code: 'exec-unescaped',
  severity: 'warning',
  doc: 'The sender of a message writes a part of a command line: the shell runs what stands behind a `;` in a user name.',
  example: 'exec_cmd("/usr/local/bin/missed $fU");',
  *check(on) {
    for (const { call } of on.callsOf('exec_cmd', 'exec_msg', 'exec_avp', 'exec_dset')) {
      const text = constantText(call.args[0]);
      const variable = text === undefined ? undefined : unsafeVariable(text, SAFE);
      if (variable === undefined) continue;
      const hint = `hand it over as $(${variable.slice(1)}{s.encode.hexa})`;
      yield { span: call.span, message: `${variable} stands in a command line as the sender wrote it`, hint };
    }
  },
});
