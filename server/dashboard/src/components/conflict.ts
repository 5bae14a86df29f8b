const ID = '([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})';
const LINK = new RegExp(`^the link from junction ${ID} to ${ID} names only lanes that would go`);
const DEVICE = new RegExp(`^device ${ID} serves only lanes that would go`);
const LANE = new RegExp(`device ${ID} names lane ${ID}, which is not one of its lanes`);
const FULL = new RegExp(`^The list of junction ${ID} is full: it has (\\d+) entries`);

/** What does not fit what is there, and has to be changed elsewhere first. */
export type Conflict =
  | { kind: 'link'; from: string; to: string }
  /** `part`: it may serve other lanes as well. */
  | { kind: 'device'; device: string; part: boolean }
  | { kind: 'full'; junction: string; entries: number };

/** What the server's sentence is about, which tells it by ids; null: something else. */
export function conflictOf(sentence: string): Conflict | null {
  const [, from, to] = LINK.exec(sentence) ?? [];
  if (from && to) return { kind: 'link', from, to };
  const [, device] = DEVICE.exec(sentence) ?? [];
  if (device) return { kind: 'device', device, part: false };
  const [, partly] = LANE.exec(sentence) ?? [];
  if (partly) return { kind: 'device', device: partly, part: true };
  const [, junction, entries] = FULL.exec(sentence) ?? [];
  return junction ? { kind: 'full', junction, entries: Number(entries) } : null;
}
