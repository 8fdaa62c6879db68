/** Which reply of a fork goes upstream (RFC 3261, 16.7, step 6, in Kamailio's order), and what is made of several. */
import { HDR } from '../../sip/header-names.js';
import type { SipMessage } from '../../sip/message.js';
import { paramsOf } from './params.js';
import { type BranchReply, FAKED, T, type Transaction } from './transaction.js';

/** Rank by class, the lower the better; 1xx and below are never chosen. */
const CLASS_RANK = [32000, 11000, 0, 3000, 4000, 5000, 1000];
/** Of the 4xx those that a caller can act on beat the rest. */
const PREFERRED_4XX: ReadonlySet<number> = new Set([401, 407, 415, 420, 484]);
const FOUR_XX = 4;

/** Rank of a status: the lowest wins; a reply made here loses `fakedRank`. */
export function rank(code: number, faked: boolean, fakedRank: number): number {
  const cls = Math.floor(code / 100);
  const base = CLASS_RANK[cls] ?? 10000 + code;
  const low = cls < CLASS_RANK.length ? code % 100 : 0;
  const rest = cls === FOUR_XX && !PREFERRED_4XX.has(code) ? 100 + low : low;
  return base + rest + (faked ? fakedRank : 0);
}

export type Pick = { readonly branch: number; readonly code: number } | 'pending' | 'none';

/** The best final reply, where `incoming` on `branch` (-1: none) counts as its reply already. */
export function pickBranch(t: Transaction, branch: number, incoming: number): Pick {
  const fakedRank = paramsOf(t.program).faked_reply_prio;
  let best = -1;
  let bestCode = 0;
  let bestRank = rank(0, false, 0);
  for (const b of t.branches) {
    const code = b.index === branch ? incoming : b.lastReceived;
    if (b.index !== branch) {
      if (b.text === '' && b.lastReceived >= 200) continue;
      if (b.lastReceived < 200 && !continued(t, b.index)) return 'pending';
      if (b.reply === null) continue;
    }
    const r = rank(code, b.reply === FAKED, fakedRank);
    if (r < bestRank) {
      best = b.index;
      bestCode = code;
      bestRank = r;
    }
  }
  return best < 0 ? 'none' : { branch: best, code: bestCode };
}

/** As above where only waiting branches are left (t_suspend). */
export function pickBlind(t: Transaction): Pick {
  let best: { branch: number; code: number } | undefined;
  for (const b of t.branches) {
    if (b.lastReceived < 200) return 'pending';
    if (b.reply !== null && (best === undefined || rank(b.lastReceived, false, 0) < rank(best.code, false, 0))) {
      best = { branch: b.index, code: b.lastReceived };
    }
  }
  return best ?? 'none';
}

/** The waiting branch of a transaction that goes on at this moment is no open branch. */
function continued(t: Transaction, branch: number): boolean {
  return t.has(T.CONTINUING) && t.suspension?.blind === branch;
}

// ---------------------------------------------------------------- challenges

function challenges(reply: BranchReply): reply is SipMessage {
  return reply !== null && reply !== FAKED && (reply.status === 401 || reply.status === 407);
}

/** All replies with a challenge, `incoming` taken as that of `branch`. */
export function challengers(t: Transaction, branch: number, incoming: BranchReply): SipMessage[] {
  const out: SipMessage[] = [];
  for (const b of t.branches) {
    const reply = b.index === branch ? incoming : b.reply;
    if (challenges(reply)) out.push(reply);
  }
  return out;
}

/** Their challenge lines, whole, in order of the branches. */
export function challengeLines(replies: readonly SipMessage[]): string[] {
  const out: string[] = [];
  for (const reply of replies) {
    for (const h of reply.headers) {
      if (h.id === HDR.WWWAUTH || h.id === HDR.PROXYAUTHENTICATE) out.push(reply.text.slice(h.start, h.end));
    }
  }
  return out;
}
