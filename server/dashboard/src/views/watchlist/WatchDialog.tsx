import { Button, MultiSelect, Radio, Stack, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type SubmitEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, data } from '@/api/client';
import { useJunctions, useZones } from '@/api/junctions';
import { ProblemError } from '@/api/problem';
import { Dialog } from '@/components/Dialog';
import { TimeField } from '@/components/list/TimeField';
import { Refusal } from '@/components/Refusal';
import { Unfetched } from '@/components/Unfetched';

interface Props {
  opened: boolean;
  onClose: () => void;
  onDone: () => void;
}

/** Lets junctions look out for a vehicle. */
export function WatchDialog({ opened, onClose, onDone }: Props) {
  const { t } = useTranslation('watchlist');
  return (
    <Dialog form opened={opened} onClose={onClose} title={t('add')}>
      <WatchForm
        onDone={() => {
          onDone();
          onClose();
        }}
      />
    </Dialog>
  );
}

const SHOWN = ['epc', 'class', 'label', 'junction_ids', 'valid_until'];

function WatchForm({ onDone }: { onDone: () => void }) {
  const { t } = useTranslation('watchlist');
  const junctions = useJunctions();
  const zones = useZones();
  const [epc, setEpc] = useState('');
  const [kind, setKind] = useState('emergency');
  const [label, setLabel] = useState('');
  const [ids, setIds] = useState<string[]>([]);
  const [until, setUntil] = useState<string | null>(null);
  const add = useMutation({
    mutationFn: () =>
      data(
        api.POST('/api/watchlist', {
          body: {
            epc: epc.replace(/\s/g, ''),
            class: kind,
            label: label || null,
            junction_ids: ids,
            valid_until: until ?? '',
          },
        }),
      ),
    onSuccess: onDone,
  });
  const problem = add.error instanceof ProblemError ? add.error : null;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    add.mutate();
  };
  const all = (junctions.data ?? []).map((junction) => junction.junction_id);
  // The clock on the wall where the vehicle is looked out for; of several walls that differ, the city's.
  const [first = zones.city, ...others] = [...new Set(ids.map(zones.of))];
  const zone = others.length === 0 ? first : zones.city;
  return (
    <form onSubmit={submit}>
      <Stack>
        <Unfetched query={junctions} />
        <Refusal error={add.error} shown={SHOWN} />
        <TextInput
          label={t('epc')}
          description={t('epcHint')}
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
          autoComplete="off"
          spellCheck={false}
          maxLength={124}
          value={epc}
          onChange={(event) => setEpc(event.currentTarget.value)}
          error={problem?.about('epc')}
          data-autofocus
          required
        />
        <Radio.Group
          label={t('classLabel')}
          description={t('classHint')}
          value={kind}
          onChange={setKind}
          error={problem?.about('class')}
        >
          <Stack gap="xs" mt="xs">
            <Radio value="emergency" label={t('class.emergency')} />
            <Radio value="transit" label={t('class.transit')} />
          </Stack>
        </Radio.Group>
        <TextInput
          label={t('label')}
          description={t('labelHint')}
          maxLength={200}
          value={label}
          onChange={(event) => setLabel(event.currentTarget.value)}
          error={problem?.about('label')}
        />
        <MultiSelect
          label={t('junctions')}
          data={(junctions.data ?? []).map((junction) => ({
            value: junction.junction_id,
            label: junction.junction_name,
          }))}
          value={ids}
          onChange={setIds}
          searchable
          clearable
          clearButtonProps={{ 'aria-label': t('clear', { ns: 'lists' }) }}
          nothingFoundMessage={t('nothingFound', { ns: 'lists' })}
          limit={100}
          error={problem?.about('junction_ids')}
          required
        />
        {ids.length < all.length && (
          <Button variant="subtle" size="compact-sm" style={{ alignSelf: 'start' }} onClick={() => setIds(all)}>
            {t('everywhere')}
          </Button>
        )}
        <TimeField
          label={t('until')}
          value={until}
          onChange={setUntil}
          zone={zone}
          error={problem?.about('valid_until')}
          required
        />
        <Button type="submit" loading={add.isPending}>
          {t('add')}
        </Button>
      </Stack>
    </form>
  );
}
