/**
 * `$name` in the old SER spelling (language.md, section 2): outside strings, a name that no module exports is the AVP
 * of that name. An assignment replaces all its values (case assign/ser-style-attributes).
 */
import type { Context } from '../context.js';
import type { Avp } from '../message-env.js';
import type { PvAccessor } from '../module.js';
import type { Value } from '../values.js';

const SPELLING = /^\$(?:\((?<paren>\w+)\)|(?<track>[ft][rud]?\.|g\.)?(?<name>[A-Za-z_]\w*)(?:\[(?<index>-?\d*)\])?)$/;

/** The attribute that a text spells; undefined where it is no such spelling. */
export function attribute(text: string): PvAccessor | undefined {
  const parts = SPELLING.exec(text)?.groups;
  if (parts === undefined) return undefined;
  const track = parts.track ?? '';
  // The list of the From URI is the one in which `$avp(x)` lives too.
  const prefix = track === '' || track === 'f.' || track === 'fr.' ? '' : track;
  const name = parts.paren ?? parts.name ?? '';
  const index = parts.index;
  return accessor(`s:${prefix}${name}`.toLowerCase(), index === undefined || index === '' ? 0 : Number(index));
}

/** Is the text an attribute by its spelling alone, whatever the variables are called (`$f.x`, `$x[0]`)? */
export function isAttributeOnly(text: string): boolean {
  const parts = SPELLING.exec(text)?.groups;
  return parts !== undefined && (parts.track !== undefined || parts.index !== undefined);
}

function accessor(key: string, index: number): PvAccessor {
  return {
    get(ctx) {
      const stack = ctx.env.avps.get(key);
      if (stack === undefined) return null;
      return stack[index < 0 ? stack.length + index : index]?.value ?? null;
    },
    set: (ctx, value) => assign(ctx, key, value),
  };
}

function assign(ctx: Context, key: string, value: Value): void {
  if (value === null || value === undefined) {
    ctx.env.avps.delete(key);
    return;
  }
  const avp: Avp = { value, flags: 0 };
  ctx.env.avps.set(key, [avp]);
}
