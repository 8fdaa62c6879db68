/** Kamailio's diversion: the Diversion header of a redirected call (RFC 5806). */
import { defineModule, fn, opt, str, strParam } from '../runtime/module.js';

interface Params {
  readonly suffix: string | null;
}

export const diversion = defineModule({
  name: 'diversion',
  doc: 'Adds the Diversion header, which says who was called before and why the call went on (RFC 5806).',
  params: {
    // the server takes it and does nothing with it (case uac/diversion_header)
    suffix: strParam('', 'Without effect.'),
  },
  functions: {
    add_diversion: fn({
      doc: 'Adds a Diversion above those that are there, with the request URI as received unless another is given.',
      args: [str('reason'), opt(str('uri'))],
      routes: ['request', 'failure', 'branch'],
      example: 'add_diversion("no-answer");',
      run(ctx, _p: Params, reason, uri) {
        const { msg } = ctx;
        const above = msg.named('Diversion')[0];
        const line = `Diversion: <${uri ?? msg.originalUri}>;reason=${reason}\r\n`;
        msg.edits.insertFirst(above?.start ?? msg.headersEnd, line);
        return 1;
      },
    }),
  },
});
