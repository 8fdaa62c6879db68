/** What the script says of the reading of messages. It counts for the whole process, as in Kamailio. */
import type { Program } from '../runtime/program.js';
import { allowInHeaderNames } from '../sip/message.js';
import { allowInHosts, countPhonesAsTel } from '../sip/uri.js';

export function applySipSettings({ core: { values } }: Program): void {
  allowInHosts(String(values.get('uri_host_extra_chars') ?? ''));
  allowInHeaderNames(String(values.get('hdr_name_extra_chars') ?? ''));
  countPhonesAsTel(values.get('phone2tel') !== 0);
}
