/** Internal errors of tm and core (Kamailio's E_ numbers) and the replies that they become. */
export const E = {
  UNSPEC: -1,
  /** No Via could be made: the WebSocket connection to the next hop is not there. */
  NOT_BUILT: -2,
  CFG: -6,
  NO_SOCKET: -7,
  BAD_VIA: -8,
  BAD_TUPEL: -9,
  /** A transaction exists already for this run. */
  SCRIPT: -10,
  TOO_MANY_BRANCHES: -12,
  BAD_REQ: -400,
  SEND: -477,
  BAD_ADDRESS: -478,
  BAD_URI: -479,
  CANCELED: -487,
} as const;

const SORRY = "I'm terribly sorry, server error occurred";

const PHRASES: Readonly<Record<number, readonly [code: number, text: string]>> = {
  [E.NOT_BUILT]: [500, 'No error'],
  [E.SEND]: [477, 'Unfortunately error on sending to next hop occurred'],
  [E.BAD_ADDRESS]: [478, 'Unresolvable destination'],
  [E.BAD_REQ]: [400, 'Bad Request'],
  [E.BAD_URI]: [479, 'Regretfully, we were not able to process the URI'],
  [E.BAD_TUPEL]: [400, 'Transaction tuple incomplete'],
  [E.TOO_MANY_BRANCHES]: [500, 'Forking capacity exceeded'],
  [E.CANCELED]: [487, 'Transaction canceled'],
};

/** Status and reason of the reply for an internal error: `500 I'm terribly sorry, server error occurred (1/TM)`. */
export function errorReply(error: number, signature: string): { code: number; reason: string } {
  const [code, text] = PHRASES[error] ?? [500, SORRY];
  return { code, reason: `${text} (${-error}/${signature})` };
}

const REASONS: ReadonlyMap<number, string> = new Map([
  [100, 'Trying'],
  [180, 'Ringing'],
  [181, 'Call Is Being Forwarded'],
  [182, 'Queued'],
  [183, 'Session Progress'],
  [200, 'OK'],
  [300, 'Multiple Choices'],
  [301, 'Moved Permanently'],
  [302, 'Moved Temporarily'],
  [305, 'Use Proxy'],
  [380, 'Alternative Service'],
  [400, 'Bad Request'],
  [401, 'Unauthorized'],
  [402, 'Payment Required'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [405, 'Method Not Allowed'],
  [406, 'Not Acceptable'],
  [407, 'Proxy Authentication Required'],
  [408, 'Request Timeout'],
  [410, 'Gone'],
  [413, 'Request Entity Too Large'],
  [414, 'Request-URI Too Long'],
  [415, 'Unsupported Media Type'],
  [416, 'Unsupported URI Scheme'],
  [417, 'Bad Extension'],
  [421, 'Extension Required'],
  [423, 'Interval Too Brief'],
  [480, 'Temporarily Unavailable'],
  [481, 'Call/Transaction Does Not Exist'],
  [482, 'Loop Detected'],
  [483, 'Too Many Hops'],
  [484, 'Address Incomplete'],
  [485, 'Ambiguous'],
  [478, 'Unresolvable destination (478/TM)'],
  [486, 'Busy Here'],
  [487, 'Request Terminated'],
  [488, 'Not Acceptable Here'],
  [491, 'Request Pending'],
  [500, 'Server Internal Error'],
  [501, 'Not Implemented'],
  [502, 'Bad Gateway'],
  [503, 'Service Unavailable'],
  [504, 'Server Time-Out'],
  [505, 'Version Not Supported'],
  [513, 'Message Too Large'],
  [600, 'Busy Everywhere'],
  [603, 'Decline'],
  [604, 'Does Not Exist Anywhere'],
  [606, 'Not Acceptable'],
]);

const CLASSES = ['Unspecified', 'Provisional', 'Successful', 'Redirection', 'Request Failure', 'Server Failure'];

const SENDING: ReadonlySet<number> = new Set([E.SEND, E.BAD_ADDRESS, E.BAD_URI]);

/** The reason of a final reply made here: that of an error, where it is one. */
export function finalReason(code: number): string {
  return SENDING.has(-code) ? errorReply(-code, 'TM').reason : reasonOf(code);
}

/** The usual reason of a status, of its class where it has none of its own. */
export function reasonOf(code: number): string {
  return REASONS.get(code) ?? CLASSES[Math.floor(code / 100)] ?? 'Global Failure';
}
