/** Kamailio's db_text: databases that are directories of text files. */
import { isAbsolute, join } from 'node:path';
import { type Database, DbError } from '../../runtime/database.js';
import { defineModule, type Host, intParam, LEVEL, RpcFault, strParam } from '../../runtime/module.js';
import { TextDatabase, TextStore } from './store.js';

interface DbTextParams {
  readonly db_mode: number;
  readonly emptystring: number;
  readonly db_delim: string;
}

/** Kamailio's own directory of configuration, under which relative places are sought. */
const CONFIG = '/etc/kamailio';

/** Modules that are loaded before this one may open a database before it has started: its parameters are all it takes. */
function storeOf(host: Host): TextStore {
  const params = host.program.params('db_text') as unknown as DbTextParams;
  return new TextStore({ delimiter: params.db_delim, emptyString: params.emptystring !== 0 }, params.db_mode);
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

async function open(host: Host, place: string): Promise<Database> {
  if (place === '') throw new DbError('the database URL names no directory');
  return new TextDatabase(shared(host), isAbsolute(place) ? place : join(CONFIG, place));
}

export const dbText = defineModule({
  name: 'db_text',
  doc: 'Databases that are directories of text files, a table each: db_url "text:///directory".',
  params: {
    db_mode: intParam(0, '0: tables are read once and written at the end; 1: read again when a file has changed.'),
    emptystring: intParam(0, '1: an empty field is an empty text, not null.'),
    file_buffer_size: intParam(16384, 'Greatest length of a field; without effect here.'),
    max_result_rows: intParam(100000, 'Rows that db_text.query prints at most; without effect here.'),
    db_delim: strParam(':', 'One character between fields.', (text) =>
      text.length === 1 ? undefined : 'db_delim must be a character',
    ),
  },
  rpc: {
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
  missing: ['default_connection', 'db_text.query (SQL by RPC)', 'raw queries'],
  async stop(host) {
    try {
      await shared(host).writeAll();
    } catch (e) {
      if (!(e instanceof DbError)) throw e;
      host.log.write(LEVEL.ERR, 'db_text', e.message);
    }
  },
});
