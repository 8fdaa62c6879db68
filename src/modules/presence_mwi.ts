/** Module presence_mwi: the event package message-summary (RFC 3842). */
import { defineModule, type Host, intParam } from '../runtime/module.js';
import type { PresenceEvent, Refusal } from './presence/event.js';
import { SERVER_ERROR } from './presence/replies.js';
import { PRESENCE } from './presence/state.js';

const SUMMARY = /^Messages-Waiting[ \t]*:[ \t]+(?:yes|no)\r\n(?:[\t\x20-\x7e]*\r\n)*$/;

/** The first line says whether messages wait; the others hold printable ASCII. */
function checkSummary(_ctx: unknown, body: string): Refusal | undefined {
  return body === '' || SUMMARY.test(body) ? undefined : SERVER_ERROR;
}

function register(host: Host): void {
  const event: PresenceEvent = {
    name: 'message-summary',
    contentType: 'application/simple-message-summary',
    kind: 'publish',
    defaultExpires: Number(host.program.params('presence_mwi').default_expires),
    checkPublish: checkSummary,
  };
  host.state(PRESENCE).events.add(event);
}

export const presenceMwi = defineModule({
  name: 'presence_mwi',
  doc: 'An event package for module presence: message-summary, whether voice messages wait.',
  params: { default_expires: intParam(3600, 'Seconds where a request names none.') },
  needs: ['presence'],
  start(host) {
    register(host);
  },
  reload(host) {
    register(host);
  },
});
