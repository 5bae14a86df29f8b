import 'leaflet/dist/leaflet.css';
import { useQuery } from '@tanstack/react-query';
import L from 'leaflet';
import { useCallback, useEffect, useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { startOptions } from '@/api/start';
import type { Link } from '@/api/types';
import classes from './City.module.css';
import { Frame } from './frame';
import { Signs } from './signs';
import type { JunctionState } from './states';

interface Props {
  states: JunctionState[];
  /** Filter and search that they are chosen by. */
  chosen: string;
  links: Link[];
}

/** The junctions where they stand, and the roads between them; with tiles behind them where the server names some. */
export function CityMap({ states, chosen, links }: Props) {
  const { t } = useTranslation('city');
  const navigate = useNavigate();
  const { data: start } = useQuery(startOptions);
  const element = useRef<HTMLDivElement>(null);
  const map = useRef<L.Map | null>(null);
  const signs = useRef<Signs | null>(null);
  const frame = useRef<Frame | null>(null);
  const places = JSON.stringify(states.map(({ id, latitude, longitude }) => [id, latitude, longitude]));

  useEffect(() => {
    if (!element.current) return undefined;
    const made = L.map(element.current, {
      zoomControl: false,
      attributionControl: false,
      maxZoom: 20,
      center: [0, 0],
      zoom: 2,
      // Without tiles, which are sharp at whole steps only, the map is as large as it can be.
      zoomSnap: 0.25,
    });
    map.current = made;
    signs.current = new Signs(made);
    const framed = new Frame(made);
    frame.current = framed;
    const observer = new ResizeObserver(() => framed.resized());
    observer.observe(element.current);
    return () => {
      observer.disconnect();
      made.remove();
      map.current = signs.current = frame.current = null;
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

  const titleOf = useCallback(
    ({ name, kind, congestion, staleS }: JunctionState) =>
      [
        t('map.alt', { name, state: t(`kind.${kind}`) }),
        staleS !== null && t('map.stale'),
        congestion && t(`map.queue.${congestion}`),
      ]
        .filter(Boolean)
        .join(', '),
    [t],
  );
  const choose = useCallback((id: string) => void navigate(`/junctions/${id}`), [navigate]);
  useEffect(() => {
    frame.current?.show(states, chosen);
    signs.current?.show(states, titleOf, choose);
  }, [states, chosen, titleOf, choose]);

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
