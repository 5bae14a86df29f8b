import { ActionIcon, Button, Group, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Pencil, Plus, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, data } from '@/api/client';
import { useJunctionNames } from '@/api/junctions';
import { linksOptions } from '@/api/links';
import type { components } from '@/api/schema';
import type { Layout } from '@/api/types';
import { type Asked, Confirm } from '@/components/Confirm';
import { Dialog } from '@/components/Dialog';
import { Fetched } from '@/components/Fetched';
import { type Column, Rows } from '@/components/list/Rows';
import { Section } from '@/components/Section';
import { useKeptFocus } from '@/components/useKeptFocus';
import { useFormat } from '@/i18n/format';
import { LinkForm } from './LinkForm';

export type Way = components['schemas']['LinkEntry'];

/** The ways to and from the next junctions. */
export function Links({ layout, admin }: { layout: Layout; admin: boolean }) {
  const { t } = useTranslation('setup');
  const id = layout.junction_id;
  const format = useFormat();
  const nameOf = useJunctionNames();
  const client = useQueryClient();
  const kept = useKeptFocus<HTMLDivElement>();
  const [open, setOpen] = useState<Way | 'new' | null>(null);
  const [asked, setAsked] = useState<Asked | null>(null);
  const links = useQuery({
    ...linksOptions,
    select: (all) => all.filter((link) => link.from_junction === id || link.to_junction === id),
  });
  const renew = () => client.invalidateQueries({ queryKey: linksOptions.queryKey });
  const remove = ({ from_junction, to_junction }: Way) =>
    setAsked({
      title: t('links.remove'),
      text: t('links.sure', { from: nameOf(from_junction), to: nameOf(to_junction) }),
      action: t('links.remove'),
      run: () =>
        data(
          api.DELETE('/api/links/{from_junction}/{to_junction}', { params: { path: { from_junction, to_junction } } }),
        ),
      onDone: () => void renew(),
    });
  const wayOf = ({ from_junction, to_junction }: Way) => `${nameOf(from_junction)} → ${nameOf(to_junction)}`;
  const columns: Column<Way>[] = [
    { label: t('links.way'), cell: wayOf },
    { label: t('links.distance'), cell: (link) => format.number(link.distance_m) },
    { label: t('links.freeFlow'), cell: (link) => format.number(link.free_flow_s, 1) },
  ];
  if (admin)
    columns.push({
      label: t('links.actions'),
      cell: (link) => (
        <Group gap={2} wrap="nowrap">
          <ActionIcon
            variant="subtle"
            aria-label={t('links.changeOf', { way: wayOf(link) })}
            onClick={() => setOpen(link)}
          >
            <Pencil size={16} aria-hidden />
          </ActionIcon>
          <ActionIcon
            variant="subtle"
            color="red"
            aria-label={t('links.removeOf', { way: wayOf(link) })}
            onClick={() => remove(link)}
          >
            <Trash2 size={16} aria-hidden />
          </ActionIcon>
        </Group>
      ),
    });
  return (
    <Section
      title={t('links.title')}
      text={t('links.text')}
      aside={
        admin && (
          <Button
            variant="default"
            leftSection={<Plus size={16} aria-hidden />}
            // What is there already is not replaced unseen.
            disabled={!links.data}
            onClick={() => setOpen('new')}
          >
            {t('links.add')}
          </Button>
        )
      }
    >
      <div {...kept}>
        <Fetched query={links}>
          {(list) =>
            list.length === 0 ? (
              <Text size="sm">{t('links.none')}</Text>
            ) : (
              <Rows
                label={t('links.title')}
                rows={list}
                rowKey={(link) => link.from_junction + link.to_junction}
                columns={columns}
              />
            )
          }
        </Fetched>
      </div>
      <Dialog form opened={open !== null} onClose={() => setOpen(null)} title={t('links.add')}>
        {open && (
          <LinkForm
            layout={layout}
            link={open === 'new' ? null : open}
            known={links.data ?? []}
            done={() => {
              setOpen(null);
              void renew();
            }}
          />
        )}
      </Dialog>
      <Confirm asked={asked} onClose={() => setAsked(null)} />
    </Section>
  );
}
