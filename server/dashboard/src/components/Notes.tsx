import { Notifications } from '@mantine/notifications';
import classes from './Notes.module.css';

/** Where notices stand, above every view. All of them: with a limit those that stay would hide each one after them. */
export function Notes() {
  return <Notifications position="bottom-right" limit={Infinity} classNames={{ root: classes.notes }} />;
}
