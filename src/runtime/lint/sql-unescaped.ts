/** The sender of a message writes a part of the SQL statement. */
import { constantText, defineRule } from './rule.js';
import { unsafeVariable } from './said-by-sender.js';

const QUERIES: Readonly<Record<string, number>> = {
  sql_query: 1,
  sql_xquery: 1,
  sql_pvquery: 1,
  sql_query_async: 1,
  avp_db_query: 0,
};
const SAFE = /\{(?:s\.(?:escape\.common|sql|int|md5|sha\d+|encode\.hexa|numeric)|sql\.val)/;

export const sqlUnescaped = defineRule({
  code: 'sql-unescaped',
  severity: 'warning',
  doc: 'The sender of a message writes a part of the SQL statement: a quote in a user name ends the text, and what follows is SQL of the sender.',
  example: `sql_query("db", "select * from subscriber where username='$fU'", "r");`,
  *check(on) {
    for (const { call } of on.callsOf(...Object.keys(QUERIES))) {
      const text = constantText(call.args[QUERIES[call.name]!]);
      const variable = text === undefined ? undefined : unsafeVariable(text, SAFE);
      if (variable === undefined) continue;
      const hint = `$(${variable.slice(1)}{s.escape.common})`;
      yield { span: call.span, message: `${variable} stands in an SQL statement as the sender wrote it`, hint };
    }
  },
});
