import L from 'leaflet';
import classes from './City.module.css';
import { type Box, byImportance, placeNames } from './names';
import { QUEUE_SIGNS, SIGNS } from './StateSign';
import type { JunctionState } from './states';

interface Sign {
  marker: L.Marker;
  state: JunctionState;
  label: HTMLElement;
  /** Of the label, CSS pixels; null: it has not been measured yet. */
  size: { width: number; height: number } | null;
}

/** Whether two states of a junction look the same on the map, which says that one is stale, and not its age. */
const alike = (a: JunctionState, b: JunctionState) =>
  (a.staleS === null) === (b.staleS === null) &&
  (['name', 'kind', 'congestion', 'latitude', 'longitude'] as const).every((key) => a[key] === b[key]);

/** Of the square that a marker stands in, CSS pixels. */
const MARKER = 34;

/** The signs of the junctions on a map, and the names of those that have room for one. */
export class Signs {
  private known = new Map<string, Sign>();
  private choose: (id: string) => void = () => undefined;
  private titleOf: ((state: JunctionState) => string) | null = null;

  constructor(private readonly map: L.Map) {
    // After each change of place, scale and size.
    map.on('moveend', () => this.name());
  }

  /**
   * Shows these, with what they tell in words; a sign that looks as before stays as it is, as long as `titleOf` is the same function.
   * Who chooses one calls `choose`.
   */
  show(
    states: readonly JunctionState[],
    titleOf: (state: JunctionState) => string,
    choose: (id: string) => void,
  ): void {
    this.choose = choose;
    const words = this.titleOf !== titleOf;
    this.titleOf = titleOf;
    const next = new Map<string, Sign>();
    let differ = states.length !== this.known.size;
    for (const state of states) {
      const old = this.known.get(state.id);
      const stays = old && !words && (old.state === state || alike(old.state, state));
      next.set(state.id, stays ? { ...old, state } : this.draw(state, titleOf(state)));
      if (stays) this.known.delete(state.id);
      else differ = true;
    }
    for (const { marker } of this.known.values()) marker.remove();
    this.known = next;
    if (differ) this.name();
  }

  private draw(state: JunctionState, title: string): Sign {
    const sign = element(classes.sign, SIGNS[state.kind]);
    sign.dataset.kind = state.kind;
    if (state.congestion) sign.dataset.congestion = state.congestion;
    if (state.congestion && state.congestion !== 'low')
      sign.append(element(classes.mark, QUEUE_SIGNS[state.congestion]));
    // Who is silent shows no queue: the place is free. The signs of those that are not known or offline say it themselves.
    if (state.staleS !== null && state.kind !== 'unknown' && state.kind !== 'offline') {
      sign.dataset.stale = '';
      sign.append(element(classes.mark, SIGNS.unknown));
    }
    const label = element(classes.label, state.name);
    const html = element(undefined, '');
    html.append(sign, label);
    html.ariaHidden = 'true';
    const icon = L.divIcon({ html, className: classes.marker ?? '', iconSize: [MARKER, MARKER] });
    const marker = L.marker([state.latitude, state.longitude], { icon, title, alt: title, riseOnHover: true });
    marker.on('click', () => this.choose(state.id));
    marker.addTo(this.map);
    const button = marker.getElement();
    button?.setAttribute('aria-label', title);
    // The map makes it a button for the eye and the tabulator, but hears no keys for it.
    button?.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      this.choose(state.id);
    });
    return { marker, state, label, size: null };
  }

  /**
   * Gives names their places. Where things stand is counted from the map's own scale: what the browser says of an element is where it is
   * drawn at the moment, which after a change of scale is still the old place while a transition runs, however short.
   */
  private name(): void {
    const { x, y } = this.map.getSize();
    if (this.known.size === 0 || x === 0 || y === 0) return;
    const signs = byImportance([...this.known.values()].map((sign) => ({ sign, kind: sign.state.kind })));
    for (const { sign } of signs)
      sign.size ??= { width: Math.ceil(sign.label.offsetWidth), height: Math.ceil(sign.label.offsetHeight) };
    const all = signs.map(({ sign: { state, marker, size } }) => {
      const at = this.map.latLngToContainerPoint(marker.getLatLng());
      return { id: state.id, x: at.x, y: at.y, width: size?.width ?? 0, height: size?.height ?? 0 };
    });
    const places = placeNames(all, { left: 0, top: 0, right: x, bottom: y }, this.controls());
    for (const [at, { sign }] of signs.entries()) {
      const place = places.get(sign.state.id);
      const centre = all[at];
      sign.label.toggleAttribute('data-shown', place !== undefined);
      if (!place || !centre) continue;
      sign.label.style.left = `${place.left - centre.x + MARKER / 2}px`;
      sign.label.style.top = `${place.top - centre.y + MARKER / 2}px`;
    }
  }

  /** Where the buttons of the map and the names of its makers stand. */
  private controls(): Box[] {
    const frame = this.map.getContainer().getBoundingClientRect();
    return [...this.map.getContainer().querySelectorAll('.leaflet-control')].map((control) => {
      const { left, top, right, bottom } = control.getBoundingClientRect();
      return { left: left - frame.left, top: top - frame.top, right: right - frame.left, bottom: bottom - frame.top };
    });
  }
}

function element(className: string | undefined, text: string): HTMLElement {
  const made = document.createElement('span');
  made.className = className ?? '';
  made.textContent = text;
  return made;
}
