/** What the module counts: for dmq.stats, the statistics and the metrics page. */

export interface PeerCounts {
  received: number;
  sent: number;
  answered: number;
  /** Final replies other than 2xx. */
  refused: number;
  timeouts: number;
}

export class Metrics {
  readonly peers = new Map<string, PeerCounts>();
  /** Requests from who may not speak here. */
  strangers = 0;
  /** Repeated requests that were answered again and not done again. */
  repeated = 0;
  /** Not taken, as too much waited. */
  refused = 0;
  /** Not sent: too big for UDP. */
  tooBig = 0;

  of(peer: string): PeerCounts {
    let counts = this.peers.get(peer);
    if (counts === undefined) {
      counts = { received: 0, sent: 0, answered: 0, refused: 0, timeouts: 0 };
      this.peers.set(peer, counts);
    }
    return counts;
  }

  received(peer: string): void {
    this.of(peer).received++;
  }

  sent(peer: string): void {
    this.of(peer).sent++;
  }

  replied(peer: string, code: number): void {
    const counts = this.of(peer);
    if (code >= 200 && code < 300) counts.answered++;
    else if (code === 408) counts.timeouts++;
    else counts.refused++;
  }
}
