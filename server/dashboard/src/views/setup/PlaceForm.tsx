import { Button, Fieldset, Group, Select, Stack } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type SubmitEvent, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, data } from '@/api/client';
import { ProblemError } from '@/api/problem';
import type { Layout } from '@/api/types';
import {
  PLACE_FIELDS,
  placeBody,
  placeChanges,
  PlaceFields,
  type PlaceValues,
} from '@/components/junction/PlaceFields';
import { useUnsaved } from '@/components/edits/unsaved';
import { Refusal } from '@/components/Refusal';
import { Section } from '@/components/Section';
import { DEFAULT_ZONE } from '@/i18n/format';
import { tellDone } from '@/components/notify';

/** Zones that browsers still list by the names that their cities had. */
const RENAMED: Record<string, string> = {
  'Asia/Calcutta': 'Asia/Kolkata',
  'Asia/Katmandu': 'Asia/Kathmandu',
  'Asia/Rangoon': 'Asia/Yangon',
  'Asia/Saigon': 'Asia/Ho_Chi_Minh',
};

const zoneNames = () => Intl.supportedValuesOf('timeZone').map((name) => RENAMED[name] ?? name);

/** Name, place, time zone and cycle times. Only what was edited here is sent: what others change meanwhile shows, and stays. */
export function PlaceForm({ layout, admin }: { layout: Layout; admin: boolean }) {
  const { t } = useTranslation('setup');
  const client = useQueryClient();
  const own = layout.time_zone ?? DEFAULT_ZONE;
  const [edited, setEdited] = useState<Partial<PlaceValues & { time_zone: string }>>({});
  const { time_zone: zone = own, ...places } = edited;
  const values = { ...layout, ...places };
  const changes = placeChanges({ ...placeBody(layout), time_zone: own }, { ...placeBody(values), time_zone: zone });
  const zones = useMemo(() => [...new Set([own, DEFAULT_ZONE, ...zoneNames()])], [own]);
  const save = useMutation({
    mutationFn: () =>
      data(
        api.PATCH('/api/junctions/{junction_id}', {
          params: { path: { junction_id: layout.junction_id } },
          body: changes,
        }),
      ),
    onSuccess: () => {
      setEdited({});
      tellDone(t('saved'));
      void client.invalidateQueries({ queryKey: ['junction', layout.junction_id] });
      void client.invalidateQueries({ queryKey: ['junctions'] });
    },
  });
  useUnsaved(admin && Object.keys(changes).length > 0);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    save.mutate();
  };
  const problem = save.error instanceof ProblemError ? save.error : null;
  return (
    <Section title={t('place')} {...(admin ? {} : { text: t('onlyAdmins') })}>
      <form onSubmit={submit}>
        <Fieldset variant="unstyled" m={0} disabled={!admin || save.isPending} aria-label={t('place')}>
          <Stack maw={560}>
            <Refusal error={save.error} shown={[...PLACE_FIELDS, 'time_zone']} />
            <PlaceFields
              values={values}
              change={(part) => setEdited((before) => ({ ...before, ...part }))}
              error={save.error}
            />
            <Select
              label={t('zone')}
              description={t('zoneText')}
              data={zones}
              value={zone}
              onChange={(value) => value && setEdited((before) => ({ ...before, time_zone: value }))}
              searchable
              limit={50}
              allowDeselect={false}
              error={problem?.about('time_zone')}
            />
            {admin && (
              <Group>
                <Button type="submit" loading={save.isPending}>
                  {t('save')}
                </Button>
              </Group>
            )}
          </Stack>
        </Fieldset>
      </form>
    </Section>
  );
}
