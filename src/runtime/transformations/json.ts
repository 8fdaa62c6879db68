/** The class `json` of module json. */
import { bindFormat } from '../format/text.js';
import { follow, type PathStep, parseLenient, parsePath, stringOf } from '../json-c.js';
import type { BindEnv, BindResult, TrArg, Transform, TransformationDefinition } from '../module.js';
import { toText } from '../values.js';
import { type Arg, argument, textArg } from './arguments.js';
import { anyText, onText, transformationClass } from './common.js';

const MAX_KNOWN = 64;

function bindParse(args: readonly TrArg[], env: BindEnv): BindResult<Transform> {
  if (args.length > 1) return { error: 'it takes one argument, a path' };
  const path = pathArg(args[0], env);
  if ('error' in path) return path;
  const dot = env.params('json').json_escape_char;
  const steps = pathReader(typeof dot === 'string' ? dot : '%');
  return {
    ok: onText(anyText, (text, ctx) => {
      const at = argument(path.ok, ctx);
      return at === undefined ? undefined : valueAt(text, steps(at));
    }),
  };
}

/** A literal path may hold variables: `a.$var(x)`. */
function pathArg(arg: TrArg | undefined, env: BindEnv): BindResult<Arg<string>> {
  if (arg?.kind !== 'text') return textArg(arg);
  const format = bindFormat(arg.text, env);
  return 'error' in format ? format : { ok: { raw: format.ok.get, of: toText } };
}

/** Takes paths apart, each once. */
function pathReader(dotSign: string): (path: string) => readonly PathStep[] {
  const known = new Map<string, readonly PathStep[]>();
  return (path) => {
    let steps = known.get(path);
    if (steps === undefined) {
      if (known.size >= MAX_KNOWN) known.clear();
      steps = parsePath(path, dotSign);
      known.set(path, steps);
    }
    return steps;
  };
}

function valueAt(text: string, steps: readonly PathStep[]): string {
  const root = parseLenient(text);
  const value = root === undefined ? undefined : follow(root, steps);
  return value === undefined ? '' : (stringOf(value) ?? '');
}

export const json: TransformationDefinition = transformationClass('json', 'JSON texts.', {
  parse: {
    doc: 'Value at a path `a.b[1].c`, as text: objects and arrays as JSON with blanks. Empty when it is absent or null, or the text is no JSON. `%` stands for a dot inside a name (json_escape_char).',
    bind: (args, _rest, env) => bindParse(args, env),
  },
});
