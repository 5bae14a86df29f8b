import { useMutation } from '@tanstack/react-query';
import { api, data } from '@/api/client';

/** What a device can be asked. */
export type CommandType = 'identify' | 'restart_reader' | 'lamp_test' | 'send_config' | 'reload';

/** Asks a device to do something; the answer comes within five seconds. */
export const useCommand = (deviceId: string) =>
  useMutation({
    mutationFn: ({ type, name }: { type: CommandType; name?: string }) =>
      data(
        api.POST('/api/devices/{device_id}/commands', {
          params: { path: { device_id: deviceId } },
          body: { type, ...(name === undefined ? {} : { name }) },
        }),
      ),
  });
