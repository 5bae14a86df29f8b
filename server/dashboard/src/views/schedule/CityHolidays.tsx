import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, data } from '@/api/client';
import { useMe } from '@/api/me';
import { SaveBar } from '@/components/junction/SaveBar';
import { Refusal } from '@/components/Refusal';
import { Section } from '@/components/Section';
import { tellDone } from '@/components/notify';
import { Holidays } from './Holidays';
import type { Holiday } from './week';

/** Holidays of the whole city, which administrators change. */
export function CityHolidays({ city, junction, holidays }: { city: string; junction: string; holidays: Holiday[] }) {
  const { t } = useTranslation('schedule');
  const admin = useMe().data?.is_admin ?? false;
  const client = useQueryClient();
  const [edited, setEdited] = useState<Holiday[] | null>(null);
  const save = useMutation({
    mutationFn: (list: Holiday[]) =>
      data(api.PUT('/api/holidays/{city}', { params: { path: { city } }, body: { holidays: list } })),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['junction', junction, 'schedule'] });
      setEdited(null);
      tellDone(t('saved'));
    },
  });
  return (
    <Section title={t('cityHolidays', { city })} text={t('cityHolidaysText')}>
      <Refusal error={save.error} />
      <Holidays
        label={t('cityHolidays', { city })}
        holidays={edited ?? holidays}
        {...(admin ? { change: setEdited } : {})}
      />
      <SaveBar
        changed={edited !== null}
        saving={save.isPending}
        save={() => edited && save.mutate(edited)}
        discard={() => {
          setEdited(null);
          save.reset();
        }}
      />
    </Section>
  );
}
