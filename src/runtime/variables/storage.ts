/** `$var`, `$vz`, `$vn` and `$shv`: values that survive messages (variables.md, section 4). */
import type { Context } from '../context.js';
import { type PvAccessor, type PvDefinition, pvWith, type VarCell } from '../module.js';
import { Dual, type Value } from '../values.js';
import { isNull } from './support.js';

/** What a cell keeps: int or text. A dual counts as text, an int with its own text as int. */
export function storedValue(value: Value): number | string | null {
  if (value instanceof Dual) return value.isInt ? value.int : value.text;
  return value ?? null;
}

function cellAccessor(cell: VarCell, nullable: boolean): PvAccessor {
  return {
    cell,
    ...(nullable ? { nullable } : {}),
    get: () => cell.v,
    set: (_ctx, value) => {
      cell.v = isNull(value) ? (nullable ? null : 0) : storedValue(value);
    },
  };
}

const zeroBased = pvWith({
  doc: 'A variable of the script that survives messages; 0 at first, and after $null.',
  writable: true,
  example: '$var(n) = 2;\n$var(n) = $var(n) + 3;\nxlog("$var(n) $var(unset)\\n");\n#> 5 0',
  bind: (use, env) => ({ ok: cellAccessor(env.vars.cell(use.key?.text ?? ''), false) }),
});

export const STORAGE: Readonly<Record<string, PvDefinition>> = {
  var: zeroBased,
  vz: zeroBased,
  vn: pvWith({
    doc: 'As $var, with names of its own; null at first, and after $null.',
    writable: true,
    bind: (use, env) => ({ ok: cellAccessor(env.vars.nullableCell(use.key?.text ?? ''), true) }),
  }),
  shv: pvWith({
    doc: 'A variable shared by all workers; 0 at first, "" after $null.',
    writable: true,
    bind(use) {
      const name = use.key?.text ?? '';
      return {
        ok: {
          get: ({ host }: Context) => host.shared.get(name) ?? 0,
          set: ({ host }: Context, value: Value) => void host.shared.set(name, storedValue(value) ?? ''),
        },
      };
    },
  }),
};
