/**
 * Stopping at each statement: the table that 5.6.3 keeps of a process, and what `dbg.bp` does to it. There is one process here;
 * a run that stops waits by itself, and others that come meanwhile stop behind it.
 */
import path from 'node:path';
import type { Statement } from '../../parser/tree.js';
import { actionOf } from '../../runtime/actions.js';
import { evaluate } from '../../runtime/evaluate.js';
import { type Host, isInt, type RouteContext, RpcFault, type RpcValue, toInt, toText } from '../../runtime/module.js';
import type { Value } from '../../runtime/values.js';
import type { VarCell } from '../../runtime/var-store.js';

/** As `dbg.ls` tells them. */
const STATE = { INIT: 0, WAIT: 1, NEXT: 2 } as const;
const COMMAND = { NOP: 0, NEXT: 3, MOVE: 4, SHOW: 5, EVAL: 6, LOG: 7 } as const;

/** Bits of `set` in `dbg.ls`. */
export const SET = { TRACE: 1, BREAKPOINTS: 2, TEST: 8 } as const;

const OK = '200 ok';
/** An answer has room for this many characters, a variable for one more. */
const ROOM = 255;

/** A run that waits at a statement. */
interface Stop {
  readonly ctx: RouteContext;
  readonly at: Statement;
  /** `$var` of this run: others have theirs meanwhile. */
  readonly vars: readonly (readonly [VarCell, Value])[];
  readonly goOn: () => void;
}

export interface StopSettings {
  readonly step_usleep: number;
  readonly step_loops: number;
  readonly log_level: number;
}

/** `[file:line] a=25 n=xlog`, in the two spellings that it is told in. */
function placeOf(at: Statement, form: (file: string, line: number) => string): string {
  const { number, name } = actionOf(at);
  return `${form(path.resolve(at.span.file), at.span.line)} a=${number} n=${name}`;
}

const inBrackets = (file: string, line: number) => `[${file}:${line}]`;

/** As `t=str v=…`. */
function described(name: string, value: Value): string {
  if (value === null) return `${name} : t=null`;
  return isInt(value) ? `${name} : t=int v=${toInt(value)}` : `${name} : t=str v=${toText(value)}`;
}

export class Breakpoints {
  readonly #host: Host;
  readonly #settings: () => StopSettings;
  on = false;
  state: number = STATE.INIT;
  /** The command that waits for a run, its variable, and who asked. */
  command: number = COMMAND.NOP;
  #variable = '';
  askedBy = 0;
  #answered: ((text: string) => void) | undefined;
  /** Runs that wait; commands are for the first. */
  readonly #stops: Stop[] = [];
  /** The run that went on last: it comes before others when it stops again. */
  #last: RouteContext | undefined;

  constructor(host: Host, settings: () => StopSettings) {
    this.#host = host;
    this.#settings = settings;
  }

  /** Of how many runs wait. */
  get waiting(): number {
    return this.#stops.length;
  }

  turn(on: boolean): void {
    this.on = on;
    this.#host.program.stopping?.(on);
  }

  /** A run comes to a statement. A promise: it stops there. */
  // biome-ignore lint/suspicious/noConfusingVoidType: as Watch
  reached(ctx: RouteContext, at: Statement): Promise<number> | void {
    if (!this.on) return;
    if (this.state === STATE.INIT) {
      this.#tell(`breakpoint hit: p=[${this.#host.pid}] ${placeOf(at, (file, line) => `c=[${file}] l=${line}`)}`);
      this.command = COMMAND.NOP;
      this.state = STATE.WAIT;
    }
    return new Promise((resolve) => {
      const stop: Stop = { ctx, at, vars: this.#host.vars.save(), goOn: () => resolve(0) };
      if (this.#last === ctx) this.#stops.unshift(stop);
      else this.#stops.push(stop);
      this.#serve();
    });
  }

  /** Lets all that wait go on, for good. */
  letGo(): void {
    this.turn(false);
    this.state = STATE.INIT;
    for (const stop of this.#stops.splice(0)) stop.goOn();
  }

  #tell(text: string): void {
    const { log } = this.#host;
    const level = this.#settings().log_level;
    if (level <= (log.levels?.get('debugger') ?? log.level)) log.write(level, 'debugger', `${text}\n`);
  }

  /** Carries the command out on the first run that waits. */
  #serve(): void {
    const [stop] = this.#stops;
    const { command } = this;
    if (stop === undefined || command === COMMAND.NOP) return;
    this.command = COMMAND.NOP;
    if (command === COMMAND.MOVE) {
      this.state = STATE.INIT;
      this.askedBy = 0;
      // those behind it stop no more either
      for (const each of this.#stops.splice(0)) each.goOn();
    } else if (command === COMMAND.NEXT) {
      if (this.state === STATE.WAIT) this.state = STATE.NEXT;
      this.#answer(`exec ${placeOf(stop.at, inBrackets)}`);
      this.#stops.shift();
      this.#last = stop.ctx;
      stop.goOn();
    } else if (command === COMMAND.SHOW) this.#answer(`at bkp ${placeOf(stop.at, inBrackets)}`);
    else this.#evaluate(stop, command === COMMAND.LOG);
  }

  #answer(text: string): void {
    this.#answered?.(text.slice(0, ROOM));
    this.#answered = undefined;
  }

  #evaluate(stop: Stop, toLog: boolean): void {
    const { vars } = this.#host;
    const name = this.#variable;
    const others = vars.save();
    vars.restore(stop.vars);
    const found = evaluate(name, stop.ctx, stop.ctx.program, vars);
    vars.restore(others);
    if ('error' in found) return this.#host.log.write(-1, 'debugger', `unable to parse pv [${name}]\n`);
    if (found.ok === undefined) return this.#host.log.write(-1, 'debugger', `unable to get pv value for [${name}]\n`);
    const text = described(name, found.ok);
    if (toLog) this.#tell(`breakpoint eval: ${text}`);
    else this.#answer(text);
  }

  #ask(command: number): void {
    this.askedBy = this.#host.pid;
    this.command = command;
  }

  /** Hands a command to the run that waits, or to the next that does; without one in time the answer is as if all was well. */
  #asked(command: number): Promise<string> {
    const { step_usleep, step_loops } = this.#settings();
    return new Promise((resolve) => {
      const timer = this.#host.clock.after(Math.max(1, (step_usleep / 1000) * step_loops), () => {
        this.#answered = undefined;
        resolve(OK);
      });
      this.#answered = (text) => {
        timer.cancel();
        resolve(text);
      };
      this.#ask(command);
      this.#serve();
    });
  }

  /** `dbg.bp COMMAND [PID] [VARIABLE]`. */
  run([command, pid, variable]: readonly RpcValue[]): string | Promise<string> {
    if (typeof command !== 'string') throw new RpcFault(500, 'Config breakpoint command missing');
    const known = typeof pid === 'number' || (typeof pid === 'string' && /^\d+$/.test(pid));
    if (known && Number(pid) !== this.#host.pid) throw new RpcFault(500, 'No such pid');
    const simple = SIMPLE[command];
    if (simple !== undefined) simple(this);
    else if (!OF_PROCESS.has(command)) throw new RpcFault(500, 'Unknown inner command');
    else if (!known) throw new RpcFault(500, 'Missing pid parameter');
    else return this.#ofProcess(command, variable);
    return OK;
  }

  #ofProcess(command: string, variable: RpcValue | undefined): string | Promise<string> {
    if (command === 'next') return this.#asked(COMMAND.NEXT);
    if (command === 'show') return this.#asked(COMMAND.SHOW);
    if (command === 'move' && this.state !== STATE.INIT) {
      this.turn(false);
      this.#ask(COMMAND.MOVE);
      this.#serve();
    }
    if (command !== 'eval' && command !== 'log') return OK;
    if (typeof variable !== 'string') throw new RpcFault(500, 'pv param missing');
    if (variable.length < 2 || variable.length > ROOM) throw new RpcFault(500, 'invalid pv param');
    this.#variable = variable;
    if (command === 'eval') return this.#asked(COMMAND.EVAL);
    this.#ask(COMMAND.LOG);
    this.#serve();
    return OK;
  }
}

/** Commands for all processes. */
const SIMPLE: Readonly<Record<string, (b: Breakpoints) => void>> = {
  on(b) {
    b.turn(true);
    b.state = STATE.INIT;
  },
  off(b) {
    b.turn(false);
    b.state = STATE.INIT;
  },
  release(b) {
    if (b.state === STATE.WAIT) return;
    b.turn(false);
    b.state = STATE.INIT;
  },
};

/** Those for one process; `keep` turns off the others, of which there are none. */
const OF_PROCESS: ReadonlySet<string> = new Set(['keep', 'move', 'next', 'show', 'eval', 'log']);
