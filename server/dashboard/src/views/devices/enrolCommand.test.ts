import { expect, it } from 'vitest';
import { enrolCommand } from './enrolCommand';

it('the token of an enrolment goes by standard input, not as an argument', () => {
  const command = enrolCommand('https://server.example', 'ab12');
  const [words, input] = command.split('<<<');
  expect(words).toBe(
    'curl -X POST https://server.example/api/devices/enroll -H "Content-Type: application/json" -d @- ',
  );
  expect(JSON.parse((input ?? '').trim().slice(1, -1))).toEqual({ token: 'ab12' });
});
