/** uac_auth(): the request goes out again with an answer to the challenge of a branch. */
import type { Context } from '../../runtime/context.js';
import { LEVEL, toText } from '../../runtime/module.js';
import { MSG_FLAG } from '../../sip/message.js';
import { FAKED, tmOf, transactionOf } from '../tm/api.js';
import { type Account, answerLine, challengeOf } from './challenge.js';
import { authVariables, credentialOf } from './params.js';

/** Bit of the mode: the password is H(user:realm:password). */
const HASHED = 1;

export function uacAuth(ctx: Context, mode: number): number {
  const refuse = (why: string, level: number = LEVEL.ERR): number => {
    ctx.host.log.write(level, 'uac', `${why}\n`);
    return -1;
  };
  const t = transactionOf(ctx);
  const branch = t?.branches[t.pickedBranch];
  if (t === null || branch === undefined) return refuse('no current transaction found', LEVEL.CRIT);
  if (branch.reply === null) return refuse('empty reply on picked branch', LEVEL.CRIT);
  if (branch.reply === FAKED) return refuse('cannot process a FAKED reply');
  const challenge = challengeOf(branch.reply, branch.lastReceived);
  if (typeof challenge === 'string') return refuse(challenge);
  const account = accountFor(ctx, challenge.realm, (mode & HASHED) !== 0);
  if (account === undefined) return refuse(`no credential for realm "${challenge.realm}"`, LEVEL.INFO);
  const { msg } = ctx;
  const { method, body } = msg;
  const line = answerLine(branch.lastReceived, challenge, account, { method, uri: branch.uri, body });
  msg.newUri = branch.uri;
  msg.uriIsNew = true;
  msg.edits.insert(msg.headersEnd, line);
  if (t.request !== null) t.request.internalFlags |= MSG_FLAG.UAC_AUTH;
  for (const fn of tmOf(ctx.host).onAuthAnswer) fn(ctx, t);
  return 1;
}

/** From the variables, else from the parameter `credential`. */
function accountFor(ctx: Context, realm: string, hashed: boolean): Account | undefined {
  const given = fromVariables(ctx, realm) ?? credentialOf(ctx, realm);
  return given === undefined ? undefined : { user: given.user, password: given.password, hashed };
}

function fromVariables(ctx: Context, realm: string): { user: string; password: string } | undefined {
  const variables = authVariables(ctx.program);
  if (variables === undefined) return undefined;
  const wanted = toText(variables.realm.get(ctx));
  if (wanted !== '' && wanted !== realm) return undefined;
  const user = toText(variables.user.get(ctx));
  const password = toText(variables.password.get(ctx));
  return user === '' || password === '' ? undefined : { user, password };
}
