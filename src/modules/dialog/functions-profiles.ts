/** What scripts do with profiles. */
import { type Context, ROUTE } from '../../runtime/context.js';
import { LEVEL } from '../../runtime/host.js';
import { type BindEnv, fn, forms, int, type PvAccessor, parsed, str, variable } from '../../runtime/module.js';
import { parseInt32 } from '../../runtime/values.js';
import { contextOf, dialogInView } from './context.js';
import { STATE } from './dialog.js';
import { setLifetime } from './lifecycle.js';
import type { DialogParams } from './params.js';
import { isMember, join, leave, type Profile, profileNames } from './profiles.js';
import { dialogsOf } from './state.js';

const OK = 1;
const FAILED = -1;
const REMOVABLE = ['failure', 'reply', 'branch', 'request'] as const;

/** The name of a profile that the script defines. */
const profile = parsed<string>('profile', 'profile', (name, env: BindEnv) => {
  const { profiles_with_value, profiles_no_value } = env.params('dialog') as unknown as DialogParams;
  const known = [...profileNames(profiles_with_value), ...profileNames(profiles_no_value)];
  return known.includes(name)
    ? { ok: name }
    : {
        error: `profile <${name}> not defined`,
        hint: `add it to modparam("dialog", "profiles_with_value", …) or profiles_no_value`,
      };
});

/** Undefined: the profile wants a value, and there is none. */
function chosen(ctx: Context, name: string, value: string | undefined): Profile | undefined {
  const ds = dialogsOf(ctx.host);
  const found = ds.profiles.get(name);
  if (found?.hasValue && !value) {
    ds.error('invalid value parameter');
    return undefined;
  }
  return found;
}

function enter(ctx: Context, name: string, value?: string): number {
  const ds = dialogsOf(ctx.host);
  const found = chosen(ctx, name, value);
  if (found === undefined) return FAILED;
  const dialog = dialogInView(ctx);
  if (dialog === undefined && ctx.routeType !== ROUTE.REQUEST) {
    ds.log(LEVEL.CRIT, 'BUG - dialog not found in a non REQUEST route');
    return FAILED;
  }
  const m = ds.profiles.membership(found, value ?? '');
  if (dialog === undefined) contextOf(ctx).pending.unshift(m);
  else join(dialog, m);
  return OK;
}

function exit(ctx: Context, name: string, value?: string): number {
  const ds = dialogsOf(ctx.host);
  const found = chosen(ctx, name, value);
  if (found === undefined) return FAILED;
  if (ctx.routeType === ROUTE.REQUEST) {
    ds.error('dialog delete profile cannot be used in request route');
    return FAILED;
  }
  const dialog = dialogInView(ctx);
  return dialog !== undefined && leave(dialog, found, value ?? '') ? OK : FAILED;
}

function isIn(ctx: Context, name: string, value?: string): number {
  const found = chosen(ctx, name, value);
  const dialog = dialogInView(ctx);
  return found !== undefined && dialog !== undefined && isMember(dialog, found, value ?? '') ? OK : FAILED;
}

function size(ctx: Context, name: string, value: string | undefined, into: PvAccessor): number {
  const found = chosen(ctx, name, value);
  if (found === undefined) return FAILED;
  return into.set?.(ctx, found.size(value)) === false ? FAILED : OK;
}

/** All dialogs of the profile that ring or are answered. */
function setTimeouts(ctx: Context, name: string, value: string | undefined, seconds: string): number {
  const ds = dialogsOf(ctx.host);
  const found = ds.profiles.get(name);
  if (found === undefined || (found.hasValue && value === '')) return FAILED;
  for (const { dialog } of found.all(value)) {
    if (dialog !== null && dialog.state >= STATE.EARLY) setLifetime(ds, dialog, parseInt32(seconds) ?? 0);
  }
  return OK;
}

function remote(ctx: Context, command: string, name: string, value: string, puid: string, expires: number): number {
  const ds = dialogsOf(ctx.host);
  const found = ds.profiles.get(name);
  if (found === undefined || puid === '' || (found.hasValue && value === '')) {
    ds.error(found === undefined ? `profile [${name}] not found` : 'invalid parameters');
    return FAILED;
  }
  if (command === 'add') found.add(ds.profiles.membership(found, value, { puid, expires }));
  else if (command === 'rm') found.deleteRemote(found.hasValue ? value : '', puid);
  else {
    ds.error(`unknown command [${command}]`);
    return FAILED;
  }
  return OK;
}

const seconds = parsed<string>('seconds', 'seconds', (text) => ({ ok: text }));

export const profileFunctions = {
  set_dlg_profile: forms(
    fn({
      doc: 'Puts the dialog, or the one to come, into a profile without value.',
      args: [profile],
      run: (ctx, _p: unknown, name) => enter(ctx, name),
    }),
    fn({
      doc: 'Puts it into a profile under a value.',
      args: [profile, str('value')],
      run: (ctx, _p: unknown, name, value) => enter(ctx, name, value),
    }),
  ),
  unset_dlg_profile: forms(
    fn({
      doc: 'Takes the dialog out of a profile; false in a request route.',
      args: [profile],
      routes: REMOVABLE,
      run: (ctx, _p: unknown, name) => exit(ctx, name),
    }),
    fn({
      doc: 'Takes it out of the profile, of that value.',
      args: [profile, str('value')],
      routes: REMOVABLE,
      run: (ctx, _p: unknown, name, value) => exit(ctx, name, value),
    }),
  ),
  is_in_profile: forms(
    fn({
      doc: 'Is the dialog in the profile?',
      args: [profile],
      run: (ctx, _p: unknown, name) => isIn(ctx, name),
    }),
    fn({
      doc: 'Is it there under that value?',
      args: [profile, str('value')],
      run: (ctx, _p: unknown, name, value) => isIn(ctx, name, value),
    }),
  ),
  get_profile_size: forms(
    fn({
      doc: 'How many dialogs are in a profile without value.',
      args: [profile, variable('result', { writable: true })],
      run: (ctx, _p: unknown, name, into) => size(ctx, name, undefined, into),
    }),
    fn({
      doc: 'How many are there under a value.',
      args: [profile, str('value'), variable('result', { writable: true })],
      run: (ctx, _p: unknown, name, value, into) => size(ctx, name, value, into),
    }),
  ),
  dlg_set_timeout_by_profile: forms(
    fn({
      doc: 'Seconds that all dialogs of a profile may last from now on.',
      args: [profile, seconds],
      run: (ctx, _p: unknown, name, s) => setTimeouts(ctx, name, undefined, s),
    }),
    fn({
      doc: 'The same for those of a value.',
      args: [profile, str('value'), seconds],
      run: (ctx, _p: unknown, name, value, s) => setTimeouts(ctx, name, value, s),
    }),
  ),
  dlg_remote_profile: fn({
    doc: 'What another server says of its dialogs: "add" or "rm", profile, value, unique id, expiry in seconds since the epoch (0 never).',
    args: [str('command'), str('profile'), str('value'), str('puid'), int('expires')],
    run: (ctx, _p: unknown, command, name, value, puid, expires) => remote(ctx, command, name, value, puid, expires),
  }),
};
