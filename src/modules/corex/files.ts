/** Files read and written by the script, at once as in Kamailio: meant for small local ones. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Context } from '../../runtime/context.js';
import { fn, LEVEL, str, variable } from '../../runtime/module.js';

function refused(ctx: Context, text: string): number {
  ctx.host.log.write(LEVEL.ERR, 'corex', `${text}\n`);
  return -1;
}

export const FILE_FUNCTIONS = {
  file_read: fn({
    doc: 'Reads a whole file into the variable; a relative name is taken from the working directory.',
    args: [
      { ...str('file'), dynamic: false },
      { ...variable('content', { writable: true }), dynamic: false },
    ],
    run(ctx, _params, file, target) {
      if (file === '') return refused(ctx, 'cannot get file path');
      let text: string;
      try {
        text = readFileSync(file, 'latin1');
      } catch {
        return refused(ctx, `cannot open file: ${file}`);
      }
      target.set!(ctx, text);
      return 1;
    },
  }),
  file_write: fn({
    doc: 'Writes the text as the whole file; an empty text is refused.',
    args: [str('file'), str('text')],
    run(ctx, _params, file, text) {
      if (file === '') return refused(ctx, 'cannot get file path');
      if (text === '') return refused(ctx, 'cannot get the content');
      try {
        writeFileSync(file, text, 'latin1');
      } catch {
        return refused(ctx, `cannot open file: ${file}`);
      }
      return 1;
    },
  }),
};
