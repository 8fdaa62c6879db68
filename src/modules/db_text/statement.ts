/** The SQL that db_text knows: one table, no joins, conditions that must all hold. */
import type { DbCondition } from '../../runtime/database.js';

export type TextStatement =
  | {
      readonly kind: 'select';
      readonly table: string;
      /** Missing: all. */
      readonly columns?: readonly string[];
      readonly where: readonly DbCondition[];
      readonly orderBy?: string;
    }
  | { readonly kind: 'delete'; readonly table: string; readonly where: readonly DbCondition[] }
  | {
      /** `replace`: inserted where no row has the key. */
      readonly kind: 'update' | 'replace';
      readonly table: string;
      readonly values: readonly DbCondition[];
      readonly where: readonly DbCondition[];
    };

const TERM = /\s*(?:and|or|where|,)?\s*(\w+)\s*(>=|<=|<>|=|>|<)\s*(?:(-?[0-9.]+)|"((?:[^\\"]|\\[\s\S])*)")/iy;

/** What stands before and behind a word, case ignored; behind undefined: it is not there. */
function cut(text: string, word: string): [before: string, behind: string | undefined] {
  const at = text.toLowerCase().indexOf(word);
  return at < 0 ? [text, undefined] : [text.slice(0, at).trim(), text.slice(at + word.length).trim()];
}

/** undefined: no statement that it knows. */
export function parseStatement(given: string): TextStatement | undefined {
  const text = given.trim();
  const [, word = '', rest = ''] = /^(select|delete|update|replace)\s(.*)$/is.exec(text) ?? [];
  return READ[word.toLowerCase()]?.(` ${rest}`);
}

const READ: Readonly<Record<string, (rest: string) => TextStatement | undefined>> = {
  select(rest) {
    const [fields, from] = cut(rest, ' from ');
    const [head, orderBy] = cut(from ?? '', ' order by ');
    const [table, where] = cut(head, ' where ');
    const terms = conditions(where);
    if (table === '' || terms === undefined) return undefined;
    const columns = fields.split(',').map((f) => f.trim());
    return {
      kind: 'select',
      table,
      where: terms,
      ...(columns[0] === '*' ? {} : { columns }),
      ...(orderBy === undefined ? {} : { orderBy }),
    };
  },
  delete(rest) {
    const [table, where] = cut(cut(rest, ' from ')[1] ?? '', ' where ');
    const terms = conditions(where);
    return table === '' || terms === undefined ? undefined : { kind: 'delete', table, where: terms };
  },
  update: (rest) => change('update', rest),
  replace: (rest) => change('replace', rest),
};

function change(kind: 'update' | 'replace', rest: string): TextStatement | undefined {
  const [table, behind] = cut(rest, ' set ');
  const [set, where] = cut(behind ?? '', ' where ');
  const values = conditions(set);
  const terms = conditions(where);
  return values?.length && terms?.length ? { kind, table, values, where: terms } : undefined;
}

/** `a=1 and b<>"x"`: all must hold, whatever word is between (5.6.3). */
function conditions(text: string | undefined): DbCondition[] | undefined {
  const out: DbCondition[] = [];
  if (text === undefined) return out;
  for (TERM.lastIndex = 0; TERM.lastIndex < text.trimEnd().length; ) {
    const [, column, op, number, quoted] = TERM.exec(text) ?? [];
    if (column === undefined) return undefined;
    const value = quoted === undefined ? Number(number) : quoted.replaceAll('\\"', '"');
    out.push({ column, op: op as DbCondition['op'], value });
  }
  return out;
}
