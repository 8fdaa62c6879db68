/** Parameters of websocket. */
import { intParam, kemiParam, strParam } from '../../runtime/module.js';

export const KEEPALIVE = { NONE: 0, PING: 1, PONG: 2, CHECK: 3 } as const;
export const SUB_PROTOCOL = { SIP: 1, MSRP: 2 } as const;
const CORS_ANY = 1;
const CORS_ORIGIN = 2;

export interface WsParams {
  readonly keepalive_mechanism: number;
  readonly keepalive_timeout: number;
  readonly keepalive_interval: number;
  readonly ping_application_data: string;
  readonly cors_mode: number;
  readonly timer_interval: number;
  readonly rm_delay_interval: number;
}

const KEEPALIVE_TIMEOUT = { usual: 180, most: 3600 };
const KEEPALIVE_INTERVAL = { usual: 1, most: 60 };
const TIMER_INTERVAL = { usual: 1, most: 60 };
const REMOVAL_DELAY = { usual: 5, most: 60 };

/** Seconds, where what is out of range counts as not given. */
const seconds = (value: number, { usual, most }: { usual: number; most: number }) =>
  value < 1 || value > most ? usual : value;

export const keepaliveTimeout = (p: WsParams) => seconds(p.keepalive_timeout, KEEPALIVE_TIMEOUT);
export const keepaliveInterval = (p: WsParams) => seconds(p.keepalive_interval, KEEPALIVE_INTERVAL);
export const timerInterval = (p: WsParams) => seconds(p.timer_interval, TIMER_INTERVAL);
export const removalDelay = (p: WsParams) => seconds(p.rm_delay_interval, REMOVAL_DELAY);

export function keepaliveMechanism({ keepalive_mechanism: given }: WsParams): number {
  return given >= KEEPALIVE.NONE && given <= KEEPALIVE.CHECK ? given : KEEPALIVE.PING;
}

/** Longest payload of a control frame (RFC 6455, 5.5). */
const MAX_PING = 125;

/** `usual` where the parameter is not given or too long. */
export function pingData({ ping_application_data: given }: WsParams, usual: string): string {
  return given.length < 1 || given.length > MAX_PING ? usual : given;
}

/** The value of Access-Control-Allow-Origin; undefined: no such header. */
export function allowedOrigin({ cors_mode }: WsParams, origin: string): string | undefined {
  if (cors_mode === CORS_ANY) return '*';
  return cors_mode === CORS_ORIGIN && origin !== '' ? origin : undefined;
}

function knownSubProtocols(bits: number): string | undefined {
  if ((bits & ~(SUB_PROTOCOL.SIP | SUB_PROTOCOL.MSRP)) !== 0) return 'unrecognised sub-protocols enabled';
  return (bits & SUB_PROTOCOL.SIP) !== 0
    ? undefined
    : 'no sub-protocols enabled: MSRP needs module msrp, which is not built';
}

export const params = {
  keepalive_mechanism: intParam(
    1,
    'What idle connections get: 0 nothing, 1 a ping, 2 a pong, 3 a look whether they live.',
  ),
  keepalive_timeout: intParam(180, 'Seconds without a frame after which a connection is idle: 1 to 3600.'),
  keepalive_interval: intParam(1, 'Seconds between two looks for idle connections: 1 to 60.'),
  keepalive_processes: intParam(1, 'Accepted: one timer does it.'),
  ping_application_data: strParam(
    '',
    'What pings carry, at most 125 bytes; empty: the name and version of the server.',
  ),
  sub_protocols: intParam(3, 'Sum of 1 SIP and 2 MSRP. Only SIP is spoken, as msrp is not built.', knownSubProtocols),
  cors_mode: intParam(
    0,
    'Access-Control-Allow-Origin in replies: 0 none, 1 any origin, 2 the origin that asks.',
    (v) => (v < 0 || v > CORS_ORIGIN ? 'bad value for cors_mode' : undefined),
  ),
  timer_interval: intParam(1, 'Seconds between two looks for connections that have ended: 1 to 60.'),
  rm_delay_interval: intParam(
    5,
    'Seconds that an ended connection is kept before event_route[websocket:closed]: 1 to 60.',
  ),
  verbose_list: intParam(0, 'Accepted: lists are not logged.'),
  event_callback: kemiParam(),
};
