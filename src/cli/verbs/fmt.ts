/** `kamscript fmt FILE…`: scripts in one style. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { formatSafely } from '../../parser/format.js';

interface Options {
  readonly check?: boolean;
}

export function addFmt(program: Command, setStatus: (status: number) => void): void {
  program
    .command('fmt')
    .description('format scripts in place: indentation and blanks alone; - formats standard input')
    .argument('<file...>', 'scripts')
    .option('-c, --check', 'change nothing; status 1 when a file is not formatted')
    .action((files: string[], options: Options) => setStatus(format(files, options)));
}

/** Exit status: 0 all is formatted, 1 with --check some is not, 2 a file cannot be read or formatted. */
function format(files: readonly string[], options: Options): number {
  let status = 0;
  for (const file of files) status = Math.max(status, formatFile(file, options));
  return status;
}

function formatFile(file: string, { check = false }: Options): number {
  let text: string;
  try {
    text = readFileSync(file === '-' ? 0 : file, 'latin1');
  } catch (e) {
    const { code, message } = e as NodeJS.ErrnoException;
    if (code === undefined) throw e;
    process.stderr.write(`${file}: cannot be read: ${message}\n`);
    return 2;
  }
  const formatted = formatSafely(file, text, { env: process.env });
  if (formatted === undefined) {
    process.stderr.write(`${file}: left as it is: formatted, it would say something else\n`);
    return 2;
  }
  if (file === '-' && !check) process.stdout.write(Buffer.from(formatted, 'latin1'));
  if (formatted === text) return 0;
  if (check) {
    process.stdout.write(`${file}: not formatted\n`);
    return 1;
  }
  if (file !== '-') {
    writeFileSync(file, formatted, 'latin1');
    process.stdout.write(`${file}: formatted\n`);
  }
  return 0;
}
