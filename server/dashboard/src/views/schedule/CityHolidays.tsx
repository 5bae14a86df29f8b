import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { api, tagged } from '@/api/client';
import { useZones } from '@/api/junctions';
import { useMe } from '@/api/me';
import { AsOf } from '@/components/AsOf';
import { SaveBar } from '@/components/edits/SaveBar';
import { SaveRefusal } from '@/components/edits/SaveRefusal';
import { useEdited } from '@/components/edits/useEdited';
import { useSave } from '@/components/edits/useSave';
import { Section } from '@/components/Section';
import { Unfetched } from '@/components/Unfetched';
import { tellDone } from '@/components/notify';
import { Holidays } from './Holidays';
import type { Holiday } from './week';

/** Holidays of the whole city, which administrators change. */
export function CityHolidays({ city, junction, holidays }: { city: string; junction: string; holidays: Holiday[] }) {
  const { t } = useTranslation('schedule');
  const admin = useMe().data?.is_admin ?? false;
  const client = useQueryClient();
  const zone = useZones().of(junction);
  const key = ['holidays', city];
  const now = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => tagged(api.GET('/api/holidays/{city}', { params: { path: { city } }, signal })),
    enabled: admin,
    refetchInterval: 60_000,
  });
  const edited = useEdited<Holiday[]>(now.data?.holidays ?? holidays, now.data?.tag ?? null);
  const saving = useSave({
    edited,
    queryKey: key,
    put: (list, header) =>
      tagged(api.PUT('/api/holidays/{city}', { params: { path: { city }, header }, body: { holidays: list } })),
    onSaved: () => {
      void client.invalidateQueries({ queryKey: ['junction', junction, 'schedule'] });
      tellDone(t('saved'));
    },
  });
  return (
    <Section title={t('cityHolidays', { city })} text={t('cityHolidaysText')}>
      <Unfetched query={now} />
      <AsOf query={now} />
      <SaveRefusal
        error={saving.error}
        outdated={edited.outdated}
        load={saving.load}
        overwrite={saving.overwrite}
        zone={zone}
      />
      <Holidays
        label={t('cityHolidays', { city })}
        holidays={edited.value}
        {...(admin && now.data ? { change: (list: Holiday[]) => edited.change(() => list) } : {})}
      />
      <SaveBar changed={edited.changed} saving={saving.isPending} save={saving.save} discard={saving.discard} />
    </Section>
  );
}
