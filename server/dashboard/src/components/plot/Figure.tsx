import { ActionIcon, Button, Collapse, Group, Menu } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Download } from 'lucide-react';
import { type ReactNode, useId } from 'react';
import { useTranslation } from 'react-i18next';
import { sentenceOf } from '@/api/problem';
import { Section } from '@/components/Section';
import { tellFailed } from '@/components/notify';
import { DataTable } from './DataTable';
import { type Cell, csvOf, fileName, saveFile } from '@/components/files';

export interface FigureTable {
  header: string[];
  rows: Cell[][];
}

interface Props {
  title: string;
  text?: string;
  /** What the files are called by, besides the title: junction and span. */
  names: string[];
  /** Makes the picture. */
  picture?: { type: 'png' | 'svg'; make: () => Promise<Blob> };
  table: FigureTable;
  write: (value: number, column: number) => string;
  /** Further files. */
  files?: { label: string; save: () => Promise<void> }[];
  children: ReactNode;
}

/** A picture with its numbers, and both as files. */
export function Figure({ title, text, names, picture, table, write, files = [], children }: Props) {
  const { t } = useTranslation('plot');
  const [opened, { toggle }] = useDisclosure(false);
  const id = useId();
  const name = fileName(title, ...names);
  const attempt = (save: () => Promise<void>) => () => {
    save().catch((error: unknown) => tellFailed(t('notSaved'), sentenceOf(error)));
  };
  const save = async (type: string, make: () => Promise<Blob>) => saveFile(`${name}.${type}`, await make());
  const csv = async () => {
    await Promise.resolve();
    saveFile(`${name}.csv`, csvOf(table.header, table.rows), 'text/csv');
  };
  const aside = (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="default" size="lg" aria-label={t('saveOf', { title })}>
          <Download size={18} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {picture && (
          <Menu.Item onClick={attempt(() => save(picture.type, picture.make))}>
            {t(picture.type === 'png' ? 'png' : 'svg')}
          </Menu.Item>
        )}
        <Menu.Item onClick={attempt(csv)}>{t('csv')}</Menu.Item>
        {files.map((file) => (
          <Menu.Item key={file.label} onClick={attempt(file.save)}>
            {file.label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
  return (
    <Section title={title} {...(text ? { text } : {})} aside={aside}>
      {children}
      <Group>
        <Button size="compact-sm" variant="subtle" ml={-8} aria-expanded={opened} aria-controls={id} onClick={toggle}>
          {opened ? t('hideTable') : t('showTable')}
        </Button>
      </Group>
      <Collapse expanded={opened} id={id}>
        {opened && <DataTable caption={title} {...table} write={write} />}
      </Collapse>
    </Section>
  );
}
