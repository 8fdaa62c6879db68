/** The class `param`: lists of parameters. */

import type { Context } from '../context.js';
import type { BindResult, TrArg, Transform, TransformationDefinition } from '../module.js';
import type { Value } from '../values.js';
import { type Arg, argument, charArg, constant, numberArg, textArg } from './arguments.js';
import { type Entry, someText, transformationClass } from './common.js';
import { PARAM_EXAMPLES } from './examples.js';
import { type Param, parseParamList } from './param-list.js';

/** The list of the last text: scripts ask for several parameters of one list in a row. */
let lastText = '';
let lastSeparator = '';
let lastList: readonly Param[] | undefined;

function listOf(text: string, separator: string): readonly Param[] | undefined {
  if (text === lastText && separator === lastSeparator) return lastList;
  const trimmed = text.length > 1 && text.endsWith(separator) ? text.slice(0, -1) : text;
  lastList = parseParamList(trimmed, separator);
  lastText = text;
  lastSeparator = separator;
  return lastList;
}

/** Of two parameters of a name the last counts; names ignore case. */
export function findParam(list: readonly Param[], name: string): Param | undefined {
  const lower = name.toLowerCase();
  return list.findLast(([n]) => n.length === lower.length && n.toLowerCase() === lower);
}

function at(list: readonly Param[], index: number): Param | undefined {
  return list[index < 0 ? list.length + index : index];
}

/** A name with one argument and perhaps a separator of one character. */
function entry<T>(
  doc: string,
  kind: (arg: TrArg | undefined) => BindResult<Arg<T>>,
  of: (list: readonly Param[], arg: T) => Value,
): Entry {
  return {
    doc,
    bind(args) {
      const [first, second] = args;
      if (args.length > 2 || second?.kind === 'variable' || (second !== undefined && second.text.length !== 1)) {
        return { error: 'the separator must be one character' };
      }
      const arg = kind(first);
      if ('error' in arg) return arg;
      return {
        ok: onList(constant(second?.text ?? ';'), (list, ctx) => {
          const value = argument(arg.ok, ctx);
          return value === undefined ? undefined : of(list, value);
        }),
      };
    },
  };
}

function onList(separator: Arg<string>, of: (list: readonly Param[], ctx: Context) => Value): Transform {
  return (value, ctx) => {
    const text = someText(value);
    const by = text === undefined ? undefined : argument(separator, ctx);
    const list = text === undefined || by === undefined ? undefined : listOf(text, by);
    return list === undefined ? undefined : of(list, ctx);
  };
}

const count: Entry = {
  doc: 'How many parameters there are, an int; with a separator perhaps.',
  ownGrammar: true,
  bind(_args, rest, env) {
    if (rest !== '' && rest[1] !== '$' && !/^,[^\t\n][ \t\n]*$/.test(rest))
      return { error: 'the separator must be one character' };
    const separator: BindResult<Arg<string>> = rest === '' ? { ok: constant(';') } : charArg(rest, env);
    return 'error' in separator ? separator : { ok: onList(separator.ok, (list) => list.length) };
  },
};

export const param: TransformationDefinition = transformationClass(
  'param',
  'Parameters of a list such as `a=1;b="x;y"`; a separator other than `;` may follow the arguments. A list that does not parse fails.',
  {
    value: entry(
      'Value of the parameter of a name; empty when it is absent.',
      textArg,
      (list, name) => findParam(list, name)?.[1] ?? '',
    ),
    in: entry('1 when there is a parameter of that name, else 0.', textArg, (list, name) =>
      findParam(list, name) ? 1 : 0,
    ),
    valueat: entry(
      'Value of the i-th parameter, from 0; a negative index counts from the end.',
      numberArg,
      (list, i) => at(list, i)?.[1] ?? '',
    ),
    name: entry(
      'Name of the i-th parameter, from 0; a negative index counts from the end.',
      numberArg,
      (list, i) => at(list, i)?.[0] ?? '',
    ),
    count,
  },
  PARAM_EXAMPLES,
);
