/** Quality of a call as the RTPengine measured it (MOS), in variables that parameters name. */

const FIELDS = ['jitter', 'packetloss', 'roundtrip', 'roundtrip_leg'];
const KINDS: Readonly<Record<string, readonly string[]>> = {
  min: ['at', ...FIELDS],
  max: ['at', ...FIELDS],
  average: ['samples', ...FIELDS],
};

function paramsOf(kind: string, fields: readonly string[]): string[] {
  const sides = ['', '_A', '_B'];
  return ['', ...fields.map((f) => `_${f}`)].flatMap((field) => sides.map((side) => `mos_${kind}${field}${side}_pv`));
}

/** Names of all parameters `mos_…`. */
export const MOS_PARAMS: readonly string[] = [
  'mos_A_label_pv',
  'mos_B_label_pv',
  ...Object.entries(KINDS).flatMap(([kind, fields]) => paramsOf(kind, fields)),
];
