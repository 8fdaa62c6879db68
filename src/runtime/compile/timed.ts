/** latency_limit_action: a script that sets it measures each of its actions. */
import type { CallExpr, Statement } from '../../parser/tree.js';
import { actionOf } from '../actions.js';
import { type Context, STOP } from '../context.js';
import { coreOf } from '../core/facts.js';
import type { Scope } from './unit.js';

interface Measured {
  /** As the log shows it: `xlog (25)`. */
  readonly action: string;
  readonly file: string;
  readonly line: number;
  /** Microseconds. */
  readonly limit: number;
}

function tell(c: Context, begin: number, m: Measured): void {
  const { log, clock } = c.host;
  const took = clock.micros() - begin;
  const level = coreOf(c.program).latencyLog;
  if (took < m.limit || level > log.level) return;
  log.write(level, '<core>', `alert - action [${m.action}] cfg [${m.file}:${m.line}] took too long [${took} us]\n`);
}

type Code = number | Promise<number>;

function timeCall(c: Context, m: Measured, call: () => Code): Code {
  const begin = c.host.clock.micros();
  const code = call();
  if (code instanceof Promise) {
    return code.then((value) => {
      tell(c, begin, m);
      return value;
    });
  }
  tell(c, begin, m);
  return code;
}

function now(c: Context): number {
  return c.host.clock.micros();
}

/** As in 5.6.3, what ends the whole run is not measured. */
function end(c: Context, begin: number, m: Measured): void {
  if (c.stop === STOP.NONE) tell(c, begin, m);
}

function measured(at: Statement | CallExpr, scope: Scope): Measured | undefined {
  const limit = Number(scope.unit.core.values.get('latency_limit_action') ?? 0);
  if (limit <= 0) return undefined;
  const { name, number } = actionOf(at);
  return {
    action: `${at.kind === 'call' ? name : 'corefunc'} (${number})`,
    file: at.span.file,
    line: at.span.line,
    limit,
  };
}

/** The call of a module's function, measured. */
export function timedCall(js: string, call: CallExpr, scope: Scope): string {
  const m = measured(call, scope);
  if (m === undefined) return js;
  const { emitter } = scope.unit;
  return `${emitter.constant(timeCall)}(c, ${emitter.constant(m)}, () => ${js})`;
}

/** Runs `emit`, which writes the code of the statement, with code around it that measures; calls measure themselves. */
export function timedStatement(s: Statement, scope: Scope, emit: () => void): void {
  const m = s.kind === 'call' || s.kind === 'empty' ? undefined : measured(s, scope);
  if (m === undefined) return emit();
  const { emitter } = scope.unit;
  emitter.line(`{ const b = ${emitter.constant(now)}(c); try {`, s.span);
  emit();
  emitter.line(`} finally { ${emitter.constant(end)}(c, b, ${emitter.constant(m)}); } }`, s.span);
}
