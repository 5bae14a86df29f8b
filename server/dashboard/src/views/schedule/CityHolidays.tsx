import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { api, tagged } from '@/api/client';
import { useMe } from '@/api/me';
import { SaveBar } from '@/components/edits/SaveBar';
import { SaveRefusal } from '@/components/edits/SaveRefusal';
import { useEdited } from '@/components/edits/useEdited';
import { Section } from '@/components/Section';
import { tellDone } from '@/components/notify';
import { Holidays } from './Holidays';
import type { Holiday } from './week';

/** Holidays of the whole city, which administrators change. */
export function CityHolidays({ city, junction, holidays }: { city: string; junction: string; holidays: Holiday[] }) {
  const { t } = useTranslation('schedule');
  const admin = useMe().data?.is_admin ?? false;
  const client = useQueryClient();
  const key = ['holidays', city];
  const now = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => tagged(api.GET('/api/holidays/{city}', { params: { path: { city } }, signal })),
    enabled: admin,
  });
  const edited = useEdited<Holiday[]>(now.data?.holidays ?? holidays, now.data?.tag ?? null);
  const save = useMutation({
    mutationFn: (list: Holiday[]) =>
      tagged(
        api.PUT('/api/holidays/{city}', {
          params: { path: { city }, header: edited.header },
          body: { holidays: list },
        }),
      ),
    onSuccess: (saved) => {
      client.setQueryData(key, saved);
      void client.invalidateQueries({ queryKey: ['junction', junction, 'schedule'] });
      edited.forget();
      tellDone(t('saved'));
    },
  });
  const discard = () => {
    edited.forget();
    save.reset();
  };
  const load = async () => {
    await client.invalidateQueries({ queryKey: key });
    discard();
  };
  return (
    <Section title={t('cityHolidays', { city })} text={t('cityHolidaysText')}>
      <SaveRefusal error={save.error} outdated={edited.outdated} load={() => void load()} />
      <Holidays
        label={t('cityHolidays', { city })}
        holidays={edited.value}
        {...(admin && now.data ? { change: (list: Holiday[]) => edited.change(() => list) } : {})}
      />
      <SaveBar
        changed={edited.changed}
        saving={save.isPending}
        save={() => save.mutate(edited.value)}
        discard={discard}
      />
    </Section>
  );
}
