/** Functions on single variables: what they hold, and evaluating a text that was made at run time. */
import { bindFormat, type Format } from '../../runtime/format.js';
import {
  type AnyFunction,
  type BindEnv,
  Dual,
  fn,
  parsed,
  type RouteContext,
  raw,
  type Value,
  variable,
} from '../../runtime/module.js';
import { logError } from '../../runtime/variables/support.js';

/** Has it a number, be it beside a text? */
function hasNumber(v: Value): boolean {
  return typeof v === 'number' || v instanceof Dual;
}

function hasIntType(v: Value): boolean {
  return typeof v === 'number' || (v instanceof Dual && v.isInt);
}

function isOfType(v: Value, letter: string): boolean {
  if (v === undefined) return false;
  switch (letter.toLowerCase()) {
    case 'i':
      return hasIntType(v);
    case 'n':
      return v === null;
    case 's':
      return v !== null && !hasIntType(v);
    default:
      return false;
  }
}

function isFilledText(v: Value): boolean {
  if (typeof v === 'string') return v !== '';
  return v instanceof Dual && !v.isInt && v.text !== '';
}

const truth = (yes: boolean): 1 | -1 => (yes ? 1 : -1);

// ------------------------------------------------------------- pv_evalx()

/** Texts evaluated once stay bound; a script that makes ever new ones must not fill the memory. */
const EVALUATED_LIMIT = 256;

export interface Evaluation {
  readonly format: Format;
  /** Binds the text that the format gave. */
  second(text: string): Format | undefined;
}

function evaluation(format: Format, env: BindEnv): Evaluation {
  const bound = new Map<string, Format | undefined>();
  return {
    format,
    second(text) {
      if (bound.has(text)) return bound.get(text);
      const result = bindFormat(text, env);
      const made = 'ok' in result ? result.ok : undefined;
      if (bound.size >= EVALUATED_LIMIT) bound.clear();
      bound.set(text, made);
      return made;
    },
  };
}

const evaluated = parsed<Evaluation>('text', 'text evaluated twice', (text, env) => {
  const format = bindFormat(text, env);
  return 'error' in format ? format : { ok: evaluation(format.ok, env) };
});

function evaluate(ctx: RouteContext, { format, second }: Evaluation): string | undefined {
  const text = format.get(ctx);
  const again = second(text);
  if (again !== undefined) return again.get(ctx);
  logError(ctx, `cannot eval reparsed value of second parameter [${text}]`);
  return undefined;
}

export const VALUE_FUNCTIONS: Readonly<Record<string, AnyFunction>> = {
  pv_isset: fn({
    doc: 'Is the variable anything but null? An empty text is.',
    args: [variable('variable')],
    run: (ctx, _params, v) => {
      const value = v.get(ctx);
      return truth(value !== null && value !== undefined);
    },
  }),
  pv_unset: fn({
    doc: 'Assigns $null to the variable.',
    args: [variable('variable')],
    run: (ctx, _params, v) => truth(v.set !== undefined && v.set(ctx, null) !== false),
  }),
  is_int: fn({
    doc: 'Has the value of the variable a number, be it beside a text?',
    args: [variable('variable')],
    run: (ctx, _params, v) => truth(hasNumber(v.get(ctx))),
  }),
  typeof: fn({
    doc: 'Is the value of the variable of a type: int, str or null (the first letter counts)?',
    args: [variable('variable'), raw('type')],
    example: '$var(x) = 1;\nif (typeof("$var(x)", "int")) xlog("a number\\n");\n#> a number',
    run: (ctx, _params, v, type) => truth(isOfType(v.get(ctx), type[0] ?? '')),
  }),
  not_empty: fn({
    doc: 'Is the value of the variable a text that is not empty? An int is not.',
    args: [variable('variable')],
    run: (ctx, _params, v) => truth(isFilledText(v.get(ctx))),
  }),
  pv_evalx: fn({
    doc: 'Evaluates the text, then evaluates the result again as a text with variables, and stores that.',
    args: [variable('target', { writable: true }), evaluated],
    example:
      '$avp(a) = "yes";\n$var(name) = "a";\npv_evalx("$var(x)", "$$avp($var(name))");\nxlog("$var(x)\\n");\n#> yes',
    run(ctx, _params, target, text) {
      const value = evaluate(ctx, text);
      return truth(value !== undefined && target.set?.(ctx, value) !== false);
    },
  }),
};
