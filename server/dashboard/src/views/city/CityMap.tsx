import 'leaflet/dist/leaflet.css';
import { useQuery } from '@tanstack/react-query';
import L from 'leaflet';
import { useEffect, useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { startOptions } from '@/api/start';
import type { Link } from '@/api/types';
import classes from './City.module.css';
import { legible } from './names';
import { SIGNS } from './StateSign';
import type { JunctionState } from './states';

interface Props {
  states: JunctionState[];
  links: Link[];
}

/** Nearer than this a map of one junction shows nothing but its marker. */
const CLOSEST = 17;

/** Up to so many junctions the map names each; in a larger city the one under the pointer. */
const NAMED = 40;

/** What a marker shows; it is drawn anew when this differs. */
const looks = (state: JunctionState) => `${state.kind} ${state.congestion ?? ''} ${state.name}`;

/** The junctions where they stand, and the roads between them; with tiles behind them where the server names some. */
export function CityMap({ states, links }: Props) {
  const { t, i18n } = useTranslation('city');
  const navigate = useNavigate();
  const { data: start } = useQuery(startOptions);
  const element = useRef<HTMLDivElement>(null);
  const map = useRef<L.Map | null>(null);
  const markers = useRef(new Map<string, { marker: L.Marker; looks: string }>());
  const framed = useRef('');
  const places = JSON.stringify(states.map(({ id, latitude, longitude }) => [id, latitude, longitude]));

  useEffect(() => {
    if (!element.current) return undefined;
    const known = markers.current;
    const made = L.map(element.current, {
      zoomControl: false,
      attributionControl: false,
      maxZoom: 20,
      center: [0, 0],
      zoom: 2,
      // Without tiles, which are sharp at whole steps only, the map is as large as it can be.
      zoomSnap: 0.25,
    });
    // Names are in their new places after all listeners.
    made.on('zoomend viewreset', () => requestAnimationFrame(() => spread(known)));
    map.current = made;
    const observer = new ResizeObserver(() => made.invalidateSize());
    observer.observe(element.current);
    return () => {
      observer.disconnect();
      known.clear();
      framed.current = '';
      made.remove();
      map.current = null;
    };
  }, []);

  useEffect(() => {
    const control = L.control.zoom({ position: 'topright', zoomInTitle: t('map.in'), zoomOutTitle: t('map.out') });
    if (map.current) control.addTo(map.current);
    return () => void control.remove();
  }, [t]);

  useEffect(() => {
    if (!map.current || !start?.tile_url) return undefined;
    map.current.options.zoomSnap = 1;
    const attribution = L.control.attribution({ prefix: false }).addTo(map.current);
    const text = document.createElement('span');
    text.textContent = start.tile_attribution ?? '';
    attribution.addAttribution(text.innerHTML);
    const tiles = L.tileLayer(start.tile_url, { maxZoom: 20 }).addTo(map.current);
    return () => {
      tiles.remove();
      attribution.remove();
    };
  }, [start]);

  useEffect(() => {
    if (!map.current) return;
    const known = markers.current;
    const ids = new Set(states.map((state) => state.id));
    for (const [id, { marker }] of known) {
      if (ids.has(id)) continue;
      marker.remove();
      known.delete(id);
    }
    for (const state of states) {
      const now = looks(state) + i18n.language;
      const old = known.get(state.id);
      if (old?.looks === now) continue;
      old?.marker.remove();
      const title = t('map.alt', { name: state.name, state: t(`kind.${state.kind}`) });
      const marker = L.marker([state.latitude, state.longitude], {
        icon: icon(state),
        title,
        alt: title,
        riseOnHover: true,
      });
      marker.on('click', () => void navigate(`/junctions/${state.id}`));
      marker.bindTooltip(state.name, {
        permanent: states.length <= NAMED,
        direction: 'bottom',
        offset: [0, 10],
        className: classes.named,
      });
      marker.addTo(map.current);
      marker.getElement()?.setAttribute('aria-label', title);
      known.set(state.id, { marker, looks: now });
    }
    requestAnimationFrame(() => spread(known));
    // Moved only when other junctions are shown, not under somebody's hand.
    const shown = [...ids].sort().join();
    if (shown === framed.current || states.length === 0) return;
    framed.current = shown;
    const bounds = L.latLngBounds(states.map((state) => [state.latitude, state.longitude]));
    map.current.fitBounds(bounds, { maxZoom: CLOSEST, padding: [40, 40], animate: false });
  }, [states, t, i18n.language, navigate]);

  // Junctions move seldom: their states, which change each second, draw no road anew.
  const roads = useMemo(() => roadsOf(places, links), [places, links]);
  useEffect(() => {
    if (!map.current) return undefined;
    const lines = L.polyline(JSON.parse(roads) as Road[], {
      weight: 6,
      opacity: 1,
      interactive: false,
      className: classes.road,
    });
    lines.addTo(map.current);
    return () => void lines.remove();
  }, [roads]);

  return <div ref={element} className={classes.map} role="region" aria-label={t('map.label')} data-testid="map" />;
}

/** What matters most is named first. */
const ORDER: readonly JunctionState['kind'][] = ['fault', 'emergency', 'offline', 'manual', 'ok'];

/** Shows the names that can be read; the others come when somebody looks closer. */
function spread(markers: ReadonlyMap<string, { marker: L.Marker; looks: string }>): void {
  const elements = new Map<string, HTMLElement>();
  const rank = (id: string) => ORDER.findIndex((kind) => markers.get(id)?.looks.startsWith(`${kind} `));
  for (const [id, { marker }] of markers) {
    const element = marker.getTooltip()?.getElement();
    if (element) elements.set(id, element);
  }
  const places = [...elements]
    .sort(([a], [b]) => rank(a) - rank(b))
    .map(([id, element]) => {
      const { left, top, right, bottom } = element.getBoundingClientRect();
      return { id, left, top, right, bottom };
    });
  const shown = legible(places);
  for (const [id, element] of elements) element.style.visibility = shown.has(id) ? '' : 'hidden';
}

type Road = [[number, number], [number, number]];

/** Both directions of a road are one line. */
function roadsOf(places: string, links: Link[]): string {
  const at = new Map((JSON.parse(places) as [string, number, number][]).map(([id, ...place]) => [id, place]));
  const roads = links.flatMap((link): Road[] => {
    const [from, to] = [at.get(link.from_junction), at.get(link.to_junction)];
    const twin = links.some(
      (other) => other.from_junction === link.to_junction && other.to_junction === link.from_junction,
    );
    return from && to && (!twin || link.from_junction < link.to_junction) ? [[from, to]] : [];
  });
  return JSON.stringify(roads);
}

function icon(state: JunctionState): L.DivIcon {
  const sign = document.createElement('span');
  sign.className = classes.sign ?? '';
  sign.dataset.kind = state.kind;
  sign.ariaHidden = 'true';
  if (state.congestion) sign.dataset.congestion = state.congestion;
  sign.textContent = SIGNS[state.kind];
  return L.divIcon({ html: sign, className: classes.marker ?? '', iconSize: [34, 34] });
}
