/** A piece of generated expression and how to have it as another type. */
export interface Code {
  readonly js: string;
  /** `bool`: a JavaScript boolean that stands for 0 or 1. `any`: a Value known only at run time. */
  readonly type: 'int' | 'str' | 'any' | 'bool';
  /** May throw EXPRESSION_ERROR. */
  readonly fallible: boolean;
  /** Runs functions or routes: `c.stop` may be set afterwards. */
  readonly calls: boolean;
  /** selval(): an error wherever an int is wanted. */
  readonly selval?: boolean;
  /** It is one variable and nothing else: a direct assignment hands its value over as it is. */
  readonly variable?: boolean;
  /** The raw code of a call, for a direct assignment. */
  readonly raw?: string;
}

export function code(type: Code['type'], js: string, parts: readonly Code[] = [], more: Partial<Code> = {}): Code {
  return { js, type, fallible: parts.some((p) => p.fallible), calls: parts.some((p) => p.calls), ...more };
}

export function asInt(c: Code): string {
  if (c.selval) return '$fail()';
  if (c.type === 'bool') return `(${c.js} ? 1 : 0)`;
  if (c.type === 'int') return c.js;
  return isCell(c) ? `(typeof ${c.js} === "number" ? ${c.js} : $I(${c.js}))` : `$I(${c.js})`;
}

/** The cell of a `$var`: reading it twice costs nothing and does nothing. */
export function isCell(c: Code): boolean {
  return c.type === 'any' && /^k\d+\.v$/.test(c.js);
}

export function asText(c: Code): string {
  if (c.type === 'bool') return `(${c.js} ? "1" : "0")`;
  if (c.type === 'int') return `("" + ${c.js})`;
  return c.type === 'str' ? c.js : `$T(${c.js})`;
}

export function asValue(c: Code): string {
  return c.type === 'bool' ? `(${c.js} ? 1 : 0)` : c.js;
}

/** For `if` and selval: above zero. */
export function positive(c: Code): string {
  if (c.type === 'bool' && !c.selval) return c.js;
  return `(${asInt(c)} > 0)`;
}

/** For while, &&, ||, !: not zero. */
export function nonZero(c: Code): string {
  if (c.type === 'bool' && !c.selval) return c.js;
  return `(${asInt(c)} !== 0)`;
}

export function mayFail(c: Code): boolean {
  return c.fallible || c.selval === true;
}
