/** What the module counts, for the RPC command, the statistics and the metrics page. */

/** Counts since the start and times in milliseconds. */
export class Metrics {
  /** Messages that came from nsqd. */
  consumed = 0;
  finished = 0;
  requeued = 0;
  /** Not run, as nsqd had taken them back or the connection was lost. */
  expired = 0;
  /** Handed back at a stop before they began. */
  returned = 0;
  notJson = 0;
  /** No event route of the script takes it. */
  unrouted = 0;
  /** Runs that ended in a fault of the server. */
  failedRoutes = 0;
  touched = 0;
  /** Answers that nsqd refused: the message had timed out meanwhile. */
  late = 0;
  published = 0;
  publishFailed = 0;
  queries = 0;
  answered = 0;
  queryTimeouts = 0;
  queryFailed = 0;
  /** Replies to no query that waits. */
  strayReplies = 0;
  reconnects = 0;
  readonly routeTime = new Times();
  readonly publishTime = new Times();
  readonly queryTime = new Times();
}

/** Count, sum and largest of a time, milliseconds. */
export class Times {
  count = 0;
  sum = 0;
  max = 0;

  add(ms: number): void {
    this.count++;
    this.sum += ms;
    if (ms > this.max) this.max = ms;
  }
}
