/** Module pua_dialoginfo: publishes the state of calls, for the lamps of phones (RFC 4235). */
import type { Context } from '../../runtime/context.js';
import { allAvps, avpKey } from '../../runtime/message-env.js';
import { defineModule, type Host, intParam, LEVEL, printed, strParam } from '../../runtime/module.js';
import { sruid } from '../../runtime/sruid.js';
import { contactsOf, toOf } from '../../sip/header.js';
import type { SipMessage } from '../../sip/message.js';
import { parseUri } from '../../sip/uri.js';
import { CALLER, type Dialog, type DialogEvent, onDialog, onLoadedDialog, setDialogVar } from '../dialog/api.js';
import { PUA } from '../pua/pua.js';
import { dialogInfoBody, type Party } from './body.js';

interface Params {
  readonly include_callid: number;
  readonly include_localremote: number;
  readonly include_tags: number;
  readonly override_lifetime: number;
  readonly caller_confirmed: number;
  readonly include_req_uri: number;
  readonly send_publish_flag: number;
  readonly use_pubruri_avps: number;
  readonly pubruri_caller_avp: string | null;
  readonly pubruri_callee_avp: string | null;
  readonly pubruri_caller_dlg_var: string | null;
  readonly pubruri_callee_dlg_var: string | null;
  readonly callee_trying: number;
  readonly disable_caller_publish_flag: number;
  readonly disable_callee_publish_flag: number;
  readonly caller_entity_when_publish_disabled: string | null;
  readonly callee_entity_when_publish_disabled: string | null;
  readonly publish_dialog_req_within: number;
  readonly attribute_display: number;
}

const NAME = 'pua_dialoginfo';
const paramsOf = (host: Host): Params => host.program.params(NAME) as unknown as Params;

/** Column `flag` of table pua. */
const SOURCE = 1024;
/** Seconds for which the end of a call is told. */
const AFTERWARDS = 10;

interface State {
  readonly newId: () => string;
}

/** What is kept of a call while it lasts. */
interface Call {
  readonly id: string;
  readonly dialog: Dialog;
  readonly lifetime: number;
  /** Whose documents are published, for each side; an empty list: nobody's. */
  readonly callerUris: readonly string[];
  readonly calleeUris: readonly string[];
  readonly caller: string;
  readonly callee: string;
  readonly callerHidden: boolean;
  readonly calleeHidden: boolean;
}

/** What a message tells beyond the state. */
interface Details {
  readonly callerTag: string;
  readonly calleeTag: string;
  readonly calleeTarget: string;
  /** The state that the caller's document shows, where it is another. */
  readonly callerState?: string;
}

const NO_DETAILS: Details = { callerTag: '', calleeTag: '', calleeTarget: '' };

// ------------------------------------------------------------------ the call

const AVP = /^\$avp\((.+)\)$/;

function avpTexts(ctx: Context, param: string | null): readonly string[] {
  const key = avpKey(AVP.exec(param ?? '')?.[1] ?? '');
  return key === undefined ? [] : allAvps(ctx.env, key).map((avp) => printed(avp.value));
}

const isSet = (msg: SipMessage, flag: number): boolean => flag >= 0 && (msg.flags & (1 << flag)) !== 0;

function callOf(
  host: Host,
  state: State,
  dialog: Dialog,
  uris: Pick<Call, 'callerUris' | 'calleeUris'>,
  request?: SipMessage,
): Call {
  const p = paramsOf(host);
  const hidden = (flag: number, entity: string | null): boolean =>
    request !== undefined && entity !== null && entity !== '' && isSet(request, flag);
  const callerHidden = hidden(p.disable_caller_publish_flag, p.caller_entity_when_publish_disabled);
  const calleeHidden = hidden(p.disable_callee_publish_flag, p.callee_entity_when_publish_disabled);
  const callee = p.include_req_uri === 0 ? dialog.toUri : dialog.requestUri;
  return {
    id: state.newId(),
    dialog,
    lifetime: p.override_lifetime || dialog.lifetime,
    ...uris,
    caller: callerHidden ? (p.caller_entity_when_publish_disabled ?? '') : dialog.fromUri,
    callee: calleeHidden ? (p.callee_entity_when_publish_disabled ?? '') : callee,
    callerHidden,
    calleeHidden,
  };
}

/** Who hears of a call that begins; undefined: nobody. */
function listeners(host: Host, dialog: Dialog, ctx: Context): Pick<Call, 'callerUris' | 'calleeUris'> | undefined {
  const p = paramsOf(host);
  if (p.use_pubruri_avps === 0) return ownListeners(host, dialog);
  const callerUris = avpTexts(ctx, p.pubruri_caller_avp);
  const calleeUris = avpTexts(ctx, p.pubruri_callee_avp);
  keep(host, dialog, p.pubruri_caller_dlg_var, callerUris[0]);
  keep(host, dialog, p.pubruri_callee_dlg_var, calleeUris[0]);
  return callerUris.length + calleeUris.length === 0 ? undefined : { callerUris, calleeUris };
}

function ownListeners(host: Host, { fromUri, toUri, requestUri }: Dialog): Pick<Call, 'callerUris' | 'calleeUris'> {
  return { callerUris: [fromUri], calleeUris: [paramsOf(host).include_req_uri === 0 ? toUri : requestUri] };
}

function keep(host: Host, dialog: Dialog, name: string | null, uri: string | undefined): void {
  if (name !== null && name !== '' && uri !== undefined) setDialogVar(host, dialog, name, uri);
}

/** Who hears of a call that the database brought. */
function keptListeners(host: Host, dialog: Dialog): Pick<Call, 'callerUris' | 'calleeUris'> | undefined {
  const p = paramsOf(host);
  if (p.use_pubruri_avps === 0) return ownListeners(host, dialog);
  const kept = (name: string | null): readonly string[] => {
    const uri = name === null ? undefined : dialog.vars.get(name);
    return uri === undefined ? [] : [uri];
  };
  const [callerUris, calleeUris] = [kept(p.pubruri_caller_dlg_var), kept(p.pubruri_callee_dlg_var)];
  return callerUris.length + calleeUris.length === 0 ? undefined : { callerUris, calleeUris };
}

function began(host: Host, state: State, dialog: Dialog, ctx: Context): void {
  const p = paramsOf(host);
  const { msg } = ctx;
  if (msg.method !== 'INVITE' || (p.send_publish_flag >= 0 && !isSet(msg, p.send_publish_flag))) return;
  const uris = listeners(host, dialog, ctx);
  if (uris === undefined) return;
  const call = callOf(host, state, dialog, uris, msg);
  follow(host, call);
  const nowhere = { ...call, dialog: withoutContact(dialog) };
  tellSide(host, nowhere, 'Trying', call.lifetime, NO_DETAILS, true, msg);
  if (p.callee_trying !== 0) tellSide(host, nowhere, 'Trying', call.lifetime, NO_DETAILS, false, msg);
}

/** Its first document names no contacts. */
function withoutContact(dialog: Dialog): Dialog {
  return Object.create(dialog, { legs: { value: [{ ...dialog.legs[0], contact: '' }, dialog.legs[1]] } }) as Dialog;
}

function follow(host: Host, call: Call): void {
  const { dialog } = call;
  const confirmed = (event: DialogEvent): void => tell(host, call, 'confirmed', call.lifetime, event);
  const over = (event: DialogEvent): void => tell(host, call, 'terminated', AFTERWARDS, event);
  dialog.on('early', (event) => tell(host, call, 'early', call.lifetime, event, earlyDetails(host, call, event)));
  dialog.on('confirmedNoAck', confirmed);
  dialog.on('requestWithin', (event) => {
    if (paramsOf(host).publish_dialog_req_within !== 0) confirmed(event);
  });
  for (const name of ['failed', 'terminated', 'expired'] as const) dialog.on(name, over);
}

function earlyDetails(host: Host, call: Call, { reply }: DialogEvent): Details {
  const { include_tags, caller_confirmed } = paramsOf(host);
  const callerState = caller_confirmed === 0 ? {} : { callerState: 'confirmed' };
  if (include_tags === 0 || reply === null) return { ...NO_DETAILS, ...callerState };
  const contacts = contactsOf(reply);
  const [only] = contacts;
  const calleeTarget = contacts.length === 1 && only !== undefined && !only.star ? only.uri : '';
  const callerTag = call.dialog.legs[CALLER].tag;
  return { callerTag, calleeTag: toOf(reply)?.tag ?? '', calleeTarget, ...callerState };
}

// ----------------------------------------------------------------- publishing

/** Requests that say nothing about the state of a call. */
const SILENT: ReadonlySet<string> = new Set(['PRACK', 'UPDATE']);

function tell(
  host: Host,
  call: Call,
  state: string,
  seconds: number,
  { request }: DialogEvent,
  details: Details = NO_DETAILS,
): void {
  if (request !== null && SILENT.has(request.method)) return;
  tellSide(host, call, state, seconds, details, true, request ?? undefined);
  tellSide(host, call, state, seconds, details, false, request ?? undefined);
}

/** Publishes what one side's phones are to show. */
function tellSide(
  host: Host,
  call: Call,
  state: string,
  seconds: number,
  details: Details,
  isCaller: boolean,
  request: SipMessage | undefined,
): void {
  const p = paramsOf(host);
  const flag = isCaller ? p.disable_caller_publish_flag : p.disable_callee_publish_flag;
  const hidden = isCaller ? call.callerHidden : call.calleeHidden;
  if (hidden || (request !== undefined && isSet(request, flag))) return;
  const caller: Party = { uri: call.caller, target: call.dialog.legs[CALLER].contact };
  const callee: Party = { uri: call.callee, target: details.calleeTarget };
  const { callerTag, calleeTag } = details;
  const body = dialogInfoBody(
    {
      id: call.id,
      callId: call.dialog.callId,
      state: isCaller ? (details.callerState ?? state) : state,
      local: isCaller ? caller : callee,
      remote: isCaller ? callee : caller,
      localTag: isCaller ? callerTag : calleeTag,
      remoteTag: isCaller ? calleeTag : callerTag,
      isCaller,
    },
    { callId: p.include_callid !== 0, parties: p.include_localremote !== 0, display: p.attribute_display !== 0 },
  );
  for (const uri of isCaller ? call.callerUris : call.calleeUris) publishTo(host, uri, call.id, body, seconds);
}

function publishTo(host: Host, uri: string, id: string, body: string, seconds: number): void {
  const parsed = parseUri(uri);
  if (parsed === undefined) {
    host.log.write(LEVEL.ERR, NAME, `'${uri}' is no URI to publish for\n`);
    return;
  }
  // without a flag in the script only users of this server are told of
  if (paramsOf(host).send_publish_flag < 0 && !host.isMyself(parsed.host, 0)) return;
  host.state(PUA).publish({
    uri,
    id: `DIALOG_PUBLISH.${id}`,
    event: 'dialog',
    source: SOURCE,
    contentType: 'application/dialog-info+xml',
    body,
    seconds,
  });
}

const isAvp = (v: string) => (AVP.test(v) ? undefined : 'an AVP such as $avp(name)');
const isUri = (v: string) => (v === '' || parseUri(v) !== undefined ? undefined : 'a SIP URI');

export const puaDialoginfo = defineModule({
  name: NAME,
  doc: 'Publishes the state of calls that module dialog follows: phones that watch a user see when he is called and when he talks.',
  params: {
    include_callid: intParam(1, '0: without the Call-ID.'),
    include_localremote: intParam(1, '0: without the two parties.'),
    include_tags: intParam(1, '0: without the tags, while it rings.'),
    override_lifetime: intParam(0, 'Seconds for which a state is published; 0: as long as the dialog may last.'),
    caller_confirmed: intParam(0, '1: the caller is shown as talking while it rings.'),
    include_req_uri: intParam(0, '1: the callee is the R-URI of the INVITE, not its To.'),
    send_publish_flag: intParam(-1, 'Flag of the INVITEs that are published; -1: those of users of this server.'),
    use_pubruri_avps: intParam(0, '1: whose documents are published is in AVPs.'),
    pubruri_caller_avp: strParam(null, 'AVP with the URIs for the caller: $avp(name).', isAvp),
    pubruri_callee_avp: strParam(null, 'AVP with the URIs for the callee: $avp(name).', isAvp),
    pubruri_caller_dlg_var: strParam(null, 'Variable of the dialog that keeps the first of them over a restart.'),
    pubruri_callee_dlg_var: strParam(null, 'The same, for the callee.'),
    callee_trying: intParam(0, '1: the first state is published for the callee too.'),
    disable_caller_publish_flag: intParam(-1, 'Flag of INVITEs that are not published for the caller.'),
    disable_callee_publish_flag: intParam(-1, 'Flag of INVITEs that are not published for the callee.'),
    caller_entity_when_publish_disabled: strParam(null, 'Who the callee sees then, in place of the caller.', isUri),
    callee_entity_when_publish_disabled: strParam(null, 'Who the caller sees then, in place of the callee.', isUri),
    publish_dialog_req_within: intParam(1, '0: requests within a dialog publish nothing.'),
    attribute_display: intParam(0, '1: with the users of the parties as names to show.'),
  },
  needs: ['pua', 'dialog'],
  check(given) {
    const p = given as unknown as Params;
    if (p.use_pubruri_avps === 0 || (p.pubruri_caller_avp !== null && p.pubruri_callee_avp !== null)) return [];
    return ['pubruri_caller_avp and pubruri_callee_avp must be set, if use_pubruri_avps is enabled'];
  },
  start(host): State {
    const serverId = Number(host.program.core.values.get('server_id') ?? 0);
    const state: State = { newId: sruid({ prefix: 'padi', serverId, now: host.clock.now(), pid: host.pid }) };
    onDialog(host, (dialog, ctx) => {
      if (host.module(NAME) !== undefined) began(host, state, dialog, ctx);
    });
    onLoadedDialog(host, (dialog) => {
      const uris = keptListeners(host, dialog);
      if (uris !== undefined) follow(host, callOf(host, state, dialog, uris));
    });
    return state;
  },
  // its parameters are read anew for each call
  reload() {},
});
