/** The event routes that an NSQ event tries. */
import { type EventExplanation, explainEvent } from '../../modules/nsq/event-routes.js';
import type { Program } from '../../runtime/program.js';
import type { Explained } from './explain.js';

export function explainNsq(program: Program, file: string, payload: string): Explained | string {
  if (!program.modules.some((m) => m.name === 'nsq')) return `${file}: loads no module nsq, so no event reaches it`;
  const params = program.params('nsq');
  const keys = { key: `${params.consumer_event_key}`, subkey: `${params.consumer_event_subkey}` };
  const text = Buffer.from(payload, 'utf8').toString('latin1');
  const found = explainEvent(text, keys, (name) => program.routes.event.has(name));
  return { runs: found.runs !== undefined, json: asJson(found, program), text: asText(found, keys, program) };
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

function asText(found: EventExplanation, keys: { key: string; subkey: string }, program: Program): string {
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
