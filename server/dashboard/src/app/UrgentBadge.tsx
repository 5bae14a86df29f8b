import { Badge, VisuallyHidden } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { URGENT_PATH } from '@/components/alarms/open';

interface Props {
  count: number;
  onClick?: () => void;
  'data-testid'?: string;
}

/** How many alarms want somebody; leads to just these. */
export function UrgentBadge({ count, ...rest }: Props) {
  const { t } = useTranslation();
  return (
    <Badge
      component={Link}
      to={URGENT_PATH}
      size="lg"
      color="red"
      variant="filled"
      style={{ cursor: 'pointer' }}
      {...rest}
    >
      <span aria-hidden>{count}</span>
      <VisuallyHidden>{t('urgent', { n: count })}</VisuallyHidden>
    </Badge>
  );
}
