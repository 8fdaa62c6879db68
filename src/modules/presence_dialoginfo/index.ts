/** Module presence_dialoginfo: the event package dialog (RFC 4235), of which lamps of phones live. */
import { defineModule, type Host, intParam } from '../../runtime/module.js';
import type { PresenceEvent } from '../presence/event.js';
import { PRESENCE, presUri } from '../presence/state.js';
import { aggregateDialogs, withVersion } from './body.js';

interface Params {
  readonly force_single_dialog: number;
  readonly force_dummy_dialog: number;
  readonly default_expires: number;
}

const NAME = 'presence_dialoginfo';
const paramsOf = (host: Host): Params => host.program.params(NAME) as unknown as Params;

function register(host: Host): void {
  const event: PresenceEvent = {
    name: 'dialog',
    contentType: 'application/dialog-info+xml',
    kind: 'publish',
    defaultExpires: paramsOf(host).default_expires,
    aggregate(user, domain, bodies) {
      const { force_single_dialog, force_dummy_dialog } = paramsOf(host);
      const options = { single: force_single_dialog !== 0, dummy: force_dummy_dialog !== 0 };
      return aggregateDialogs(presUri(user, domain), bodies, options);
    },
    forWatcher: (sub, body) => withVersion(body, sub.version),
  };
  host.state(PRESENCE).events.add(event);
}

export const presenceDialoginfo = defineModule({
  name: NAME,
  doc: 'An event package for module presence: dialog, the calls of a user.',
  params: {
    force_single_dialog: intParam(0, '1: of many dialogs the one that matters most is shown.'),
    force_dummy_dialog: intParam(0, '1: someone without dialogs is shown with one that has ended.'),
    default_expires: intParam(3600, 'Seconds where a request names none.'),
  },
  needs: ['presence'],
  start(host) {
    register(host);
  },
  reload(host) {
    register(host);
  },
});
