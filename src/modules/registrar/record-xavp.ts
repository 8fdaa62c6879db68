/** Details of contacts for the script, in the XAVP that `xavp_rcd` names. */
import type { Context } from '../../runtime/context.js';
import { type Contact, usrlocOf } from '../usrloc/index.js';
import { registrarParams } from './params.js';

/** Bits of `xavp_rcd_mask`. */
const WITHOUT = { RUID: 1, CONTACT: 2, EXPIRES: 4, RECEIVED: 8, PATH: 16 } as const;

/** Adds the contact's details to the fields of the XAVP, newest first. */
export function addRecord(ctx: Context, c: Contact): void {
  const { xavp_rcd: name, xavp_rcd_mask: mask } = registrarParams(ctx.program);
  if (name === null || name === '') return;
  const { xavps } = ctx.env;
  const known = xavps.fields(name);
  const fields = known ?? xavps.fresh();
  const add = (bit: number, field: string, value: string | number) => {
    if ((mask & bit) === 0 && value !== '') fields.add(field, value);
  };
  add(WITHOUT.RUID, 'ruid', c.ruid);
  add(WITHOUT.RECEIVED, 'received', c.received);
  add(WITHOUT.CONTACT, 'contact', c.uri);
  add(WITHOUT.EXPIRES, 'expires', c.expires - usrlocOf(ctx.host).now());
  add(WITHOUT.PATH, 'path', c.path);
  if (known === undefined) xavps.add(name, fields);
}
