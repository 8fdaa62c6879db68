/** The trace of a running server: while somebody reads it, the script runs in a form that tells of each statement. */
import { LEVEL } from '../runtime/host.js';
import { type RpcDefinition, RpcFault } from '../runtime/module.js';
import { StatementTracer, type TraceLine } from '../runtime/trace.js';
import type { VarStore } from '../runtime/var-store.js';
import { asciiJson } from '../server/recording.js';
import type { Server } from '../server/server.js';

/** Lines kept for the reader, and lines of one answer. */
const KEPT = 10_000;
const PAGE = 400;
/** Without a reader for so long the trace ends. Milliseconds. */
const IDLE = 10_000;

export class LiveTrace {
  readonly #server: Server;
  readonly #tracer: StatementTracer;
  readonly #reload: () => Promise<{ readonly ok: boolean }>;
  readonly #lines: TraceLine[] = [];
  #count = 0;
  #on = false;
  #readAt = 0;

  /** `reload` loads the script anew, with or without `trace` as it is at that moment. */
  constructor(server: Server, vars: VarStore, reload: () => Promise<{ readonly ok: boolean }>) {
    this.#server = server;
    this.#reload = reload;
    this.#tracer = new StatementTracer(vars, (line) => {
      this.#lines[this.#count++ % KEPT] = line;
    });
  }

  /** What a load is to call for each statement; undefined: nobody reads. */
  get hook(): StatementTracer | undefined {
    return this.#on ? this.#tracer : undefined;
  }

  readonly rpc: Readonly<Record<string, RpcDefinition>> = {
    'kamscript.trace': {
      doc: 'Statements that ran, from an index on, as JSON with `lines` and `next`; the first call begins the trace, "off" ends it, and so do 10 s without a call.',
      run: async (_host, [since]) => {
        if (since === 'off') {
          await this.#switch(false);
          return asciiJson({ lines: [], next: this.#count });
        }
        if (!this.#on) await this.#switch(true);
        this.#readAt = performance.now();
        return asciiJson(this.#read(since === undefined ? this.#count : Number(since) || 0));
      },
    },
  };

  #read(since: number): { readonly lines: readonly TraceLine[]; readonly next: number } {
    this.#tracer.flush();
    const from = Math.max(since, this.#count - KEPT);
    const to = Math.min(this.#count, from + PAGE);
    const lines: TraceLine[] = [];
    for (let i = from; i < to; i++) lines.push(this.#lines[i % KEPT]!);
    return { lines, next: to };
  }

  async #switch(on: boolean): Promise<void> {
    if (this.#on === on) return;
    this.#on = on;
    const { ok } = await this.#reload();
    if (on && !ok) {
      this.#on = false;
      throw new RpcFault(500, 'The script on disk has errors, or cannot be taken live: no trace');
    }
    this.#server.host.log.write(LEVEL.NOTICE, '<core>', on ? 'the script is traced' : 'the trace has ended');
    if (on) this.#endWhenIdle();
  }

  #endWhenIdle(): void {
    const { host } = this.#server;
    const timer = host.clock.every(1000, () => {
      if (this.#on && performance.now() - this.#readAt < IDLE) return;
      timer.cancel();
      host.detach(this.#switch(false), 'trace');
    });
  }
}
