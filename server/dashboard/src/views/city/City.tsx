import { Skeleton, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { linksOptions } from '@/api/links';
import { AsOf } from '@/components/AsOf';
import { PageTitle } from '@/components/PageTitle';
import { Section } from '@/components/Section';
import { Unfetched } from '@/components/Unfetched';
import { AlarmList } from '@/components/alarms/AlarmList';
import { useFilters } from '@/components/list/useFilters';
import { useTyped } from '@/components/list/useTyped';
import classes from './City.module.css';
import { CityMap } from './CityMap';
import { FilterBar, FILTERS } from './FilterBar';
import { JunctionTable } from './JunctionTable';
import { select } from './states';
import { Totals } from './Totals';
import { useCityStates } from './useCity';

/** The city: its junctions on a map and in a list, live, and what is to be looked into. */
export function City() {
  const { t } = useTranslation('city');
  const { states, query } = useCityStates();
  // They stand in the address, so that who comes back from a junction finds the list as it was.
  const [chosen, choose] = useFilters(['filter', 'search']);
  const filter = FILTERS.find((known) => known === chosen.filter) ?? 'all';
  const { typed: search, commit: type } = useTyped(chosen.search, (text) => choose('search', text));
  const links = useQuery(linksOptions);
  const shown = useMemo(() => select(states ?? [], filter, search), [states, filter, search]);
  return (
    <Stack>
      <PageTitle>{t('title')}</PageTitle>
      <Unfetched query={query} />
      <AsOf query={query} />
      {!query.error && <Unfetched query={links} />}
      <Totals states={states} />
      <FilterBar
        filter={filter}
        onFilter={(value) => choose('filter', value === 'all' ? null : value)}
        search={search}
        onSearch={type}
      />
      {/* Each junction on the map is a stop of the keyboard. */}
      <a className="skip skip-past" href="#junctions">
        {t('map.skip')}
      </a>
      <div className={classes.halves}>
        <CityMap states={shown} chosen={`${filter} ${search}`} links={links.data ?? []} />
        <div id="junctions" tabIndex={-1}>
          <Section title={t('list.label')}>
            {states ? (
              states.length === 0 ? (
                <Text c="dimmed">{t('list.empty')}</Text>
              ) : (
                <JunctionTable states={shown} />
              )
            ) : (
              // Why they could not be fetched stands above.
              !query.error && <Skeleton height={240} />
            )}
          </Section>
        </div>
      </div>
      <AlarmList />
    </Stack>
  );
}
