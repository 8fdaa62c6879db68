/** `kamscript explain FILE --nsq JSON`: which event routes an event tries, in order, and which runs. */
import type { Command } from 'commander';
import { type EventExplanation, explainEvent } from '../../modules/nsq/event-routes.js';
import { renderProblem } from '../../parser/index.js';
import type { Program } from '../../runtime/program.js';
import { loadScript } from '../../server/load.js';

interface Options {
  readonly nsq: string;
  readonly json?: boolean;
}

export function addExplain(program: Command, setStatus: (status: number) => void): void {
  program
    .command('explain')
    .description('show the event routes that an NSQ event tries, in order, with their places; status 0 when one runs')
    .argument('<file>', 'script')
    .requiredOption('--nsq <json>', 'payload of the event')
    .option('--json', 'print JSON')
    .action((file: string, options: Options) => setStatus(explain(file, options)));
}

function explain(file: string, options: Options): number {
  const loaded = load(file);
  if (typeof loaded === 'number') return loaded;
  if (!loaded.modules.some((m) => m.name === 'nsq')) {
    process.stderr.write(`${file}: loads no module nsq, so no event reaches it\n`);
    return 1;
  }
  const params = loaded.params('nsq');
  const keys = { key: `${params.consumer_event_key}`, subkey: `${params.consumer_event_subkey}` };
  const payload = Buffer.from(options.nsq, 'utf8').toString('latin1');
  const found = explainEvent(payload, keys, (name) => loaded.routes.event.has(name));
  process.stdout.write(
    options.json ? `${JSON.stringify(asJson(found, loaded), null, 2)}\n` : text(found, keys, loaded),
  );
  return found.runs === undefined ? 1 : 0;
}

function load(file: string): Program | number {
  try {
    const { program, problems, script } = loadScript(file, { env: process.env });
    if (program !== undefined) return program;
    for (const p of problems) process.stderr.write(`${renderProblem(p, script.sources)}\n`);
    return 1;
  } catch (e) {
    const { code, message } = e as NodeJS.ErrnoException;
    if (code === undefined) throw e;
    process.stderr.write(`${file}: cannot be read: ${message}\n`);
    return 2;
  }
}

function placeOf(program: Program, name: string): string | undefined {
  const span = program.routes.event.get(name)?.span;
  return span && `${span.file}:${span.line}`;
}

function asJson(found: EventExplanation, program: Program) {
  return {
    ...found,
    runs: found.runs ?? null,
    candidates: found.candidates.map((c) => ({ ...c, place: placeOf(program, c.name) ?? null })),
  };
}

function text(found: EventExplanation, keys: { key: string; subkey: string }, program: Program): string {
  if (!found.json) return 'The payload is no JSON: no route runs, and the message is finished.\n';
  const { category, name } = found.parts;
  const lines = found.candidates.map((c, i) => {
    const state =
      c.name === found.runs ? 'runs' : c.exists ? 'exists, but an earlier one runs' : 'is not in the script';
    const place = placeOf(program, c.name);
    return `${i + 1}. event_route[${c.name}] ${state}${place === undefined ? '' : ` (${place})`}; from ${c.from}`;
  });
  const end =
    found.runs === undefined
      ? 'None exists: the message is finished with an error line.'
      : `event_route[${found.runs}] runs.`;
  return `${keys.key} is "${category}", ${keys.subkey} is "${name}"\n${lines.join('\n')}\n${end}\n`;
}
