import { SegmentedControl, Stack } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { api, data } from '@/api/client';
import { Refusal } from '@/components/Refusal';

export const ROLES = ['none', 'observer', 'operator'] as const;
export type Role = (typeof ROLES)[number];

interface Props {
  userId: string;
  junctionId: string;
  /** Whose role it is, and where. */
  label: string;
  role: Role;
}

/** The role of a user at one junction; what comes of a change stands beside it. */
export function RoleControl({ userId, junctionId, label, role }: Props) {
  const { t } = useTranslation('people');
  const client = useQueryClient();
  const change = useMutation({
    mutationFn: async (wanted: Role) => {
      const params = { path: { user_id: userId, junction_id: junctionId } };
      const path = '/api/users/{user_id}/access/{junction_id}';
      await (wanted === 'none'
        ? data(api.DELETE(path, { params }))
        : data(api.PUT(path, { params, body: { role: wanted } })));
    },
    // The list of users says at how many junctions each may do something.
    onSettled: () => client.invalidateQueries({ queryKey: ['users'] }),
  });
  return (
    <Stack gap={4} align="flex-start">
      <SegmentedControl
        size="xs"
        aria-label={label}
        data={ROLES.map((value) => ({ value, label: t(`role.${value}`) }))}
        value={change.isPending ? change.variables : role}
        // Not disabled while it is sent: who chose by the keyboard would be thrown out of it.
        onChange={(wanted) => !change.isPending && change.mutate(wanted)}
      />
      <Refusal error={change.error} />
    </Stack>
  );
}
