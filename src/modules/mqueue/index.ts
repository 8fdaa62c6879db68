/** Kamailio's mqueue: queues of key and value between parts of a script. */
import { type Database, DbError, openDatabase } from '../../runtime/database.js';
import {
  type BindResult,
  defineModule,
  fn,
  type Host,
  intParam,
  LEVEL,
  listParam,
  type PvDefinition,
  pvWith,
  quoted,
  RpcFault,
  type RpcValue,
  stateKey,
  str,
  strParam,
  toText,
  type Value,
} from '../../runtime/module.js';
import { type Item, putItems, takeItems } from './database.js';

interface QueueSpec {
  readonly name: string;
  /** 0: no limit. */
  readonly size: number;
  /** 1 keeps the old of equal keys, 2 the new. */
  readonly addmode: number;
  /** 1: comes out of the database at start and goes back at the end; 2: comes only; 3: goes only. */
  readonly dbmode: number;
}

interface Queue {
  spec: QueueSpec;
  items: Item[];
  /** What was fetched last: `$mqk`, `$mqv`. */
  current: Item | undefined;
}

interface MqueueParams {
  readonly mqueue: readonly string[];
  readonly mqueue_name: readonly string[];
  readonly mqueue_size: number;
  readonly mqueue_addmode: number;
  readonly db_url: string | null;
}

type MqueueState = Map<string, Queue>;
const MQUEUE = stateKey<MqueueState>('mqueue');

const KEEP_OLD = 1;
const KEEP_NEW = 2;
const EMPTY = -2;

/** `name=q;size=100;addmode=2`. */
function parseQueue(text: string): BindResult<QueueSpec> {
  const fields = new Map<string, string>();
  for (const part of text.split(';').filter((p) => p.trim() !== '')) {
    const at = part.indexOf('=');
    const name = (at < 0 ? part : part.slice(0, at)).trim().toLowerCase();
    if (!['name', 'size', 'dbmode', 'addmode'].includes(name)) return { error: `mqueue: unknown attribute '${name}'` };
    fields.set(name, at < 0 ? '' : part.slice(at + 1).trim());
  }
  const name = fields.get('name') ?? '';
  if (name === '') return { error: `mqueue name not defined: '${text}'` };
  const number = (field: string) => Number.parseInt(fields.get(field) ?? '0', 10) || 0;
  return { ok: { name, size: number('size'), addmode: number('addmode'), dbmode: number('dbmode') } };
}

function specs(params: MqueueParams): { queues: QueueSpec[]; errors: string[] } {
  const queues: QueueSpec[] = [];
  const errors: string[] = [];
  const add = (spec: BindResult<QueueSpec>) => {
    if ('error' in spec) errors.push(spec.error);
    else if (queues.some((q) => q.name === spec.ok.name)) errors.push(`mqueue redefined: '${spec.ok.name}'`);
    else queues.push(spec.ok);
  };
  for (const text of params.mqueue) add(parseQueue(text));
  for (const name of params.mqueue_name)
    add({ ok: { name, size: params.mqueue_size, addmode: params.mqueue_addmode, dbmode: 0 } });
  return { queues, errors };
}

/** Queues that stay keep their items. */
function configure(state: MqueueState, params: MqueueParams): void {
  const { queues } = specs(params);
  for (const name of state.keys()) if (!queues.some((q) => q.name === name)) state.delete(name);
  for (const spec of queues) {
    const queue = state.get(spec.name);
    if (queue === undefined) state.set(spec.name, { spec, items: [], current: undefined });
    else queue.spec = spec;
  }
}

const COMES: readonly number[] = [1, 2];
const GOES: readonly number[] = [1, 3];

/** Does `work` with the queues of these modes. Rejects with a DbError. */
async function inDatabase(
  host: Host,
  state: MqueueState,
  modes: readonly number[],
  work: (db: Database, name: string, queue: Queue) => Promise<void>,
): Promise<void> {
  const queues = [...state].filter(([, queue]) => modes.includes(queue.spec.dbmode));
  if (queues.length === 0) return;
  const { db_url } = host.program.params('mqueue') as unknown as MqueueParams;
  const db = await openDatabase(host, db_url ?? '');
  try {
    for (const [name, queue] of queues) await work(db, name, queue);
  } finally {
    await db.close();
  }
}

function push(queue: Queue, item: Item): void {
  const { addmode, size } = queue.spec;
  if (addmode === KEEP_OLD || addmode === KEEP_NEW) {
    const at = queue.items.findIndex((i) => i.key === item.key);
    if (at >= 0 && addmode === KEEP_OLD) return;
    if (at >= 0) queue.items.splice(at, 1);
  }
  queue.items.push(item);
  if (size > 0 && queue.items.length > size) queue.items.shift();
}

function fetch(queue: Queue | undefined): number {
  if (queue === undefined) return -1;
  queue.current = queue.items.shift();
  return queue.current === undefined ? EMPTY : 1;
}

/** `$name(queue)`; a queue that nobody defined makes the read fail. */
function queuePv(doc: string, get: (queue: Queue) => Value): PvDefinition {
  return pvWith({
    doc,
    bind(use) {
      const key = use.key;
      if (key === undefined) return { error: `$${use.name} wants the name of a queue` };
      return {
        ok: {
          get(ctx) {
            const name = key.kind === 'text' ? key.text : toText(key.get(ctx));
            const queue = ctx.host.state(MQUEUE).get(name);
            return queue === undefined ? undefined : get(queue);
          },
        },
      };
    },
  });
}

function named(host: Host, args: readonly RpcValue[], code: number): [string, Queue] {
  const name = typeof args[0] === 'number' ? String(args[0]) : args[0];
  if (typeof name !== 'string' || name === '') throw new RpcFault(code, 'No queue name');
  const queue = host.state(MQUEUE).get(name);
  if (queue === undefined) throw new RpcFault(code === 400 ? 404 : code, 'No such queue');
  return [name, queue];
}

export const mqueue = defineModule({
  name: 'mqueue',
  doc: 'Queues of key and value, first in first out, between parts of a script.',
  params: {
    mqueue: listParam(
      'Defines a queue: "name=q;size=100;addmode=0". `addmode` 1 keeps the old of equal keys, 2 the new.',
      (text) => {
        const spec = parseQueue(text);
        return 'error' in spec ? spec.error : undefined;
      },
    ),
    mqueue_name: listParam('Defines a queue by name, with `mqueue_size` and `mqueue_addmode`.'),
    mqueue_size: intParam(0, 'Size of queues defined by `mqueue_name`; 0 for no limit.'),
    mqueue_addmode: intParam(0, '`addmode` of queues defined by `mqueue_name`.'),
    db_url: strParam(null, 'Database of queues with `dbmode`: a table for each, with columns id, key and val.'),
  },
  functions: {
    mq_add: fn({
      doc: 'Puts a key and a value at the end; the oldest goes when the queue is full.',
      args: [quoted(str('queue')), quoted(str('key')), quoted(str('value'))],
      run(ctx, _params: unknown, name, key, value) {
        const queue = ctx.host.state(MQUEUE).get(name);
        if (queue !== undefined) push(queue, { key, value });
        return queue === undefined ? -1 : 1;
      },
    }),
    mq_fetch: fn({
      doc: 'Takes the oldest off for `$mqk(queue)` and `$mqv(queue)`; false (-2) when the queue is empty.',
      args: [str('queue')],
      run: (ctx, _params: unknown, name) => fetch(ctx.host.state(MQUEUE).get(name)),
    }),
    mq_pv_free: fn({
      doc: 'Forgets what was fetched last.',
      args: [str('queue')],
      run(ctx, _params: unknown, name) {
        const queue = ctx.host.state(MQUEUE).get(name);
        if (queue !== undefined) queue.current = undefined;
        return 1;
      },
    }),
    mq_size: fn({
      doc: 'How many are in the queue; -1 when it is empty, -2 when there is no such queue.',
      args: [str('queue')],
      run: (ctx, _params: unknown, name) => {
        const size = ctx.host.state(MQUEUE).get(name)?.items.length ?? -1;
        return size > 0 ? size : size - 1;
      },
    }),
  },
  pvs: {
    mqk: queuePv('Key of what was fetched last; null when there is none.', (queue) => queue.current?.key || null),
    mqv: queuePv('Value of what was fetched last; null when there is none.', (queue) => queue.current?.value || null),
    mq_size: queuePv('How many are in the queue.', (queue) => queue.items.length),
  },
  rpc: {
    'mqueue.get_size': {
      doc: 'How many are in a queue: QUEUE.',
      run(host, args) {
        const [name, queue] = named(host, args, 400);
        return { name, size: queue.items.length };
      },
    },
    'mqueue.get_sizes': {
      doc: 'How many are in each queue.',
      returnsArray: true,
      run: (host) => [...host.state(MQUEUE)].reverse().map(([name, queue]) => ({ name, size: queue.items.length })),
    },
    'mqueue.fetch': {
      doc: 'Takes the oldest off a queue: QUEUE.',
      run(host, args) {
        const [, queue] = named(host, args, 500);
        if (fetch(queue) === EMPTY || queue.current === undefined) throw new RpcFault(404, 'Empty queue');
        return { key: queue.current.key, val: queue.current.value };
      },
    },
  },
  check: (params) => specs(params as unknown as MqueueParams).errors.filter((e) => e.startsWith('mqueue redefined')),
  async start(host, params): Promise<MqueueState> {
    const state: MqueueState = new Map();
    configure(state, params as unknown as MqueueParams);
    await inDatabase(host, state, COMES, async (db, name, queue) => {
      for (const item of await takeItems(db, name)) push(queue, item);
    });
    return state;
  },
  reload: (_host, state, params) => configure(state as MqueueState, params as unknown as MqueueParams),
  async stop(host, state) {
    try {
      await inDatabase(host, state as MqueueState, GOES, (db, name, queue) => putItems(db, name, queue.items));
    } catch (e) {
      if (!(e instanceof DbError)) throw e;
      host.log.write(LEVEL.ERR, 'mqueue', e.message);
    }
  },
});
