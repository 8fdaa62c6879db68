/** How pipes of ratelimit and pipelimit decide: the algorithms that both modules share. */
import { cpus } from 'node:os';

/** Algorithms by their numbers in Kamailio. */
const ALGORITHMS = ['NOP', 'RED', 'TAILDROP', 'FEEDBACK', 'NETWORK'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** By its name in capitals, as Kamailio wants it. */
export function algorithmOf(name: string): Algorithm | undefined {
  return ALGORITHMS.find((a) => a === name);
}

export function algorithmId(algorithm: Algorithm): number {
  return ALGORITHMS.indexOf(algorithm);
}

export interface Pipe {
  algorithm: Algorithm;
  limit: number;
  counter: number;
  lastCounter: number;
  /** How many times over its limit the pipe was in the last interval; of NETWORK 1 when too much waits, else -1. */
  load: number;
}

export function newPipe(algorithm: Algorithm, limit: number): Pipe {
  return { algorithm, limit, counter: 0, lastCounter: 0, load: 0 };
}

export const PASSES = 1;
export const DROPPED = -1;

/** Steps through 0…99 in a fixed disorder, so that what is dropped is spread evenly. */
const SPREAD = 37;

/** Counts one more message; `units` is what the limit is multiplied with. */
export function push(pipe: Pipe, units: number, feedback: Feedback): number {
  pipe.counter++;
  switch (pipe.algorithm) {
    case 'TAILDROP':
      return pipe.counter <= pipe.limit * units ? PASSES : DROPPED;
    case 'RED':
      return pipe.load === 0 || pipe.counter % pipe.load === 0 ? PASSES : DROPPED;
    case 'NETWORK':
      return pipe.load > 0 ? DROPPED : PASSES;
    case 'NOP':
      return PASSES;
    case 'FEEDBACK':
      return (pipe.counter * SPREAD) % 100 < feedback.dropRate ? DROPPED : PASSES;
  }
}

/** Begins an interval; `waiting` is asked for the bytes that wait in the sockets. */
export function turn(pipe: Pipe, units: number, waiting: () => number): void {
  if (pipe.algorithm === 'NETWORK') pipe.load = waiting() > pipe.limit ? 1 : -1;
  else if (pipe.limit > 0 && units > 0) pipe.load = Math.trunc(pipe.counter / (pipe.limit * units));
  pipe.lastCounter = pipe.counter;
  pipe.counter = 0;
}

/** FEEDBACK: a PID controller that holds the load of the processors at a set point. */
export class Feedback {
  kp = 0;
  ki = -25;
  kd = 0;
  /** 0…1. */
  setpoint = 0;
  load = 0;
  /** Percent. */
  dropRate = 0;
  #integral = 0;
  #lastError = 0;
  #idle = 0;
  #total = 0;

  /** Reads the load since the last call. */
  measure(): void {
    let idle = 0;
    let total = 0;
    for (const { times } of cpus()) {
      idle += times.idle;
      total += times.user + times.nice + times.sys + times.idle + times.irq;
    }
    const passed = total - this.#total;
    if (this.#total > 0 && passed > 0) this.load = Math.min(1, Math.max(0, 1 - (idle - this.#idle) / passed));
    this.#idle = idle;
    this.#total = total;
    this.update();
  }

  update(): void {
    const error = this.setpoint - this.load;
    const change = error - this.#lastError;
    if (this.#integral < 0 || error < 0) this.#integral += error;
    this.#lastError = error;
    this.dropRate = Math.max(0, Math.trunc(this.kp * error + this.ki * this.#integral + this.kd * change));
  }

  toString(): string {
    return `ki[${this.ki.toFixed(6)}] kp[${this.kp.toFixed(6)}] kd[${this.kd.toFixed(6)}] `;
  }
}
