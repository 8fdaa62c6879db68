/** Kamailio's db_text: databases that are directories of text files. */
import { isAbsolute, join } from 'node:path';
import { DbError } from '../../runtime/database.js';
import { defineModule, type Host, intParam, LEVEL, RpcAnswers, RpcFault, strParam } from '../../runtime/module.js';
import { textArg } from '../../runtime/rpc.js';
import { printResult, type TextFormat } from './file.js';
import { TextDatabase, TextStore } from './store.js';

interface DbTextParams {
  readonly db_mode: number;
  readonly emptystring: number;
  readonly db_delim: string;
  readonly default_connection: string | null;
  readonly max_result_rows: number;
}

/** Kamailio's own directory of configuration, under which relative places are sought. */
const CONFIG = '/etc/kamailio';

const paramsOf = (host: Host) => host.program.params('db_text') as unknown as DbTextParams;

function formatOf(host: Host): TextFormat {
  const { db_delim, emptystring } = paramsOf(host);
  return { delimiter: db_delim, emptyString: emptystring !== 0 };
}

/** Modules that are loaded before this one may open a database before it has started: its parameters are all it takes. */
function storeOf(host: Host): TextStore {
  return new TextStore(formatOf(host), paramsOf(host).db_mode, () => paramsOf(host).max_result_rows);
}

const stores = new WeakMap<Host, TextStore>();

function shared(host: Host): TextStore {
  let store = stores.get(host);
  if (store === undefined) {
    store = storeOf(host);
    stores.set(host, store);
  }
  return store;
}

async function open(host: Host, place: string): Promise<TextDatabase> {
  if (place === '') throw new DbError('the database URL names no directory');
  return new TextDatabase(shared(host), isAbsolute(place) ? place : join(CONFIG, place));
}

/** The answer's lines. */
async function query(host: Host, statement: string): Promise<string | RpcAnswers> {
  const url = paramsOf(host).default_connection ?? '';
  const place = /^text:\/\/(.+)$/.exec(url)?.[1];
  if (place === undefined) return `invalid connection : ${url}`;
  try {
    const { columns, rows, changed } = await (await open(host, place)).raw(statement);
    if (columns.length === 0) return `${changed} affected rows`;
    if (rows.length === 0) return 'statement returned 0 rows';
    const lines = printResult(columns, rows, formatOf(host));
    return new RpcAnswers([...lines, `\ntotal rows ${rows.length} / ${rows.length}`]);
  } catch (e) {
    if (!(e instanceof DbError)) throw e;
    host.log.write(LEVEL.ERR, 'db_text', e.message);
    return 'error executing sql statement';
  }
}

export const dbText = defineModule({
  name: 'db_text',
  doc: 'Databases that are directories of text files, a table each: db_url "text:///directory".',
  params: {
    db_mode: intParam(0, '0: tables are read once and written at the end; 1: read again when a file has changed.'),
    emptystring: intParam(0, '1: an empty field is an empty text, not null.'),
    file_buffer_size: intParam(16384, 'Greatest length of a field; without effect here.'),
    max_result_rows: intParam(100000, 'Most rows of a result; a query with more fails.'),
    default_connection: strParam(null, 'Database of the RPC command db_text.query: "text:///directory".'),
    db_delim: strParam(':', 'One character between fields.', (text) =>
      text.length === 1 ? undefined : 'db_delim must be a character',
    ),
  },
  rpc: {
    'db_text.query': {
      doc: 'Runs a statement on the database of default_connection: select, delete, update or replace, of one table.',
      run: (host, args) => query(host, textArg(args, 0)),
    },
    'db_text.dump': {
      doc: 'Writes tables that have changed to their files.',
      async run(host) {
        try {
          await shared(host).writeAll();
          return 'Dump OK';
        } catch (e) {
          if (!(e instanceof DbError)) throw e;
          throw new RpcFault(500, e.message);
        }
      },
    },
  },
  database: { open },
  async stop(host) {
    try {
      await shared(host).writeAll();
    } catch (e) {
      if (!(e instanceof DbError)) throw e;
      host.log.write(LEVEL.ERR, 'db_text', e.message);
    }
  },
});
