/** What one step of a test did: everything that was seen from it until the next step. */
import type { Span } from '../parser/problem.js';
import { type Context, STOP } from '../runtime/context.js';
import type { Message } from './message.js';
import type { Call } from './mocks.js';

export interface LogLine {
  /** Kamailio's number: -1 error, 0 warning, 2 info, 3 debug. */
  readonly level: number;
  /** `ERROR`, `WARNING`, `INFO` … */
  readonly severity: string;
  /** `<script>`, `<core>` or the name of a module. */
  readonly origin: string;
  readonly text: string;
}

/** A message for NSQ that the script published, or a query that it asked. */
export interface Publication {
  readonly topic: string;
  readonly payload: string;
  readonly query: boolean;
}

/** A top-level block that ran. */
export interface RouteRun {
  /** `request_route`, `event_route[nsq:consumer-event]`, `failure_route[X]` … */
  readonly route: string;
  /** Undefined while it waits. */
  code: number | undefined;
  /** How it ended; undefined while it waits. */
  ended: 'end' | 'exit' | 'drop' | undefined;
}

/** One of the names of event routes that an NSQ event tries. */
export interface Candidate {
  readonly name: string;
  readonly exists: boolean;
  /** `file:line` of the route. */
  readonly where: string | undefined;
  readonly runs: boolean;
  /** What the name is made of, and why it runs or does not. */
  readonly why: string;
}

export class Run {
  /** Everything that was sent, in order. */
  readonly sent: Message[] = [];
  readonly log: LogLine[] = [];
  readonly published: Publication[] = [];
  /** Functions of modules that were called, in order. */
  readonly calls: Call[] = [];
  /** Top-level blocks that ran, in order. */
  readonly tops: RouteRun[] = [];
  /** All blocks that were entered, sub-routes included: `request_route`, `route[RELAY]` … */
  readonly path: string[] = [];
  /** `file:line` of each statement that ran. */
  readonly lines: string[] = [];
  /** Of `s.nsq()`: the event route that ran, if any. */
  eventRoute: string | undefined;
  /** Of `s.nsq()`: the five names, in the order in which they are tried. Empty: the payload is no JSON. */
  candidates: readonly Candidate[] = [];
  /** Of `s.nsq()`: what nsqd is told of the message; undefined while a route still waits. */
  verdict: 'finished' | 'requeued' | undefined;
  /** Context of the last top-level block that began: variables are read from it. */
  context: Context | undefined;

  /** Replies that were sent. */
  get replies(): Message[] {
    return this.sent.filter((m) => m.status !== undefined);
  }

  /** Status of the last reply. */
  get status(): number | undefined {
    return this.replies.at(-1)?.status;
  }

  /** Requests that were sent: forwarded, or the server's own. */
  get requests(): Message[] {
    return this.sent.filter((m) => m.status === undefined);
  }

  /** Requests that were sent to other servers and phones: all but those of the DMQ bus. */
  get forwarded(): Message[] {
    return this.requests.filter((m) => m.method !== 'KDMQ');
  }

  /** Messages of the DMQ bus that were sent. */
  get kdmq(): Message[] {
    return this.requests.filter((m) => m.method === 'KDMQ');
  }

  /** Texts that the script logged with xlog() and its kin. */
  get xlog(): string[] {
    return this.log.filter((l) => l.origin === '<script>').map((l) => l.text);
  }

  /** Log lines of errors. */
  get errors(): string[] {
    return this.log.filter((l) => l.level < 0).map((l) => `${l.origin}: ${l.text}`);
  }

  /** Code of the first block that ran. */
  get code(): number | undefined {
    return this.tops[0]?.code;
  }

  /** How the first block ended. */
  get ended(): RouteRun['ended'] {
    return this.tops[0]?.ended;
  }

  /** Does a block still wait, for time or for an answer? */
  get waiting(): boolean {
    return this.tops.some((t) => t.ended === undefined);
  }
}

export function howItEnded(ctx: Context): 'end' | 'exit' | 'drop' {
  return ctx.stop === STOP.DROP ? 'drop' : ctx.stop === STOP.EXIT ? 'exit' : 'end';
}

export function placeOf(span: Span): string {
  return `${span.file}:${span.line}`;
}
