/** Module acc: accounting of transactions in the log and in a database. */
import type { Context } from '../../runtime/context.js';
import { openDatabase } from '../../runtime/database.js';
import { defineModule, fn, type Host, LEVEL, str } from '../../runtime/module.js';
import { accountCalls } from './calls.js';
import { bindParams, params } from './params.js';
import { ACC, type Acc, commented, hasDatabase, TITLE, writeLog, writeRows } from './record.js';
import { accountTransactions } from './transactions.js';

async function toTable(ctx: Context, comment: string, table: string): Promise<number> {
  if (!hasDatabase(ctx.host)) {
    ctx.host.log.write(LEVEL.ERR, 'acc', 'db support not configured\n');
    return -1;
  }
  return await writeRows(ctx, table, commented(ctx, comment));
}

const withDatabase = (env: { params(module: string): Readonly<Record<string, unknown>> }) =>
  Boolean(env.params('acc').db_url);

export const acc = defineModule({
  name: 'acc',
  doc: 'Accounting: what became of requests that the script marked with flags, written to the log and to a database.',
  needs: ['tm'],
  missing: ['engines of other modules (acc_radius, acc_json)'],
  params,
  atStart: ['db_url'],
  functions: {
    acc_log_request: fn({
      doc: 'Writes the request to the log, with a comment that may begin with a status.',
      args: [str('comment')],
      example: 'acc_log_request("404 Not found");',
      check: ([comment]) =>
        comment?.kind === 'constant' && comment.text === '' ? 'the first parameter is empty' : undefined,
      run: (ctx, _p: unknown, comment) => writeLog(ctx, TITLE.REQUEST, commented(ctx, comment)),
    }),
    acc_db_request: fn({
      doc: 'Writes the request to that table of the database.',
      args: [str('comment'), str('table')],
      waits: withDatabase,
      run: (ctx, _p: unknown, comment, table) => toTable(ctx, comment, table),
    }),
    acc_request: fn({
      doc: 'Writes the request to the log and, where there is a database, to that table.',
      args: [str('comment'), str('table')],
      waits: withDatabase,
      run(ctx, _p: unknown, comment, table) {
        const outcome = commented(ctx, comment);
        const logged = writeLog(ctx, TITLE.REQUEST, outcome);
        return hasDatabase(ctx.host) ? writeRows(ctx, table, outcome) : logged;
      },
    }),
  },
  check(values, env) {
    const problems = bindParams(values, env);
    if (values.detect_direction !== 0 && env.params('rr').append_fromtag !== 1)
      problems.push('detect_direction needs module rr with append_fromtag');
    if (values.cdr_enable !== 0 && env.params('dialog').dlg_match_mode === undefined)
      problems.push('cdr_enable needs module dialog');
    return problems;
  },
  async start(host, values): Promise<Acc> {
    accountTransactions(host);
    const url = typeof values.db_url === 'string' ? values.db_url : '';
    return { db: url === '' ? null : await openDatabase(host, url) };
  },
  ready: (host) => accountCalls(host),
  async stop(host: Host) {
    await host.state(ACC).db?.close();
  },
});
