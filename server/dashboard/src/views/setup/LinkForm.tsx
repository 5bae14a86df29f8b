import {
  Alert,
  Button,
  Group,
  MultiSelect,
  NumberInput,
  SegmentedControl,
  Select,
  SimpleGrid,
  Stack,
} from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type SubmitEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, data } from '@/api/client';
import { useJunctions, useLayout } from '@/api/junctions';
import { ProblemError } from '@/api/problem';
import type { Layout } from '@/api/types';
import { Refusal } from '@/components/Refusal';
import { Unfetched } from '@/components/Unfetched';
import type { Way } from './Links';

interface Props {
  layout: Layout;
  /** The way that is changed; null: a new one. */
  link: Way | null;
  /** The ways that there are. */
  known: readonly Way[];
  done: () => void;
}

const lanesOf = (layout: Layout | undefined) =>
  (layout?.lanes ?? []).map(({ lane_id, lane_name }) => ({ value: lane_id, label: lane_name }));

/** A way between this junction and a neighbour. */
export function LinkForm({ layout, link, known, done }: Props) {
  const { t } = useTranslation('setup');
  const id = layout.junction_id;
  const [direction, setDirection] = useState<'from' | 'to'>(link?.from_junction === id ? 'to' : 'from');
  const outwards = direction === 'to';
  const [other, setOther] = useState(link ? (outwards ? link.to_junction : link.from_junction) : null);
  const [own, setOwn] = useState((outwards ? link?.from_lanes : link?.to_lanes) ?? []);
  const [theirs, setTheirs] = useState((outwards ? link?.to_lanes : link?.from_lanes) ?? []);
  const [distance, setDistance] = useState<number | string>(link?.distance_m ?? '');
  const [freeFlow, setFreeFlow] = useState<number | string>(link?.free_flow_s ?? '');
  // Of a new one: the way that there is already, which it would replace unseen.
  const [found, setFound] = useState<Way | null>(null);
  const choose = (direction: 'from' | 'to', other: string | null) => {
    setDirection(direction);
    setOther(other);
    const [start, end] = direction === 'to' ? [id, other] : [other, id];
    const there =
      known.find(({ from_junction, to_junction }) => from_junction === start && to_junction === end) ?? null;
    setFound(there);
    if (there || found) {
      const ends = [there?.from_lanes ?? [], there?.to_lanes ?? []] as const;
      setOwn(ends[direction === 'to' ? 0 : 1]);
      setTheirs(ends[direction === 'to' ? 1 : 0]);
      setDistance(there?.distance_m ?? '');
      setFreeFlow(there?.free_flow_s ?? '');
    }
  };
  const junctions = useJunctions();
  const neighbour = useLayout(other);
  const save = useMutation({
    mutationFn: (to: string) =>
      data(
        api.PUT('/api/links/{from_junction}/{to_junction}', {
          params: {
            path: outwards ? { from_junction: id, to_junction: to } : { from_junction: to, to_junction: id },
          },
          body: {
            from_lanes: outwards ? own : theirs,
            to_lanes: outwards ? theirs : own,
            distance_m: Number(distance),
            free_flow_s: Number(freeFlow),
          },
        }),
      ),
    onSuccess: done,
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (other) save.mutate(other);
  };
  const problem = save.error instanceof ProblemError ? save.error : null;
  return (
    <form onSubmit={submit}>
      <Stack>
        <Unfetched query={junctions} />
        <Refusal error={save.error} shown={['distance_m', 'free_flow_s']} />
        <SegmentedControl
          aria-label={t('links.direction')}
          disabled={link !== null}
          value={direction}
          onChange={(value) => choose(value === 'to' ? 'to' : 'from', other)}
          data={[
            { value: 'from', label: t('links.from') },
            { value: 'to', label: t('links.to') },
          ]}
        />
        <Select
          label={t('links.neighbour')}
          data={(junctions.data ?? [])
            .filter(({ junction_id }) => junction_id !== id)
            .map(({ junction_id, junction_name }) => ({ value: junction_id, label: junction_name }))}
          value={other}
          onChange={(value) => {
            setTheirs([]);
            choose(direction, value);
          }}
          disabled={link !== null}
          searchable
          required
        />
        {found && (
          <Alert color="yellow" role="status">
            {t('links.there')}
          </Alert>
        )}
        <MultiSelect
          label={t('links.ownLanes')}
          description={t('links.lanesText')}
          data={lanesOf(layout)}
          value={own}
          onChange={setOwn}
        />
        <Unfetched query={neighbour} />
        <MultiSelect
          label={t('links.theirLanes')}
          data={lanesOf(neighbour.data)}
          value={theirs}
          onChange={setTheirs}
          // Until their names are known there is nothing to choose, and what was chosen would be shown by its ids.
          disabled={!neighbour.data}
        />
        <SimpleGrid cols={2}>
          <NumberInput
            label={t('links.distance')}
            value={distance}
            onChange={setDistance}
            min={1}
            max={100_000}
            error={problem?.about('distance_m')}
            required
          />
          <NumberInput
            label={t('links.freeFlow')}
            value={freeFlow}
            onChange={setFreeFlow}
            min={0.1}
            max={7200}
            error={problem?.about('free_flow_s')}
            required
          />
        </SimpleGrid>
        <Group justify="flex-end">
          <Button type="submit" loading={save.isPending}>
            {t('save')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
