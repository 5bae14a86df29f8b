import { Button, Group, Stack, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type SubmitEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { api, data } from '@/api/client';
import { junctionPath } from '@/components/junction/JunctionHead';
import { PLACE_FIELDS, placeBody, PlaceFields, type PlaceValues } from '@/components/junction/PlaceFields';
import { Refusal } from '@/components/Refusal';

const EMPTY: PlaceValues = {
  junction_name: '',
  city: '',
  latitude: '',
  longitude: '',
  min_cycle_time: 30,
  base_cycle_time: 60,
  max_cycle_time: 120,
};

/** Creates a junction, and leads to its lanes and stages. */
export function NewJunction() {
  const { t } = useTranslation('junctions');
  const [values, setValues] = useState(EMPTY);
  const navigate = useNavigate();
  const client = useQueryClient();
  const create = useMutation({
    mutationFn: () => data(api.POST('/api/junctions/', { body: placeBody(values) })),
    onSuccess: async ({ junction_id }) => {
      await client.invalidateQueries({ queryKey: ['junctions'] });
      await navigate(junctionPath(junction_id, 'layout'));
    },
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <Text size="sm">{t('newText')}</Text>
        <Refusal error={create.error} shown={PLACE_FIELDS} />
        <PlaceFields
          values={values}
          change={(part) => setValues((before) => ({ ...before, ...part }))}
          error={create.error}
        />
        <Group justify="flex-end">
          <Button type="submit" loading={create.isPending}>
            {t('create')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
