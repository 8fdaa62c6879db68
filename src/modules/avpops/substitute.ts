/** avp_subst() and avp_subst_pv(): a substitution on the texts of an AVP. */
import { bindFormat } from '../../runtime/format.js';
import { addAvp, allAvps } from '../../runtime/message-env.js';
import { type ArgDefinition, type BindEnv, type BindResult, parsed, type RouteContext } from '../../runtime/module.js';
import { parseSubstitution, type Substitution } from '../../runtime/substitution.js';
import { printed } from '../../runtime/values.js';
import { logError } from '../../runtime/variables/support.js';
import { dropAvp } from './drop.js';
import { type AvpName, badFlag, bindAvpName, parseFlags, slash } from './names.js';

/** `source/target/flags`: without a target the source's values are replaced. */
export interface Places {
  readonly source: AvpName;
  readonly target: AvpName | undefined;
  readonly all: boolean;
  readonly removes: boolean;
}

export function parsePlaces(text: string, env: BindEnv): BindResult<Places> {
  const parts = splitPlaces(text);
  const source = bindAvpName(parts.source, env);
  if ('error' in source) return source;
  const target = parts.target === '' ? undefined : bindAvpName(parts.target, env);
  if (target !== undefined && 'error' in target) return target;
  const flags = parseFlags(parts.flags, 'gd');
  if (flags === undefined) return badFlag(text);
  return { ok: { source: source.ok, target: target?.ok, all: flags.has('g'), removes: flags.has('d') } };
}

/** Flags may follow the source at once. */
function splitPlaces(text: string): { source: string; target: string; flags: string } {
  const first = slash(text, 0);
  if (first < 0) return { source: text, target: '', flags: '' };
  const rest = text.slice(first + 1);
  if (rest[0] !== '$') return { source: text.slice(0, first), target: '', flags: rest };
  const second = slash(rest, 0);
  if (second < 0) return { source: text.slice(0, first), target: rest, flags: '' };
  return { source: text.slice(0, first), target: rest.slice(0, second), flags: rest.slice(second + 1) };
}

/** What the second argument gives at each call; undefined: it is no substitution. */
export type SubstitutionReader = (ctx: RouteContext) => Substitution | undefined;

export const constantSubstitution = parsed<SubstitutionReader>('subst', '/re/text/flags', (text, env) => {
  const made = parseSubstitution(text, env);
  return 'error' in made ? made : { ok: () => made.ok };
});

/** Substitutions made of texts at run time are kept: most scripts make the same few. */
const KEPT = 64;

/** An expression, or a text with variables that is evaluated first. */
export const evaluatedSubstitution: ArgDefinition<SubstitutionReader, false> = {
  name: 'subst',
  type: '/re/text/flags, evaluated',
  optional: false,
  dynamic: true,
  bind(source, env) {
    const made = new Map<string, Substitution | undefined>();
    const evaluated = new Map<string, ((ctx: RouteContext) => string) | undefined>();
    const format = (text: string) => {
      const bound = bindFormat(text, env);
      return 'ok' in bound ? bound.ok.get : undefined;
    };
    const substitution = (text: string) => {
      const parsedText = parseSubstitution(text, env);
      return 'ok' in parsedText ? parsedText.ok : undefined;
    };
    const read: SubstitutionReader = (ctx) => {
      const text = source.kind === 'constant' ? source.text : printed(source.get(ctx));
      return kept(made, kept(evaluated, text, format)?.(ctx) ?? text, substitution);
    };
    return { ok: { kind: 'constant', value: read } };
  },
};

function kept<T>(map: Map<string, T>, key: string, make: (key: string) => T): T {
  const known = map.get(key);
  if (known !== undefined || map.has(key)) return known as T;
  const made = make(key);
  if (map.size >= KEPT) map.clear();
  map.set(key, made);
  return made;
}

const BAD_EXPRESSION = -3;

/** Works on the first text that matches, or with flag g on all: 1 when one did. */
export function runSubstitution(ctx: RouteContext, places: Places, reader: SubstitutionReader): number {
  const substitution = reader(ctx);
  if (substitution !== undefined) return substitute(ctx, places, substitution) ? 1 : -1;
  logError(ctx, 'bad subst re');
  return BAD_EXPRESSION;
}

function substitute(ctx: RouteContext, places: Places, substitution: Substitution): boolean {
  const from = places.source.key(ctx);
  const to = places.target === undefined ? from : places.target.key(ctx);
  if (from === undefined || to === undefined) return false;
  let done = 0;
  for (const avp of allAvps(ctx.env, from).slice()) {
    const result = typeof avp.value === 'string' ? substitution.apply(ctx, avp.value) : null;
    if (result === null || result === undefined) continue;
    addAvp(ctx.env, to, result);
    if (places.removes || places.target === undefined) dropAvp(ctx, from, avp);
    done++;
    if (!places.all) break;
  }
  return done > 0;
}
