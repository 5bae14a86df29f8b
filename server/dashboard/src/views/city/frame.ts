import L from 'leaflet';
import type { JunctionState } from './states';

/** Nearer than this a map of one junction shows nothing but its marker. */
const CLOSEST = 17;

/** What part of the world a map shows: all junctions that are shown, until somebody moves it by hand. */
export class Frame {
  private shown = '';
  private bounds: L.LatLngBounds | null = null;
  private chosen = '';
  private own = false;
  private moved = false;

  constructor(private readonly map: L.Map) {
    map.on('movestart', () => {
      if (this.own) return;
      this.bounds = null;
      this.moved = true;
    });
  }

  /**
   * Moves the map when other junctions are shown than before; where somebody has moved it by hand only when he has `chosen` others, as those of
   * a filter come and go by themselves.
   */
  show(states: readonly Pick<JunctionState, 'id' | 'latitude' | 'longitude'>[], chosen: string): void {
    const shown = states
      .map(({ id }) => id)
      .sort()
      .join();
    if (shown === this.shown || states.length === 0) return;
    this.shown = shown;
    if (this.moved && chosen === this.chosen) return;
    this.moved = false;
    this.chosen = chosen;
    this.bounds = L.latLngBounds(states.map((state) => [state.latitude, state.longitude]));
    this.fit();
  }

  /** Takes up another size of the map: its place in the page grows with the list beside it. */
  resized(): void {
    this.alone(() => this.map.invalidateSize({ animate: false }));
    this.fit();
  }

  private fit(): void {
    const { bounds } = this;
    const { x, y } = this.map.getSize();
    if (!bounds || x === 0 || y === 0) return;
    this.alone(() => this.map.fitBounds(bounds, { maxZoom: CLOSEST, padding: [40, 40], animate: false }));
  }

  /** What moves in here, nobody moves by hand. */
  private alone(move: () => void): void {
    this.own = true;
    move();
    this.own = false;
  }
}
