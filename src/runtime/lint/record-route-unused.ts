/** The server asks to see the later requests of a dialog, and does not know what to do with them. */
import { defineRule } from './rule.js';

export const recordRouteUnused = defineRule({
  code: 'record-route-unused',
  severity: 'warning',
  doc: 'The script adds a Record-Route and never calls loose_route(): the later requests of the dialog come here, and do not find their way on.',
  example: 'record_route();\nif (!t_relay()) exit;',
  *check(on) {
    const first = on.callsOf('record_route', 'record_route_preset')[0];
    if (first === undefined || on.callsOf('loose_route', 'loose_route_preloaded', 'loose_route_mode').length > 0)
      return;
    const hint = 'if (has_totag()) { if (loose_route()) { t_relay(); exit; } }';
    yield { span: first.call.span, message: 'Record-Route is added, and loose_route() called nowhere', hint };
  },
});
