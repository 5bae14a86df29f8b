import { Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useParams } from 'react-router';
import { api, data } from '@/api/client';
import { Fetched } from '@/components/Fetched';
import { PageTitle } from '@/components/PageTitle';

/** A junction. */
export function JunctionView() {
  const { junctionId = '' } = useParams();
  const junction = useQuery({
    queryKey: ['junction', junctionId, 'row'],
    queryFn: ({ signal }) =>
      data(api.GET('/api/junctions/{junction_id}', { params: { path: { junction_id: junctionId } }, signal })),
  });
  return (
    <Stack>
      <Fetched query={junction}>{(row) => <PageTitle>{row.junction_name}</PageTitle>}</Fetched>
    </Stack>
  );
}
